"""Knobs: values that move without a kink.

A knob follows a ramp, and gives the mean of it over the last QUANTUM frames: its slope does not jump where a
ramp begins, ends or is retargeted in flight, and a move of no frames at all takes 1.3 ms. Ramps begin at any
frame; a knob is read by quanta, at multiples of QUANTUM frames. Thread: [render].
"""
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.strip cimport ramp_fill, ramp_is_flat, ramp_to_shaped, ramp_value


cdef void knob_init(Knob* knob, float value) noexcept nogil:
    """A knob that stands at `value`."""
    cdef int i
    memset(knob, 0, sizeof(Knob))
    knob.ramp.gain_from = value
    knob.ramp.gain_to = value
    for i in range(QUANTUM):
        knob.last[i] = value
        knob.values[i] = value
    knob.level = True
    knob.still = True


cdef void knob_move(Knob* knob, float value, int64_t sample, int64_t frames, int shape) noexcept nogil:
    """Retarget the knob, from wherever its ramp is just before `sample`.

    Args:
        sample: in the quantum that is filled next, and not before that of a move made already.
        frames: of the ramp; the knob itself arrives QUANTUM - 1 frames after it.
        shape: RAMP_STRAIGHT or RAMP_EQUAL_POWER.
    """
    cdef int before = <int>(sample % QUANTUM)
    cdef int i
    if knob.filled == 0 and value == knob.ramp.gain_to and value == ramp_value(&knob.ramp, sample - before):
        return                                      # it stands there already
    for i in range(knob.filled, before):
        knob.early[i] = ramp_value(&knob.ramp, sample - before + i)
    knob.filled = max(knob.filled, before)
    ramp_to_shaped(&knob.ramp, value, sample, frames, shape)


cdef bint knob_fill(Knob* knob, int64_t sample) noexcept nogil:
    """Fill `values` for the quantum that begins at `sample`; return whether they are all the same."""
    cdef bint level = knob.filled == 0 and ramp_is_flat(&knob.ramp, sample, QUANTUM)
    cdef float[QUANTUM] now
    cdef double sum = 0.0
    cdef int i
    if level and knob.still and ramp_value(&knob.ramp, sample) == knob.last[0]:
        return True
    for i in range(knob.filled):
        now[i] = knob.early[i]
    ramp_fill(&knob.ramp, sample, knob.filled, QUANTUM, now)
    for i in range(QUANTUM):
        sum += knob.last[i]
    for i in range(QUANTUM):
        sum += <double>now[i] - <double>knob.last[i]
        knob.values[i] = <float>(sum * (1.0 / QUANTUM))
    knob.still = level and knob.level and now[0] == knob.last[0]
    if knob.still:
        memcpy(knob.values, now, sizeof(now))       # whatever sums were rounded to
    memcpy(knob.last, now, sizeof(now))
    knob.level = level
    knob.filled = 0
    return knob.still


cdef bint knob_stands_at(const Knob* knob, float value, int64_t sample) noexcept nogil:
    """Whether the knob gives nothing but `value` over the quantum that begins at `sample`."""
    return (
        knob.still and knob.filled == 0 and knob.last[0] == value
        and ramp_is_flat(&knob.ramp, sample, QUANTUM) and ramp_value(&knob.ramp, sample) == value
    )
