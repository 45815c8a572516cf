"""The nogil heart: many sessions rendered in deadline order by one thread."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.mailbox cimport Queue
from remixd._kernel.ring cimport Ring
from remixd._kernel.state cimport SessionState
from remixd._kernel.stretch cimport Scratch

cdef enum:
    SLOTS = 256

cdef enum:
    SLOT_FREE = 0
    SLOT_PLAYING = 1
    SLOT_LEAVING = 2        # one more packet, fading out
    SLOT_RELEASING = 3      # to be handed back as it is
    SLOT_GONE = 4

cdef struct Slot:
    uint32_t state          # SlotState; housekeeping and the render thread hand it back and forth
    SessionState* session
    Queue* commands
    Ring ring
    bint paced              # else rendered whenever nothing is due
    int64_t start_ns        # host time at which the session's sample 0 is due
    int64_t lead_ns         # how long before it is due a packet is rendered
    uint32_t underruns

cdef struct HostState:
    Slot slots[SLOTS]
    Scratch scratch
    uint32_t stop

cdef class Host:
    cdef HostState* state
    cdef list kept
    cdef bint _ask(self, uint32_t key, uint32_t state)
