"""A session: commands in, one block of one mix out."""
from libc.stdint cimport int64_t

from remixd._kernel.mailbox cimport Queue
from remixd._kernel.checkpoint cimport CheckpointMemory
from remixd._kernel.player cimport Player
from remixd._kernel.racks cimport SessionRacks
from remixd._kernel.ring cimport PacketRing
from remixd._kernel.state cimport SessionState
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.trace cimport TraceRing

cdef void session_drain(SessionState* session, Queue* commands) noexcept nogil
cdef void session_render(SessionState* session, int64_t frames, float* out) noexcept nogil

cdef class Session:
    cdef SessionState* state
    cdef Scratch own_scratch
    cdef object memory
    cdef dict players
    cdef dict patterns
    cdef list fading
    cdef readonly SessionRacks racks
    cdef CheckpointMemory kept
    cdef PacketRing stems_ring
    cdef TraceRing trace_ring
    cdef int _part(self, PacketRing ring) except -1
    cdef int _play(self, Player player, int64_t start) except -1
