"""The drum stretcher: strokes as they are, what is between them cut or repeated."""
from libc.stdint cimport int64_t

from remixd._kernel.elastic cimport Anchors
from remixd._kernel.stem cimport StemView

cdef struct Stream:         # a place that is read, and how loud
    int64_t source          # next source frame
    float gain

cdef struct Slices:
    Anchors anchors
    Stream now
    Stream fading           # what it came from
    int fade_frames         # length of the crossfade
    int faded               # frames of it done
    int64_t wait            # frames until the next jump back

cdef void slices_start(Slices* slices, const StemView* stem, bint loop, int64_t source) noexcept nogil
cdef void slices_read(Slices* slices, const StemView* stem, bint loop, double nominal, double rate,
                      int frames, float* out) noexcept nogil
