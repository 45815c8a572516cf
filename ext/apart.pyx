"""Stems apart: beside the mix, each part of a session by itself, as it sounds behind its deck's channel.

A part is all that one role plays on all decks, at its gains, through its racks, then through a channel whose
knobs are its deck's; what is generated is one more. Added up they are the mix before what works on sums: the
racks of decks, the echo, the racks, tone and limiter of the master. They are as late as the mix is, so that
sample n is the same moment in both. Thread: [render].
"""
from libc.math cimport fabsf
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.bus cimport LIMITER_DELAY
from remixd._kernel.channel cimport channel_init, channel_is_neutral, channel_process
from remixd._kernel.ring cimport ring_begin, ring_commit

PAIRS_COUNT = PAIRS

cdef enum:
    LATE_MOST = SPAN - 2 * QUANTUM - LIMITER_DELAY


cdef void apart_init(Apart* apart, const Ring* ring) noexcept nogil:
    """Silence, into a ring whose packets hold every pair. Thread: [housekeeping]."""
    cdef int deck, pair
    memset(apart, 0, sizeof(Apart))
    apart.ring = ring[0]
    apart.frames = ring.frames // PAIRS
    for deck in range(APART_DECKS):
        for pair in range(PAIRS):
            channel_init(&apart.channels[deck][pair])


cdef void _turn_as(Channel* channel, const Channel* own) noexcept nogil:
    """Have the knobs of another channel; the filters go on with their own sound."""
    cdef int band
    for band in range(3):
        channel.isolator.gains[band] = own.isolator.gains[band]
    channel.sweep.knob = own.sweep.knob
    channel.fader = own.fader
    channel.pan = own.pan
    channel.send = own.send


cdef void apart_follow(Apart* apart, int deck, const Channel* channel) noexcept nogil:
    """Go on from a deck's channel as a checkpoint has it, the filters from silence."""
    cdef Channel* own
    cdef int pair
    for pair in range(PAIRS):
        own = &apart.channels[deck][pair]
        own[0] = channel[0]
        memset(own.isolator.state, 0, sizeof(own.isolator.state))
        memset(own.sweep.low_pass.state, 0, sizeof(own.sweep.low_pass.state))
        memset(own.sweep.high_pass.state, 0, sizeof(own.sweep.high_pass.state))


cdef void apart_add(Apart* apart, int deck, const Channel* own, int64_t sample, int late,
                    bint allowed) noexcept nogil:
    """Take the parts of a deck, which lie in `apart.deck`.

    Args:
        own: its channel, before that works on the quantum.
        sample: at which the quantum begins.
        late: by how many frames racks will delay the deck's sum.
        allowed: whether rights let its parts be heard by themselves; else they are silent.
    """
    cdef Channel* channel
    cdef float* line
    cdef const float* block
    cdef int64_t at = sample + LIMITER_DELAY + min(late, LATE_MOST)
    cdef Py_ssize_t i
    cdef int pair
    if not allowed:
        memset(apart.deck, 0, sizeof(apart.deck))
    for pair in range(PAIRS):
        channel = &apart.channels[deck][pair]
        if not (channel_is_neutral(own, sample) and channel_is_neutral(channel, sample)):
            _turn_as(channel, own)
            channel_process(channel, apart.deck[pair], sample, NULL)
        line = apart.lines[pair]
        block = apart.deck[pair]
        for i in range(QUANTUM):
            line[2 * ((at + i) & (SPAN - 1))] += block[2 * i]
            line[2 * ((at + i) & (SPAN - 1)) + 1] += block[2 * i + 1]


cdef inline float _sound(float value) noexcept nogil:
    return value if fabsf(value) < <float>1e6 else <float>0.0


cdef void apart_turn(Apart* apart, int64_t sample) noexcept nogil:
    """Let the quantum be handed out that leaves the limiter while the one at `sample` enters it."""
    cdef float* line
    cdef int64_t at
    cdef Py_ssize_t i
    cdef int pair
    for pair in range(PAIRS):
        line = apart.lines[pair]
        for i in range(QUANTUM):
            at = 2 * ((sample + i) & (SPAN - 1))
            apart.out[pair][2 * i] = _sound(line[at])
            apart.out[pair][2 * i + 1] = _sound(line[at + 1])
            line[at] = 0.0
            line[at + 1] = 0.0


cdef void _copy(Apart* apart, int64_t first, int64_t frames) noexcept nogil:
    """Into the packet, from frame `first` of the quantum on."""
    cdef float gain
    cdef float* to
    cdef const float* block
    cdef int64_t i
    cdef int pair
    for pair in range(PAIRS):
        to = apart.pcm + 2 * (pair * apart.frames + apart.filled)
        block = apart.out[pair] + 2 * first
        for i in range(frames):
            gain = 1.0
            if apart.fade_frames:
                gain = 1.0 - <float>(apart.faded + i + 1) / <float>apart.fade_frames
                gain = max(gain, <float>0.0)
            to[2 * i] = gain * block[2 * i]
            to[2 * i + 1] = gain * block[2 * i + 1]
    if apart.fade_frames:
        apart.faded += frames


cdef void apart_write(Apart* apart, int64_t first, int64_t frames, int64_t sample,
                      int64_t position) noexcept nogil:
    """Hand out frames of the quantum; a packet is published when it is full.

    Args:
        first, frames: which.
        sample: that of the first one, on the session's clock.
        position: the source position there, FIX fractional bits.
    """
    cdef int64_t here
    while frames > 0:
        if apart.packet == NULL:
            apart.packet = ring_begin(&apart.ring, &apart.pcm)
            apart.packet.sample = sample
            apart.packet.position = position
            apart.filled = 0
        here = min(frames, apart.frames - apart.filled)
        _copy(apart, first, here)
        apart.filled += here
        first += here
        frames -= here
        sample += here
        if apart.filled == apart.frames:
            ring_commit(&apart.ring, apart.packet)
            apart.packet = NULL


cdef void apart_leave(Apart* apart, int64_t frames) noexcept nogil:
    """Fade out over the next `frames` frames, if it does not yet; silence follows."""
    if apart.fade_frames == 0:
        apart.fade_frames = frames
