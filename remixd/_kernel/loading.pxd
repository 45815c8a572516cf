"""Changing what is on a deck."""
from remixd._kernel.deck cimport Deck
from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef bint load_deck(SessionState* session, Deck* deck, const Command* command) noexcept nogil
cdef bint swap_player(SessionState* session, Deck* deck, const Command* command) noexcept nogil
