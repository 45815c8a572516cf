"""Reading at any speed."""
from libc.stdint cimport int64_t

from remixd._kernel.stem cimport StemView

cdef enum:
    RING = 8192             # stretched frames kept
    TAPS = 32
    FIX = 24                # fractional bits of positions

cdef void resample(const float* ring, int64_t position, int64_t rate, int frames, float* out) noexcept nogil
cdef void read_stem(const StemView* stem, int64_t position, int64_t rate, bint loop,
                    float* out) noexcept nogil
