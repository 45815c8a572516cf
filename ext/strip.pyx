"""Strips: gains that move without a click, and stems added to the bus with them.

A gain is a function of the absolute sample, so it is the same however blocks are cut. Thread: [render].
"""
from libc.math cimport asinf, pow
from libc.stdint cimport int64_t


cdef void ramp_to(Ramp* ramp, float gain, int64_t start, int64_t frames) noexcept nogil:
    """Retarget the ramp: from wherever it is just before `start`, on to `gain`."""
    ramp.gain_from = ramp_value(ramp, start - 1)
    ramp.gain_to = gain
    ramp.start = start
    ramp.frames = frames
    ramp.shape = RAMP_STRAIGHT


cdef void ramp_to_shaped(Ramp* ramp, float gain, int64_t start, int64_t frames, int shape) noexcept nogil:
    """Retarget the ramp, on a straight line or at equal power; gains of the latter are not negative.

    Two ramps of equal power, begun together and equally long, one from g to 0 and one from 0 to g, keep the
    sum of their squares at g * g; also where both turn round on the way, as a ramp that is interrupted
    stays on its circle.
    """
    cdef float full = max(ramp_value(ramp, start - 1), gain)
    if ramp.shape == RAMP_EQUAL_POWER and start < ramp.start + ramp.frames:
        full = max(full, ramp.full)
    ramp_to(ramp, gain, start, frames)
    if shape == RAMP_EQUAL_POWER and full > 0.0:
        ramp.shape = RAMP_EQUAL_POWER
        ramp.full = full
        ramp.angle_from = asinf(ramp.gain_from / full)
        ramp.angle_to = asinf(gain / full)


cdef float linear_gain(double level_db) noexcept nogil:
    """Of a level in dB; -60 and less is off."""
    return 0.0 if level_db <= -60.0 else <float>pow(10.0, level_db / 20.0)


cdef bint ramp_is_flat(const Ramp* ramp, int64_t sample, int64_t frames) noexcept nogil:
    """Whether the gain stands still over [sample, sample + frames)."""
    if ramp.gain_from == ramp.gain_to:
        return True
    return sample >= ramp.start + ramp.frames or sample + frames <= ramp.start


cdef void ramp_fill(const Ramp* ramp, int64_t sample, int first, int last, float* gains) noexcept nogil:
    """The gains at `sample` + first to `sample` + last, into those places: as `ramp_value` has them."""
    cdef Py_ssize_t i
    cdef float from_gain = ramp.gain_from, to_gain = ramp.gain_to, frames = <float>ramp.frames
    cdef int64_t begun = sample - ramp.start + 1
    if last <= first:
        return
    if ramp_is_flat(ramp, sample + first, last - first):
        from_gain = ramp_value(ramp, sample + first)
        for i in range(first, last):
            gains[i] = from_gain
    elif ramp.shape == RAMP_EQUAL_POWER or begun + first <= 0 or begun + last > ramp.frames:
        for i in range(first, last):
            gains[i] = ramp_value(ramp, sample + i)
    else:
        for i in range(first, last):
            gains[i] = from_gain + (to_gain - from_gain) * (<float>(begun + i) / frames)


cdef void add_scaled(float* out, const float* src, float gain, int frames) noexcept nogil:
    """Add interleaved stereo `src` to `out` at one gain."""
    cdef Py_ssize_t i
    for i in range(2 * frames):
        out[i] += gain * src[i]


cdef void add_ramped(float* out, const float* src, const float* gains, int frames) noexcept nogil:
    """Add interleaved stereo `src` to `out`, one gain a frame."""
    cdef Py_ssize_t i           # as an int, 2 * i might wrap, and the loop would not be vectorised
    for i in range(frames):
        out[2 * i] += gains[i] * src[2 * i]
        out[2 * i + 1] += gains[i] * src[2 * i + 1]
