"""Commands for a session: taken, applied, reported."""
from libc.stdint cimport int64_t

from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef int role_of(int dimension) noexcept nogil
cdef float linear_gain(double level_db) noexcept nogil
cdef int session_post(SessionState* session, const Command* command) noexcept nogil
cdef void session_report(SessionState* session, const Command* command, int kind, int64_t sample,
                         int64_t settled, int64_t position, double value, int64_t late,
                         bint superseded) noexcept nogil
cdef void session_move_map(SessionState* session) noexcept nogil
cdef int session_move_strips(SessionState* session, int64_t sample) noexcept nogil
cdef void session_gains(const SessionState* session, int64_t sample, float* out) noexcept nogil
cdef void session_fill_gains(SessionState* session, int64_t sample, int first, int last) noexcept nogil
