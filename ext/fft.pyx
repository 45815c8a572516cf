"""The Fourier transform of one window of interleaved stereo, planned once a process.

Interleaved stereo is the complex signal `l + i*r`, so one complex transform serves both channels. The
transform goes through the stack and back: one in place would have FFTW ask for memory whenever it runs.
"""
import os
from pathlib import Path

cdef extern from "<fftw3.h>" nogil:
    ctypedef struct fftwf_plan_s:
        pass
    ctypedef fftwf_plan_s* fftwf_plan
    fftwf_plan fftwf_plan_dft_1d(int n, fftwf_complex* a, fftwf_complex* b, int sign, unsigned flags)
    int fftwf_import_wisdom_from_filename(const char* path)
    int fftwf_export_wisdom_to_filename(const char* path)
    const int FFTW_FORWARD
    const int FFTW_BACKWARD
    const unsigned FFTW_MEASURE
    const unsigned FFTW_NO_BUFFERING
    const unsigned FFTW_WISDOM_ONLY

cdef extern from *:
    """
    #include <fftw3.h>
    #include <string.h>
    static inline void remixd_transform(const fftwf_plan plan, fftwf_complex *z) {
        __attribute__((aligned(64))) fftwf_complex out[4096];
        fftwf_execute_dft(plan, z, out);
        memcpy(z, out, sizeof out);
    }
    """
    void transform "remixd_transform"(const fftwf_plan plan, fftwf_complex* z) noexcept nogil

cdef fftwf_plan _forward = NULL
cdef fftwf_plan _backward = NULL


cdef bint fft_is_ready() noexcept nogil:
    """Whether `prepare` has run."""
    return _backward != NULL


cdef void fft_forward(fftwf_complex* z) noexcept nogil:
    """Transform FRAME complex samples in place. `z` is from `fftwf_malloc`. Thread: [render]."""
    transform(_forward, z)


cdef void fft_backward(fftwf_complex* z) noexcept nogil:
    """The inverse, not scaled: FRAME times what `fft_forward` was given. Thread: [render]."""
    transform(_backward, z)


cdef fftwf_plan _plan(int sign, unsigned flags) except? NULL:
    cdef fftwf_complex* memory = <fftwf_complex*>fftwf_malloc(2 * FRAME * sizeof(fftwf_complex))
    if memory == NULL:
        raise MemoryError("no memory for FFT plans")
    flags |= FFTW_MEASURE | FFTW_NO_BUFFERING
    cdef fftwf_plan plan = fftwf_plan_dft_1d(FRAME, memory, memory + FRAME, sign, flags)
    fftwf_free(memory)
    return plan


def prepare(wisdom=None) -> str:
    """Make the FFT plans, once a process. Must run before anything is rendered or analysed.

    Args:
        wisdom: a file of FFTW wisdom. If it holds the plans they are used as they are, so that every
            process computes the same bits; else plans are measured and the file is written.

    Returns what went wrong with the file, as a sentence, or nothing: without it everything works, but
    another process may plan differently, and differ in the last bits. Thread: [housekeeping].
    """
    global _forward, _backward
    cdef bint known = False
    note = ""
    if _backward != NULL:
        return note
    if wisdom is not None and os.path.isfile(wisdom):
        fftwf_import_wisdom_from_filename(os.fsencode(wisdom))
        _forward = _plan(FFTW_FORWARD, FFTW_WISDOM_ONLY)
        _backward = _plan(FFTW_BACKWARD, FFTW_WISDOM_ONLY)
        known = _forward != NULL and _backward != NULL
    if not known:
        _forward = _plan(FFTW_FORWARD, 0)
        _backward = _plan(FFTW_BACKWARD, 0)
        if wisdom is not None:
            try:
                _export(Path(wisdom))
            except OSError as error:
                note = f"FFT plans cannot be kept in {wisdom}: {error.strerror or error}"
    return note


def _export(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    if not fftwf_export_wisdom_to_filename(os.fsencode(partial)):
        raise OSError("it cannot be written")
    try:
        os.replace(partial, path)
    except OSError:
        os.unlink(partial)
        raise
