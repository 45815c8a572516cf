"""A session: commands in, one block of one mix out."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.bus cimport Bus
from remixd._kernel.deck cimport QUANTUM, Deck
from remixd._kernel.mailbox cimport Command, Queue
from remixd._kernel.meter cimport Meter
from remixd._kernel.ring cimport Packet
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.strip cimport Ramp
from remixd._kernel.waiting cimport Waiting

cdef enum:
    ROLES = 4
    DIMENSIONS = 6

cdef struct SessionState:
    uint32_t key
    Deck deck
    int role_of[8]
    bint role_present[ROLES]
    bint summed             # tonal stems' gains act in the spectrum, with their frames
    Ramp gains[ROLES]
    float vocals_limit      # most that vocals may be of the loudest other role, linear; 0: no limit
    double low[DIMENSIONS]  # rights
    double high[DIMENSIONS]
    Bus bus
    Waiting for_strips
    Waiting for_map
    Queue* reports
    uint32_t reports_lost
    Meter meter
    int64_t quantum         # next to be rendered
    int64_t playhead        # source frames at the newest quantum; for housekeeping to read
    int64_t clock           # output frames handed out
    float block[QUANTUM * 2]
    int block_used          # frames of `block` already handed out
    float stem[QUANTUM * 2]
    float ramps[ROLES][QUANTUM]
    Scratch* scratch

cdef void session_drain(SessionState* session, Queue* commands) noexcept nogil
cdef void session_describe(SessionState* session, Packet* packet) noexcept nogil
cdef int session_post(SessionState* session, const Command* command) noexcept nogil
cdef void session_render(SessionState* session, int64_t frames, float* out) noexcept nogil
cdef void session_gains(const SessionState* session, int64_t sample, float* out) noexcept nogil
cdef void session_report(SessionState* session, const Command* command, int kind, int64_t sample,
                         int64_t settled, int64_t position, double value, int64_t late,
                         bint superseded) noexcept nogil

cdef class Session:
    cdef SessionState* state
    cdef Scratch own_scratch
    cdef object memory
    cdef readonly list stems
    cdef int _set_mix(self, mix, low, high) except -1
    cdef int _set_deck(self, list roles, bint loop) except -1
