"""Commands for a session: taken, applied, reported."""
from libc.stdint cimport int64_t

from remixd._kernel.deck cimport Deck
from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef int session_post(SessionState* session, const Command* command) noexcept nogil
cdef bint command_bends(const Command* command) noexcept nogil
cdef bint session_route(SessionState* session, const Command* command) noexcept nogil
cdef void session_report(SessionState* session, const Command* command, int kind, int64_t sample,
                         int64_t settled, int64_t position, double value, int64_t late,
                         bint superseded) noexcept nogil
cdef void session_answer(SessionState* session, const Command* command, int kind,
                         int reason) noexcept nogil
cdef void session_refuse(SessionState* session, const Command* command, int reason) noexcept nogil
cdef void session_move_map(SessionState* session) noexcept nogil
cdef void session_move_strips(SessionState* session, int64_t sample, int* filled) noexcept nogil
cdef void deck_init(Deck* deck, const SessionState* session) noexcept
cdef void deck_take_mix(SessionState* session, Deck* deck) noexcept nogil
