"""How a session stands."""
from libc.stdint cimport int64_t

from remixd._kernel.ring cimport DeckReading, Packet
from remixd._kernel.state cimport SessionState

cdef int shown_deck(const SessionState* session) noexcept nogil
cdef int64_t session_position(const SessionState* session, int64_t sample) noexcept nogil
cdef void deck_describe(const SessionState* session, int index, DeckReading* reading) noexcept nogil
cdef void session_describe(SessionState* session, Packet* packet) noexcept nogil
