"""Commands that wait for a beat, a bar, a phrase or a section."""
from libc.stdint cimport int64_t

from remixd._kernel.state cimport SessionState

cdef void session_find_marks(SessionState* session) noexcept nogil
cdef void session_find_bends(SessionState* session) noexcept nogil
