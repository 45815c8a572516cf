"""Racks in a session: commands for them, and their part in the mix."""
from libc.stdint cimport int64_t

from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef struct Parts:          # where the parts of a deck are added to
    float* into[5]          # roles, and what is summed already; often all the same
    int count               # how many of them differ

cdef bint rack_makes_sense(const Command* command) noexcept nogil
cdef void session_weigh(SessionState* session, const Command* command, int64_t start, int64_t position,
                        bint superseded) noexcept nogil
cdef void session_tend_racks(SessionState* session) noexcept nogil
cdef void deck_parts(SessionState* session, int deck, float* out, Parts* parts) noexcept nogil
cdef void deck_sounds(SessionState* session, const Parts* parts, Parts* sounds) noexcept nogil
cdef void deck_rack_parts(SessionState* session, int deck, const Parts* parts, float* out) noexcept nogil
cdef void session_rack(SessionState* session, int deck, float* block) noexcept nogil
