"""The gains of a deck's stems, as mix, hand and rights leave them."""
from libc.stdint cimport int64_t

from remixd._kernel.player cimport PlayerState
from remixd._kernel.state cimport SessionState

cdef bint deck_gains_rest(const SessionState* session, int deck, int64_t sample) noexcept nogil
cdef void deck_gains(const SessionState* session, int deck, const PlayerState* player, int64_t sample,
                     float* out) noexcept nogil
cdef void deck_prime_gains(SessionState* session, int deck) noexcept nogil
cdef void deck_fill_gains(SessionState* session, int deck, int64_t sample, int first, int last) noexcept nogil
