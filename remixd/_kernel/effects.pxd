"""Effects of our own that keep to the beat, for racks."""
from remixd._kernel.echo cimport Echo

cdef class Delay:
    cdef Echo echo
    cdef double beats       # 0: `delay_frames` is fixed
    cdef double delay_frames
    cdef float mix
    cdef void _keep_time(self, double beats_a_frame) noexcept

cdef class Tremolo:
    cdef double beats
    cdef double depth
    cdef double coming      # the gain that was due at the next frame
    cdef double offset      # from what the beat asks for, while it is made up for
    cdef bint begun
    cdef double _gain(self, double beat) noexcept nogil
