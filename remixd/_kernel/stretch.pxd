"""The tonal stretcher: one stem's frames, rotated and overlap-added into a ring."""
from libc.stdint cimport int64_t, uint32_t, uint8_t

from remixd._kernel.elastic cimport MASKS_MAX
from remixd._kernel.fft cimport FRAME, fftwf_complex
from remixd._kernel.stem cimport StemView

cdef enum:
    FRAME_COPY = 1          # the map runs at slope 1 here: the stem itself
    FRAME_GRAIN = 2         # the stem itself, windowed: nothing before it to be in phase with
    FRAME_ROTATE = 3        # every region of the spectrum turned to go on in phase

cdef struct Frame:          # what a stem does at one point of the stretched time line
    int64_t index           # k: the frame's centre is k * HOP in frames of the ring
    int64_t source          # its centre in source frames
    int64_t advance         # source frames since the frame before
    int kind
    int copies              # COPY frames in a row, this one included
    int copies_before       # the same, at the frame before
    float relax             # factor on the rotation: falls to 0 on the way back to COPY
    double transpose        # pitch ratio
    bint formants           # whether they stay where they are when transposed
    const uint8_t* masks[MASKS_MAX]     # bins that start afresh
    int masks_count
    bint fresh              # all of them do
    float[4] gains          # of this frame, and of the three before it

cdef struct Stretch:
    float* out              # RING stretched frames, interleaved stereo; NULL where stems share one ring
    uint32_t* theta         # FRAME rotations of the last frame, 2^32 to a turn, mirrored from FRAME/2 up
    bint turned             # whether any is not 0

cdef struct Scratch:        # working memory of one rendering thread
    fftwf_complex* z
    fftwf_complex* sum
    float* frame
    uint32_t* theta
    bint summed             # whether there is anything in `sum`

cdef int scratch_init(Scratch* scratch) except -1
cdef void scratch_free(Scratch* scratch) noexcept
cdef float* ring_new() except NULL
cdef void ring_free(float* ring) noexcept
cdef int stretch_init(Stretch* stretch, bint summed) except -1
cdef void stretch_free(Stretch* stretch) noexcept
cdef void stretch_reset(Stretch* stretch) noexcept nogil
cdef void ring_open(float* ring, const Frame* frame) noexcept nogil
cdef void stretch_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                        Scratch* scratch) noexcept nogil
cdef void sum_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop, Scratch* scratch,
                    float* ring) noexcept nogil
cdef void sum_finish(float* ring, int64_t index, Scratch* scratch) noexcept nogil
