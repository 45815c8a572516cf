"""Gain ramps."""
from libc.stdint cimport int64_t

cdef struct Ramp:           # a linear gain that moves in a straight line; frames on the mix clock
    float gain_from
    float gain_to
    int64_t start
    int64_t frames


cdef inline float ramp_value(const Ramp* ramp, int64_t sample) noexcept nogil:
    """The gain at one sample: `gain_from` before `start`, exactly `gain_to` from `start + frames - 1` on."""
    cdef int64_t done = sample - ramp.start + 1
    if done <= 0:
        return ramp.gain_from
    if done >= ramp.frames:
        return ramp.gain_to
    return ramp.gain_from + (ramp.gain_to - ramp.gain_from) * (<float>done / <float>ramp.frames)


cdef void ramp_to(Ramp* ramp, float gain, int64_t start, int64_t frames) noexcept nogil
cdef bint ramp_is_flat(const Ramp* ramp, int64_t sample, int64_t frames) noexcept nogil
cdef void add_scaled(float* out, const float* src, float gain, int frames) noexcept nogil
cdef void add_ramped(float* out, const float* src, const float* gains, int frames) noexcept nogil
