"""The tonal stretcher: one stem's frames, rotated and overlap-added into a ring."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.stem cimport StemView

cdef extern from "<fftw3.h>" nogil:
    ctypedef float fftwf_complex[2]

cdef enum:
    FRAME = 4096            # N: frames of one window
    HOP = 1024              # Hs: synthesis hop
    RING = 8192             # stretched frames kept a stem
    TAPS = 32               # of the resampler
    FIX = 24                # fractional bits of positions

cdef enum:
    FRAME_COPY = 1          # the time map runs at slope 1 here: the stem itself
    FRAME_GRAIN = 2         # the stem itself, windowed: nothing before it to be in phase with
    FRAME_ROTATE = 3        # every region of the spectrum turned to go on in phase

cdef struct Frame:          # what every stem of a lane does at one point of the stretched time line
    int64_t index           # k: the frame's centre is k * HOP in stretched frames
    int64_t source          # its centre in source frames
    int64_t advance         # source frames since the frame before
    int kind
    int copies              # COPY frames in a row, this one included
    int copies_before       # the same, at the frame before
    float relax             # factor on the rotation: falls to 0 on the way back to COPY
    int cutoff              # first bin to silence: what would alias when resampled

cdef struct Stretch:
    float* out              # RING stretched frames, interleaved stereo
    uint32_t* theta         # FRAME/2 + 1 rotations of the last frame, 2^32 to a turn

cdef struct Scratch:        # working memory of one rendering thread
    fftwf_complex* z
    fftwf_complex* d
    float* frame
    float* power
    int* peaks

cdef int scratch_init(Scratch* scratch) except -1
cdef void scratch_free(Scratch* scratch) noexcept
cdef int stretch_init(Stretch* stretch) except -1
cdef void stretch_free(Stretch* stretch) noexcept
cdef void stretch_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                        Scratch* scratch) noexcept nogil
cdef void stretch_read(const Stretch* stretch, int64_t position, int64_t rate, int frames,
                       float* out) noexcept nogil
