"""Commands that wait for their sample."""
from libc.stdint cimport int64_t

from remixd._kernel.mailbox cimport Command

cdef enum:
    WAITING_MAX = 256       # commands of one kind that may wait

cdef struct Waiting:        # in the order of their samples
    Command entries[WAITING_MAX]
    int count

cdef bint waiting_add(Waiting* waiting, const Command* command) noexcept nogil
cdef void waiting_drop(Waiting* waiting, int at) noexcept nogil
cdef bint waiting_is_superseded(const Waiting* waiting, int at, int64_t start) noexcept nogil
