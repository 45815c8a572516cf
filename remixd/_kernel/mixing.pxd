"""From decks to one block."""
from remixd._kernel.state cimport SessionState

cdef void session_mix(SessionState* session, const int* filled) noexcept nogil
