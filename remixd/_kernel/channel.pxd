"""A channel of a DJ's mixer: isolator, sweeping filter, fader, balance, and a send."""
from libc.stdint cimport int64_t

from remixd._kernel.isolator cimport Isolator
from remixd._kernel.knob cimport Knob
from remixd._kernel.sweep cimport Sweep

cdef enum:
    CHANNEL_FADER = 0       # dB: -60 is off, to +6
    CHANNEL_PAN = 1         # -1 (left) to 1
    CHANNEL_LOW = 2         # dB, as the fader
    CHANNEL_MID = 3
    CHANNEL_HIGH = 4
    CHANNEL_FILTER = 5      # -1 (low pass at 60 Hz) to 1 (high pass at 8 kHz)
    CHANNEL_SEND = 6        # 0 to 1, linear; before the fader
    CHANNEL_PARAMETERS = 7

cdef struct Channel:
    int64_t clock           # the sample at which the next quantum begins
    Isolator isolator
    Sweep sweep
    Knob fader              # linear
    Knob pan
    Knob send

cdef void channel_init(Channel* channel) noexcept nogil
cdef bint channel_move(Channel* channel, int parameter, double value, int64_t sample, int64_t ramp_frames,
                       int shape) noexcept nogil
cdef bint channel_is_neutral(const Channel* channel, int64_t sample) noexcept nogil
cdef void channel_process(Channel* channel, float* block, int64_t sample, float* send) noexcept nogil

cdef class ChannelStrip:
    cdef Channel channel
    cdef object pending
    cdef object rest
