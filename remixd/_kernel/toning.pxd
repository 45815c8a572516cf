"""The tone of a session's whole mix."""
from libc.stdint cimport int64_t

from remixd._kernel.mailbox cimport Command
from remixd._kernel.state cimport SessionState

cdef enum:
    TONE_RAMP_LEAST = 480       # 10 ms: what is faster would be heard as a click in deep bass
    TONE_SETTLES = 543          # frames behind a ramp: a filter comes in or goes out, and the knob arrives

cdef void session_begin_tone(SessionState* session, int64_t sample) noexcept nogil
cdef void session_hold_tone(SessionState* session, int64_t sample) noexcept nogil
cdef double session_turn_tone(SessionState* session, const Command* command, int64_t start) noexcept nogil
