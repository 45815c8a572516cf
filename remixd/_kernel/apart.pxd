"""Stems apart: what each part of a session sounds like, beside the mix."""
from libc.stdint cimport int64_t

from remixd._kernel.channel cimport Channel
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.ring cimport Packet, Ring

cdef enum:
    PAIRS = 5               # the roles, and what is generated
    APART_DECKS = 4
    SPAN = 16384            # frames: more than racks and limiter may delay the mix

cdef struct Apart:
    float[PAIRS][2 * SPAN] lines        # a circle of frames, written ahead of where it is read
    float[PAIRS][2 * QUANTUM] deck      # of the deck that is being mixed
    float[PAIRS][2 * QUANTUM] out       # of the quantum that is handed out
    Channel[APART_DECKS][PAIRS] channels
    Ring ring
    Packet* packet          # being filled; NULL before the first frame of one
    float* pcm              # of it: pair after pair, each (frames, 2)
    int64_t frames          # of a packet
    int64_t filled
    int64_t fade_frames     # over which it fades out; 0: it does not
    int64_t faded

cdef void apart_init(Apart* apart, const Ring* ring) noexcept nogil
cdef void apart_follow(Apart* apart, int deck, const Channel* channel) noexcept nogil
cdef void apart_add(Apart* apart, int deck, const Channel* own, int64_t sample, int late,
                    bint allowed) noexcept nogil
cdef void apart_turn(Apart* apart, int64_t sample) noexcept nogil
cdef void apart_write(Apart* apart, int64_t first, int64_t frames, int64_t sample,
                      int64_t position) noexcept nogil
cdef void apart_leave(Apart* apart, int64_t frames) noexcept nogil
