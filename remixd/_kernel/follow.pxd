"""The session's beat, and the decks that follow it."""
from libc.stdint cimport int64_t

from remixd._kernel.deck cimport Deck
from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef void session_extend(SessionState* session) noexcept nogil
cdef void session_replan(const SessionState* session, Deck* deck) noexcept nogil
cdef void session_plan_to(SessionState* session, int64_t sample) noexcept nogil
cdef bint deck_has_beat(const Deck* deck) noexcept nogil
cdef double session_beat_at(const SessionState* session, int64_t sample) noexcept nogil
cdef double beat_error(const SessionState* session, const Deck* deck, double beat,
                       double frame) noexcept nogil
cdef void session_forget(SessionState* session, int index) noexcept nogil
cdef int session_follow(SessionState* session, const Command* command) noexcept nogil
