"""Play, pause, jumps, loops: what decks are told to do, on their sample."""
from libc.stdint cimport int64_t

from remixd._kernel.state cimport SessionState

cdef void session_move_decks(SessionState* session) noexcept nogil
