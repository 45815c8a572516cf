"""Reading a ring of stretched frames at any speed."""
from libc.stdint cimport int64_t

cdef enum:
    RING = 8192             # stretched frames kept
    TAPS = 32
    FIX = 24                # fractional bits of positions

cdef void resample(const float* ring, int64_t position, int64_t rate, int frames, float* out) noexcept nogil
