"""A knob: a value that moves without a kink."""
from libc.stdint cimport int64_t

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.strip cimport Ramp

cdef struct Knob:
    Ramp ramp
    float early[QUANTUM]    # of the quantum to come, the frames before its last move
    int filled              # frames of `early`
    float last[QUANTUM]     # the ramp over the quantum before
    bint level              # it stood still there
    float values[QUANTUM]   # what the knob gives over the quantum
    bint still              # `values` are all what the ramp stands at

cdef void knob_init(Knob* knob, float value) noexcept nogil
cdef void knob_move(Knob* knob, float value, int64_t sample, int64_t frames, int shape) noexcept nogil
cdef bint knob_fill(Knob* knob, int64_t sample) noexcept nogil
cdef bint knob_stands_at(const Knob* knob, float value, int64_t sample) noexcept nogil
