"""A channel of a DJ's mixer: isolator, then the sweeping filter, then fader and balance.

The send is taken behind the filter and before the fader: with the fader down, the echo of what was played
goes on. Every parameter moves on a ramp from any sample on, without a kink (see `knob.pyx`). A channel with
nothing turned leaves its block alone, to the bit. Thread: [render].
"""
from libc.math cimport M_PI_4, M_SQRT2, isfinite, sin
from libc.stdint cimport int64_t
from libc.string cimport memset

import numpy as np

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.denormals cimport flush_to_zero, restore
from remixd._kernel.isolator cimport isolator_init, isolator_is_neutral, isolator_process
from remixd._kernel.knob cimport Knob, knob_fill, knob_init, knob_move, knob_stands_at
from remixd._kernel.strip cimport RAMP_STRAIGHT, add_ramped, add_scaled, linear_gain
from remixd._kernel.sweep cimport sweep_init, sweep_is_neutral, sweep_process

cdef double[CHANNEL_PARAMETERS] _low = [-60.0, -1.0, -60.0, -60.0, -60.0, -1.0, 0.0]
cdef double[CHANNEL_PARAMETERS] _high = [6.0, 1.0, 6.0, 6.0, 6.0, 1.0, 1.0]


cdef void channel_init(Channel* channel) noexcept nogil:
    """Nothing turned, clock at 0."""
    memset(channel, 0, sizeof(Channel))
    isolator_init(&channel.isolator)
    sweep_init(&channel.sweep)
    knob_init(&channel.fader, 1.0)
    knob_init(&channel.pan, 0.0)
    knob_init(&channel.send, 0.0)


cdef Knob* _knob(Channel* channel, int parameter) noexcept nogil:
    if parameter == CHANNEL_FADER:
        return &channel.fader
    if parameter == CHANNEL_PAN:
        return &channel.pan
    if parameter == CHANNEL_FILTER:
        return &channel.sweep.knob
    if parameter == CHANNEL_SEND:
        return &channel.send
    return &channel.isolator.gains[parameter - CHANNEL_LOW]


cdef bint channel_move(Channel* channel, int parameter, double value, int64_t sample, int64_t ramp_frames,
                       int shape) noexcept nogil:
    """Move a parameter, clamped to its range; False if there is no such parameter or the value is not finite.

    Args:
        value: in the parameter's unit; levels are dB, and move as linear gains.
        sample: within the quantum to be processed next; one outside is brought there.
        ramp_frames: until the value is reached, but for QUANTUM - 1 frames more, as knobs are averaged.
        shape: RAMP_STRAIGHT or RAMP_EQUAL_POWER; balance and filter, which may be negative, move straight.
    """
    if not 0 <= parameter < CHANNEL_PARAMETERS or not isfinite(value):
        return False
    value = min(max(value, _low[parameter]), _high[parameter])
    sample = min(max(sample, channel.clock), channel.clock + QUANTUM - 1)
    if parameter == CHANNEL_PAN or parameter == CHANNEL_FILTER:
        shape = RAMP_STRAIGHT
    elif parameter != CHANNEL_SEND:
        value = linear_gain(value)
    knob_move(_knob(channel, parameter), <float>value, sample, max(ramp_frames, 0), shape)
    return True


cdef inline float _side_gain(double apart) noexcept nogil:
    """Of one side, the balance being `apart` from hard over to the other side: 0 to 2, exactly 1 at 1.

    The squares of both sides sum to 2 everywhere.
    """
    return <float>(M_SQRT2 * sin(M_PI_4 * apart))


cdef void _fade(Channel* channel, float* block, int64_t sample) noexcept nogil:
    """Fader and balance, on one quantum in place."""
    cdef float[QUANTUM] left
    cdef float[QUANTUM] right
    cdef bint fader_still = knob_fill(&channel.fader, sample)
    cdef bint pan_still = knob_fill(&channel.pan, sample)
    cdef const float* fader = channel.fader.values
    cdef const float* pan = channel.pan.values
    cdef Py_ssize_t i
    if fader_still and fader[0] == 0.0:
        memset(block, 0, 2 * QUANTUM * sizeof(float))
        return
    if fader_still and pan_still and fader[0] == 1.0 and pan[0] == 0.0:
        return
    left[0] = _side_gain(1.0 - pan[0])
    right[0] = _side_gain(1.0 + pan[0])
    for i in range(1, QUANTUM):
        left[i] = left[0] if pan_still else _side_gain(1.0 - pan[i])
        right[i] = right[0] if pan_still else _side_gain(1.0 + pan[i])
    for i in range(QUANTUM):
        block[2 * i] *= fader[i] * left[i]
        block[2 * i + 1] *= fader[i] * right[i]


cdef bint channel_is_neutral(const Channel* channel, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched and sends nothing, if it is not moved."""
    return (
        knob_stands_at(&channel.fader, 1.0, sample)
        and knob_stands_at(&channel.pan, 0.0, sample)
        and knob_stands_at(&channel.send, 0.0, sample)
        and sweep_is_neutral(&channel.sweep, sample)
        and isolator_is_neutral(&channel.isolator, sample)
    )


cdef void channel_process(Channel* channel, float* block, int64_t sample, float* send) noexcept nogil:
    """One quantum.

    Args:
        block: QUANTUM frames, interleaved stereo; worked on in place.
        sample: at which it begins: a multiple of QUANTUM.
        send: QUANTUM frames to which what is sent is added; or NULL.
    """
    channel.clock = sample + QUANTUM
    if channel_is_neutral(channel, sample):
        return
    isolator_process(&channel.isolator, block, sample)
    sweep_process(&channel.sweep, block, sample)
    if not knob_fill(&channel.send, sample):
        if send != NULL:
            add_ramped(send, block, channel.send.values, QUANTUM)
    elif send != NULL and channel.send.values[0] != 0.0:
        add_scaled(send, block, channel.send.values[0], QUANTUM)
    _fade(channel, block, sample)


cdef class ChannelStrip:
    """A channel by itself, for offline use and tests. Thread: one at a time."""

    def __cinit__(self):
        channel_init(&self.channel)
        self.pending = []
        self.rest = np.zeros((0, 2), dtype=np.float32)

    @property
    def is_neutral(self) -> bool:
        """Whether the next quantum passes untouched, as long as nothing is moved."""
        return channel_is_neutral(&self.channel, self.channel.clock)

    def move(self, int parameter, double value, int64_t sample, int64_t ramp_frames=480, int shape=0) -> None:
        """Move a parameter (0 to 6: fader, pan, low, mid, high, filter, send) from `sample` on.

        Raises ValueError if there is no such parameter, or the value is not finite.
        """
        if not 0 <= parameter < CHANNEL_PARAMETERS or not isfinite(value):
            raise ValueError(f"parameter {parameter} cannot be {value}")
        self.pending.append((sample, parameter, value, ramp_frames, shape))
        self.pending.sort(key=lambda move: move[0])

    def process(self, pcm):
        """What comes out, and what is sent, of float32 (n, 2).

        Of the quanta complete so far; what is left over is kept for the next call.
        """
        cdef float[:, ::1] block
        cdef float[:, ::1] send
        cdef int64_t at = 0
        cdef unsigned before
        joined = np.concatenate([self.rest, np.asarray(pcm, dtype=np.float32)])
        whole = len(joined) // QUANTUM * QUANTUM
        self.rest = joined[whole:]
        out, sent = joined[:whole].copy(), np.zeros((whole, 2), dtype=np.float32)
        block, send = out, sent
        before = flush_to_zero()
        try:
            while at < whole:
                while self.pending and self.pending[0][0] < self.channel.clock + QUANTUM:
                    sample, parameter, value, ramp_frames, shape = self.pending.pop(0)
                    channel_move(&self.channel, parameter, value, sample, ramp_frames, shape)
                channel_process(&self.channel, &block[at, 0], self.channel.clock, &send[at, 0])
                at += QUANTUM
        finally:
            restore(before)
        return out, sent
