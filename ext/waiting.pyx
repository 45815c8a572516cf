"""Commands that wait for their sample, in its order; those for the same sample in the order they came.

Thread: [render].
"""
from libc.stdint cimport int64_t
from libc.string cimport memmove

from remixd._kernel.mailbox cimport COMMAND_RACK, Command


cdef bint waiting_add(Waiting* waiting, const Command* command) noexcept nogil:
    """Take a command; False where too many wait."""
    cdef int at = waiting.count
    if waiting.count == WAITING_MAX:
        return False
    while at > 0 and waiting.entries[at - 1].sample > command.sample:
        at -= 1
    memmove(&waiting.entries[at + 1], &waiting.entries[at], (waiting.count - at) * sizeof(Command))
    waiting.entries[at] = command[0]
    waiting.count += 1
    return True


cdef void waiting_drop(Waiting* waiting, int at) noexcept nogil:
    """Forget the command at `at`."""
    waiting.count -= 1
    memmove(&waiting.entries[at], &waiting.entries[at + 1], (waiting.count - at) * sizeof(Command))


cdef bint waiting_is_superseded(const Waiting* waiting, int at, int64_t start) noexcept nogil:
    """Whether a later command for the same thing takes effect at the same sample."""
    cdef const Command* command = &waiting.entries[at]
    cdef int i
    for i in range(at + 1, waiting.count):
        if waiting.entries[i].sample > start:
            return False
        if waiting.entries[i].kind == command.kind and waiting.entries[i].dimension == command.dimension and (
            waiting.entries[i].deck == command.deck
            and (command.kind != COMMAND_RACK or waiting.entries[i].extra == command.extra)
        ):
            return True
    return False
