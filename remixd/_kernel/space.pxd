"""A room."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob

cdef enum:
    SPACE_LINES = 8

cdef struct Space:
    Knob send                   # 0 to 1
    float* lines                # delay lines, then diffusers: rings, their beginning again behind their end
    int64_t quiet               # frames since anything above -120 dB was written
    bint idle
    double below[2]             # of each channel, what the room does not answer: bass

cdef int space_init(Space* space, float value) except -1
cdef void space_free(Space* space) noexcept
cdef void space_start(Space* space, float value) noexcept nogil
cdef bint space_is_neutral(const Space* space, int64_t sample) noexcept nogil
cdef void space_process(Space* space, float* block, int64_t sample) noexcept nogil
