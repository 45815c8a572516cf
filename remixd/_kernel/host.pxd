"""The nogil heart: many sessions rendered in deadline order by one thread."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from remixd._kernel.mailbox cimport Mailbox, Queue
from remixd._kernel.ring cimport PacketRing, Ring
from remixd._kernel.session cimport Session
from remixd._kernel.state cimport SessionState
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.tally cimport Tally
from remixd._kernel.trace cimport Usage

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
    double cost             # share of the thread's time that its packets take, of late; paced ones

cdef struct Load:           # written by the render thread; each is one aligned word for who reads it
    int64_t began_ns        # the window that is being counted
    int64_t busy_ns
    double mean             # share of the time that paced sessions take, over about a second
    double worst            # of one window, since it was asked last
    uint64_t late           # packets of paced sessions that were ready too late
    Tally costs             # what their packets took, in millionths of what they last
    Tally lateness          # how long after they were due they were ready, in microseconds

cdef struct HostState:
    Slot slots[SLOTS]
    Scratch scratch
    Load load
    Usage usage             # of the render thread
    Slot* before            # whose packet it rendered last, without sleeping since; else NULL
    uint32_t stop

cdef class Host:
    cdef HostState* state
    cdef list kept
    cdef int _add(self, Session session, Mailbox commands, PacketRing ring, int64_t lead_ns, bint paced,
                  int64_t start_ns, uint32_t underruns) except -1
    cdef bint _ask(self, uint32_t key, uint32_t state)
