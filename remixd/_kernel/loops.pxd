"""Going from place to place, and loops."""
from libc.stdint cimport int64_t

from remixd._kernel.deck cimport Deck
from remixd._kernel.mailbox cimport Command
from remixd._kernel.player cimport PlayerState
from remixd._kernel.state cimport SessionState

cdef int64_t fixed(double frame) noexcept nogil
cdef double beats_on(const Deck* deck, double frame, double beats) noexcept nogil
cdef int64_t soonest(const SessionState* session, const Deck* deck, int lead) noexcept nogil
cdef bint is_due(const SessionState* session, int64_t sample, int lead) noexcept nogil
cdef void go_to(SessionState* session, Deck* deck, PlayerState* player, int64_t target, int64_t sample,
                int frames, bint alike) noexcept nogil
cdef void tell_done(SessionState* session, const Command* command, int64_t sample, int64_t position,
                    double value) noexcept nogil
cdef bint is_inside(const PlayerState* player, int64_t position) noexcept nogil
cdef bint set_loop(SessionState* session, Deck* deck, const Command* command) noexcept nogil
cdef bint scale_loop(SessionState* session, Deck* deck, const Command* command) noexcept nogil
cdef void wrap_loop(SessionState* session, Deck* deck) noexcept nogil
