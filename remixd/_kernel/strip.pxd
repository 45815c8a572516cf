"""Gain ramps."""
from libc.math cimport sinf
from libc.stdint cimport int64_t

cdef enum:
    RAMP_STRAIGHT = 0       # the gain moves in a straight line
    RAMP_EQUAL_POWER = 1    # along a sine: one that falls and one that rises keep the sum of their powers

cdef struct Ramp:           # a linear gain that moves; frames on the mix clock
    float gain_from
    float gain_to
    int64_t start
    int64_t frames
    int shape
    float full              # what follows is of equal power only: the gain at a quarter turn,
    float angle_from        # and the angles at which the sine passes `gain_from` and `gain_to`
    float angle_to


cdef inline float ramp_value(const Ramp* ramp, int64_t sample) noexcept nogil:
    """The gain at one sample: `gain_from` before `start`, exactly `gain_to` from `start + frames - 1` on."""
    cdef int64_t done = sample - ramp.start + 1
    cdef float share
    if done <= 0:
        return ramp.gain_from
    if done >= ramp.frames:
        return ramp.gain_to
    share = <float>done / <float>ramp.frames
    if ramp.shape == RAMP_EQUAL_POWER:
        return ramp.full * sinf(ramp.angle_from + (ramp.angle_to - ramp.angle_from) * share)
    return ramp.gain_from + (ramp.gain_to - ramp.gain_from) * share


cdef float linear_gain(double level_db) noexcept nogil
cdef void ramp_to(Ramp* ramp, float gain, int64_t start, int64_t frames) noexcept nogil
cdef void ramp_to_shaped(Ramp* ramp, float gain, int64_t start, int64_t frames, int shape) noexcept nogil
cdef void ramp_fill(const Ramp* ramp, int64_t sample, int first, int last, float* gains) noexcept nogil
cdef bint ramp_is_flat(const Ramp* ramp, int64_t sample, int64_t frames) noexcept nogil
cdef void add_scaled(float* out, const float* src, float gain, int frames) noexcept nogil
cdef void add_ramped(float* out, const float* src, const float* gains, int frames) noexcept nogil
