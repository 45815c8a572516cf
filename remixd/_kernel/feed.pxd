"""A feed: one session rendered inside the callback of a sound device."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.mailbox cimport Queue
from remixd._kernel.ring cimport Packet, Ring
from remixd._kernel.state cimport SessionState
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.trace cimport Usage

cdef struct FeedState:
    SessionState* session
    Queue* commands
    Ring ring
    Scratch scratch
    Packet* packet          # being filled; NULL before the first frame of one
    float* pcm
    int64_t filled          # frames of it
    uint32_t underruns
    int64_t called_ns       # host time of the newest callback
    float fade_from         # gain now: falls to 0 when it leaves
    int64_t fade_end        # one past the last sample of that fall; 0 before
    int64_t fade_frames
    int64_t go_ns           # host time of the first of the callbacks that came in one go
    int64_t go_frames       # frames that they asked for so far
    double together         # frames that are asked for in one go, over many; 0 before
    double cost             # share of a core that the callback takes, over half a second
    bint leaving
    Usage usage             # of the device's thread

cdef class Feed:
    cdef FeedState state
    cdef object kept
