"""Gain ramps."""
from libc.stdint cimport int64_t

cdef struct Ramp:           # a linear gain that moves in a straight line; frames on the mix clock
    float gain_from
    float gain_to
    int64_t start
    int64_t frames

cdef float ramp_value(const Ramp* ramp, int64_t sample) noexcept nogil
cdef void ramp_to(Ramp* ramp, float gain, int64_t start, int64_t frames) noexcept nogil
cdef bint ramp_is_flat(const Ramp* ramp, int64_t sample, int64_t frames) noexcept nogil
cdef void add_scaled(float* out, const float* src, float gain, int frames) noexcept nogil
cdef void add_ramped(float* out, const float* src, const float* gains, int frames) noexcept nogil
