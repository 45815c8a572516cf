"""What is generated over a deck: patterns put on it, struck as it plays, and heard with it."""
from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef void layer_clear(SessionState* session, int deck) noexcept nogil
cdef bint layer_take(SessionState* session, const Command* command) noexcept nogil
cdef bint layer_sting(SessionState* session, const Command* command) noexcept nogil
cdef void layer_add(SessionState* session, int deck, float* out) noexcept nogil
