"""The tonal stretcher: a phase vocoder with identity phase locking, on interleaved stereo.

Interleaved stereo is the complex signal `l + i*r`, so one complex FFT serves both channels, and turning bin
k by `theta` and bin N-k by `-theta` keeps the stereo image as it is. Each spectral peak's frequency comes
from reassignment (Auger & Flandrin 1995, with the derivative of the window), and every bin of its region
turns with it (Laroche & Dolson 1999, identity phase locking). Source positions are exact; only phases are
estimated.

Thread: [render], except `prepare` and the init functions.
"""
from libc.math cimport M_PI, cos, cosf, sin, sinf, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy, memset

import os
from pathlib import Path

from remixd._kernel.stem cimport StemView, stem_read

cdef extern from "<fftw3.h>" nogil:
    ctypedef struct fftwf_plan_s:
        pass
    ctypedef fftwf_plan_s* fftwf_plan
    void* fftwf_malloc(size_t bytes)
    void fftwf_free(void* memory)
    fftwf_plan fftwf_plan_dft_1d(int n, fftwf_complex* a, fftwf_complex* b, int sign, unsigned flags)
    void fftwf_execute_dft(const fftwf_plan plan, fftwf_complex* a, fftwf_complex* b)
    int fftwf_import_wisdom_from_filename(const char* path)
    int fftwf_export_wisdom_to_filename(const char* path)
    const int FFTW_FORWARD
    const int FFTW_BACKWARD
    const unsigned FFTW_MEASURE
    const unsigned FFTW_WISDOM_ONLY

cdef enum:
    PHASES = 256            # rows of the resampler's table
    HALF = FRAME // 2
    OVERLAP = FRAME // HOP

cdef fftwf_plan _forward = NULL
cdef fftwf_plan _backward = NULL
cdef float _window[FRAME]           # Hann
cdef float _slope[FRAME]            # its derivative, a sample
cdef float _synthesis[FRAME]        # Hann, scaled so that overlapped w^2 sum to 1 after the inverse FFT
cdef float _square[FRAME]           # w^2, scaled so that overlapped copies sum to 1
cdef float _sinc[PHASES + 1][TAPS]
cdef bint _prepared = False


cdef double _bessel_i0(double x) noexcept:
    cdef double term = 1.0, total = 1.0
    cdef int k
    for k in range(1, 60):
        term *= (x / (2.0 * k)) * (x / (2.0 * k))
        total += term
    return total


cdef void _make_windows() noexcept:
    cdef int t
    cdef double w
    for t in range(FRAME):
        w = 0.5 - 0.5 * cos(2.0 * M_PI * t / FRAME)
        _window[t] = <float>w
        _slope[t] = <float>(M_PI / FRAME * sin(2.0 * M_PI * t / FRAME))
        _synthesis[t] = <float>(w * 2.0 / 3.0 / FRAME)
        _square[t] = <float>(w * w * 2.0 / 3.0)


cdef void _make_sinc() noexcept:
    """Kaiser-windowed sinc, beta 9: row 0 is exactly one sample."""
    cdef int phase, tap
    cdef double x, edge
    for phase in range(PHASES + 1):
        for tap in range(TAPS):
            x = tap - (TAPS // 2 - 1) - <double>phase / PHASES
            edge = 1.0 - (x / (TAPS / 2.0)) * (x / (TAPS / 2.0))
            if x == 0.0:
                _sinc[phase][tap] = 1.0
            elif edge <= 0.0 or phase == 0 or phase == PHASES:
                _sinc[phase][tap] = 0.0
            else:
                _sinc[phase][tap] = <float>(
                    sin(M_PI * x) / (M_PI * x) * _bessel_i0(9.0 * sqrt(edge)) / _bessel_i0(9.0)
                )


cdef fftwf_plan _plan(int sign, unsigned flags) except? NULL:
    cdef fftwf_complex* memory = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
    if memory == NULL:
        raise MemoryError("no memory for FFT plans")
    cdef fftwf_plan plan = fftwf_plan_dft_1d(FRAME, memory, memory, sign, flags)
    fftwf_free(memory)
    return plan


def prepare(wisdom=None) -> str:
    """Make the FFT plans and tables, once a process. Must run before anything is rendered.

    Args:
        wisdom: a file of FFTW wisdom. If it holds the plans they are used as they are, so that every
            process computes the same bits; else plans are measured and the file is written.

    Returns what went wrong with the file, as a sentence, or nothing: without it everything works, but
    another process may plan differently, and differ in the last bits. Thread: [housekeeping].
    """
    global _forward, _backward, _prepared
    cdef bint known = False
    note = ""
    if _prepared:
        return note
    _make_windows()
    _make_sinc()
    if wisdom is not None and os.path.isfile(wisdom):
        fftwf_import_wisdom_from_filename(os.fsencode(wisdom))
        _forward = _plan(FFTW_FORWARD, FFTW_MEASURE | FFTW_WISDOM_ONLY)
        _backward = _plan(FFTW_BACKWARD, FFTW_MEASURE | FFTW_WISDOM_ONLY)
        known = _forward != NULL and _backward != NULL
    if not known:
        _forward = _plan(FFTW_FORWARD, FFTW_MEASURE)
        _backward = _plan(FFTW_BACKWARD, FFTW_MEASURE)
        if wisdom is not None:
            try:
                _export(Path(wisdom))
            except OSError as error:
                note = f"FFT plans cannot be kept in {wisdom}: {error.strerror or error}"
    _prepared = True
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


cdef int scratch_init(Scratch* scratch) except -1:
    """Allocate working memory. Thread: [housekeeping]."""
    if not _prepared:
        raise RuntimeError("stretch.prepare() has not run")
    scratch.z = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
    scratch.d = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
    scratch.frame = <float*>fftwf_malloc(FRAME * 2 * sizeof(float))
    scratch.power = <float*>fftwf_malloc((HALF + 1) * sizeof(float))
    scratch.peaks = <int*>fftwf_malloc((HALF + 1) * sizeof(int))
    if (scratch.z == NULL or scratch.d == NULL or scratch.frame == NULL or scratch.power == NULL
            or scratch.peaks == NULL):
        scratch_free(scratch)
        raise MemoryError("no memory to render in")
    return 0


cdef void scratch_free(Scratch* scratch) noexcept:
    fftwf_free(scratch.z)
    fftwf_free(scratch.d)
    fftwf_free(scratch.frame)
    fftwf_free(scratch.power)
    fftwf_free(scratch.peaks)
    memset(scratch, 0, sizeof(Scratch))


cdef int stretch_init(Stretch* stretch) except -1:
    """Allocate one stem's state. Thread: [housekeeping]."""
    stretch.out = <float*>fftwf_malloc(RING * 2 * sizeof(float))
    stretch.theta = <uint32_t*>fftwf_malloc((HALF + 1) * sizeof(uint32_t))
    if stretch.out == NULL or stretch.theta == NULL:
        stretch_free(stretch)
        raise MemoryError("no memory for a stem")
    memset(stretch.out, 0, RING * 2 * sizeof(float))
    memset(stretch.theta, 0, (HALF + 1) * sizeof(uint32_t))
    return 0


cdef void stretch_free(Stretch* stretch) noexcept:
    fftwf_free(stretch.out)
    fftwf_free(stretch.theta)
    memset(stretch, 0, sizeof(Stretch))


cdef inline float* _hop(Stretch* stretch, int64_t hop) noexcept nogil:
    return stretch.out + 2 * ((hop * HOP) & (RING - 1))


cdef void _clear(Stretch* stretch, int64_t first, int64_t last) noexcept nogil:
    cdef int64_t hop
    for hop in range(first, last + 1):
        memset(_hop(stretch, hop), 0, HOP * 2 * sizeof(float))


cdef void _add_copy(Stretch* stretch, const StemView* stem, int64_t index, int64_t source, int skip,
                    bint loop, Scratch* scratch) noexcept nogil:
    """Overlap-add the stem itself, windowed, as frame `index`, but for the first `skip` hops of it."""
    cdef int part, i
    cdef float* out
    cdef const float* src
    cdef const float* square
    stem_read(stem, source - HALF + skip * HOP, FRAME - skip * HOP, loop, scratch.frame)
    for part in range(skip, OVERLAP):
        out = _hop(stretch, index - OVERLAP // 2 + part)
        src = scratch.frame + 2 * (part - skip) * HOP
        square = _square + part * HOP
        for i in range(HOP):
            out[2 * i] += square[i] * src[2 * i]
            out[2 * i + 1] += square[i] * src[2 * i + 1]


cdef int _find_peaks(const fftwf_complex* z, float* power, int* peaks) noexcept nogil:
    """Power a bin, both channels together, and the bins that stand above two neighbours on each side."""
    cdef int k, count = 0
    cdef float greatest = 0.0, floor
    power[0] = z[0][0] * z[0][0] + z[0][1] * z[0][1]
    for k in range(1, HALF + 1):
        power[k] = 0.5 * (z[k][0] * z[k][0] + z[k][1] * z[k][1]
                          + z[FRAME - k][0] * z[FRAME - k][0] + z[FRAME - k][1] * z[FRAME - k][1])
    for k in range(HALF + 1):
        greatest = max(greatest, power[k])
    floor = greatest * <float>1e-10
    for k in range(2, HALF - 1):
        if (power[k] > floor and power[k] > power[k - 1] and power[k] >= power[k + 1]
                and power[k] > power[k - 2] and power[k] >= power[k + 2]):
            peaks[count] = k
            count += 1
    return count


cdef uint32_t _frequency(const fftwf_complex* z, const fftwf_complex* d, int k, float power) noexcept nogil:
    """Reassigned frequency of bin k in 2^-32 turns a sample, the channels weighted by energy."""
    cdef double cross = 0.5 * (
        <double>d[k][1] * z[k][0] - <double>d[k][0] * z[k][1]
        - <double>d[FRAME - k][1] * z[FRAME - k][0] + <double>d[FRAME - k][0] * z[FRAME - k][1]
    )
    cdef double offset = -cross / power / (2.0 * M_PI)          # turns a sample, away from the bin
    cdef double most = 3.0 / FRAME
    offset = min(max(offset, -most), most)
    return <uint32_t>(<int64_t>k * (1 << 20) + <int64_t>(offset * 4294967296.0))


cdef void _turn(fftwf_complex* z, uint32_t* theta, int low, int high, uint32_t turn) noexcept nogil:
    """Turn bins [low, high) by `turn`, and their mirrors the other way."""
    cdef float angle = <float>(<int32_t>turn * (2.0 * M_PI / 4294967296.0))
    cdef float c = cosf(angle), s = sinf(angle), re, im
    cdef int k
    for k in range(low, high):
        theta[k] = turn
        re = z[k][0]
        im = z[k][1]
        z[k][0] = c * re - s * im
        z[k][1] = s * re + c * im
    for k in range(max(low, 1), min(high, HALF)):
        re = z[FRAME - k][0]
        im = z[FRAME - k][1]
        z[FRAME - k][0] = c * re + s * im
        z[FRAME - k][1] = c * im - s * re


cdef void _rotate(Stretch* stretch, const Frame* frame, Scratch* scratch) noexcept nogil:
    """Turn each peak's region so that it goes on in phase with the frame before."""
    cdef fftwf_complex* z = scratch.z
    cdef float* power = scratch.power
    cdef int* peaks = scratch.peaks
    cdef int count = _find_peaks(z, power, peaks)
    cdef int i, k, low = 0, high, peak
    cdef uint32_t turn, omega
    if count == 0:
        memset(stretch.theta, 0, (HALF + 1) * sizeof(uint32_t))
        return
    for i in range(count):
        peak = peaks[i]
        high = HALF + 1
        if i + 1 < count:
            high = peak + 1
            for k in range(peak + 1, peaks[i + 1]):
                if power[k] < power[high]:
                    high = k
        omega = _frequency(z, scratch.d, peak, power[peak])
        turn = stretch.theta[peak] + omega * <uint32_t>(HOP - frame.advance)
        if frame.relax != 1.0:
            turn = <uint32_t><int32_t>(<int32_t>turn * frame.relax)
        _turn(z, stretch.theta, low, high, turn)
        low = high


cdef void _add_rotated(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                       Scratch* scratch) noexcept nogil:
    cdef fftwf_complex* z = scratch.z
    cdef fftwf_complex* d = scratch.d
    cdef float* out
    cdef int t, part
    stem_read(stem, frame.source - HALF, FRAME, loop, scratch.frame)
    for t in range(FRAME):
        z[t][0] = _window[t] * scratch.frame[2 * t]
        z[t][1] = _window[t] * scratch.frame[2 * t + 1]
        d[t][0] = _slope[t] * scratch.frame[2 * t]
        d[t][1] = _slope[t] * scratch.frame[2 * t + 1]
    fftwf_execute_dft(_forward, z, z)
    fftwf_execute_dft(_forward, d, d)
    _rotate(stretch, frame, scratch)
    if frame.cutoff <= HALF:
        memset(&z[frame.cutoff], 0, (FRAME - 2 * frame.cutoff + 1) * sizeof(fftwf_complex))
    fftwf_execute_dft(_backward, z, z)
    for part in range(OVERLAP):
        out = _hop(stretch, frame.index - OVERLAP // 2 + part)
        for t in range(HOP):
            out[2 * t] += _synthesis[part * HOP + t] * z[part * HOP + t][0]
            out[2 * t + 1] += _synthesis[part * HOP + t] * z[part * HOP + t][1]


cdef void stretch_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                        Scratch* scratch) noexcept nogil:
    """Work one frame into the ring. Afterwards hop `index - 2` and all before it are final.

    In a run of COPY frames the hop is the stem itself, bit for bit. When the run ends, its last three frames
    are laid down again as windowed copies, so that the first rotated frame overlaps with something.
    Thread: [render].
    """
    cdef int back
    if frame.kind == FRAME_COPY and frame.copies >= OVERLAP:
        stem_read(stem, frame.source - HALF, HOP, loop, _hop(stretch, frame.index - 2))
        return
    if frame.kind != FRAME_COPY and frame.copies_before >= OVERLAP:
        _clear(stretch, frame.index - 2, frame.index + 1)
        for back in range(1, OVERLAP):
            _add_copy(stretch, stem, frame.index - back, frame.source - frame.advance - (back - 1) * HOP,
                      back, loop, scratch)
    else:
        _clear(stretch, frame.index + 1, frame.index + 1)
    if frame.copies_before > 0 or frame.kind != FRAME_ROTATE:
        memset(stretch.theta, 0, (HALF + 1) * sizeof(uint32_t))
    if frame.kind == FRAME_ROTATE:
        _add_rotated(stretch, stem, frame, loop, scratch)
    else:
        _add_copy(stretch, stem, frame.index, frame.source, 0, loop, scratch)


cdef void stretch_read(const Stretch* stretch, int64_t position, int64_t rate, int frames,
                       float* out) noexcept nogil:
    """Read the ring at `position` on, `rate` stretched frames a frame, both with FIX fractional bits.

    At whole positions and rate 1 it is a copy. Else a 32-tap windowed sinc, its rows joined by straight
    lines. Thread: [render].
    """
    cdef int i, tap, phase
    cdef int64_t at
    cdef float between, weight, left, right
    cdef const float* low
    cdef const float* high
    cdef const float* src
    if rate == 1 << FIX and position & ((1 << FIX) - 1) == 0:
        at = (position >> FIX) & (RING - 1)
        tap = <int>min(frames, RING - at)
        memcpy(out, stretch.out + 2 * at, tap * 2 * sizeof(float))
        memcpy(out + 2 * tap, stretch.out, (frames - tap) * 2 * sizeof(float))
        return
    for i in range(frames):
        at = (position >> FIX) - (TAPS // 2 - 1)
        phase = (position >> (FIX - 8)) & (PHASES - 1)
        between = <float>(position & ((1 << (FIX - 8)) - 1)) / <float>(1 << (FIX - 8))
        low = &_sinc[phase][0]
        high = &_sinc[phase + 1][0]
        left = 0.0
        right = 0.0
        for tap in range(TAPS):
            weight = low[tap] + between * (high[tap] - low[tap])
            src = stretch.out + 2 * ((at + tap) & (RING - 1))
            left += weight * src[0]
            right += weight * src[1]
        out[2 * i] = left
        out[2 * i + 1] = right
        position += rate
