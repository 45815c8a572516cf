"""Mailboxes: bounded queues of flat 64-byte entries between two threads or processes.

One producer, one consumer. Head and tail lie 64 bytes apart and move with C11 acquire and release, so that
neither side ever waits. A full mailbox is an answer, never a silent drop.
"""
from libc.string cimport memcpy, memset

from collections import namedtuple

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    static inline uint64_t remixd_load_relaxed(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_relaxed);
    }
    static inline uint64_t remixd_load_acquire(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
    }
    static inline void remixd_store_release(uint64_t *p, uint64_t v) {
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_release);
    }
    """
    uint64_t load_relaxed "remixd_load_relaxed"(const uint64_t* p) noexcept nogil
    uint64_t load_acquire "remixd_load_acquire"(const uint64_t* p) noexcept nogil
    void store_release "remixd_store_release"(uint64_t* p, uint64_t v) noexcept nogil

cdef enum:
    ENTRY_BYTES = 64
    HEADER_BYTES = 256
    HEAD_AT = 64
    TAIL_AT = 128
    CAPACITY_MAX = 1 << 20

cdef uint64_t MAGIC = 0x31584F424D584D52  # "RMXMBOX1"

CommandEntry = namedtuple(
    "CommandEntry",
    "id session kind dimension sample value ramp_frames deck when shape expires extra",
)
ReportEntry = namedtuple(
    "ReportEntry",
    "id session kind dimension sample settled_sample position value late_frames superseded deck command "
    "reason serial taken",
)

MIX = COMMAND_MIX
APPLIED = REPORT_APPLIED
REFUSED = REPORT_REFUSED
UNDERRUN = REPORT_UNDERRUN
EXPIRED = REPORT_EXPIRED
ENDED = REPORT_ENDED
WAITS = REPORT_WAITS
BYPASSED = REPORT_BYPASSED
(LEVEL, PLAY, PAUSE, SEEK, JUMP, LOOP, SCALE, EXIT, SLIP, REVERSE, KEYLOCK, LOAD, SWAP, EJECT, ALIGN, SYNC,
 LEAD, PACE, STRIP, ECHO, RACK) = range(COMMAND_LEVEL, COMMANDS)
(NONE, FULL, UNKNOWN, EMPTY, MISSING, OUTSIDE, SHORT, NO_BEAT, SUMMED, DELAY, RAISED, NONFINITE,
 SHAPE) = range(REASON_SHAPE + 1)


cdef int queue_push(Queue* queue, const void* entry) noexcept nogil:
    """Add one entry; 0 if the queue is full. Thread: [render] or [control], the one producer."""
    cdef uint64_t tail = load_relaxed(queue.tail)
    if tail - load_acquire(queue.head) > queue.mask:
        return 0
    memcpy(queue.entries + (tail & queue.mask) * ENTRY_BYTES, entry, ENTRY_BYTES)
    store_release(queue.tail, tail + 1)
    return 1


cdef int queue_pop(Queue* queue, void* entry) noexcept nogil:
    """Take one entry; 0 if the queue is empty. Thread: [render] or [control], the one consumer."""
    cdef uint64_t head = load_relaxed(queue.head)
    if head == load_acquire(queue.tail):
        return 0
    memcpy(entry, queue.entries + (head & queue.mask) * ENTRY_BYTES, ENTRY_BYTES)
    store_release(queue.head, head + 1)
    return 1


cdef void command_fill(Command* command, uint64_t command_id, uint32_t session, uint16_t kind,
                       uint16_t dimension, int64_t sample, double value, uint32_t ramp_frames, uint8_t deck,
                       uint8_t when, uint8_t shape, int64_t expires, double extra) noexcept:
    """Write an entry, all of it."""
    memset(command, 0, sizeof(Command))
    command.id = command_id
    command.session = session
    command.kind = kind
    command.dimension = dimension
    command.sample = sample
    command.value = value
    command.ramp_frames = ramp_frames
    command.deck = deck
    command.when = when
    command.shape = shape
    command.expires = expires
    command.extra = extra


def size_bytes(capacity: int) -> int:
    """Bytes that a mailbox of `capacity` entries (a power of two, at most 2^20) takes."""
    if capacity < 2 or capacity > CAPACITY_MAX or capacity & (capacity - 1):
        raise ValueError(f"a mailbox holds a power of two of entries, not {capacity}")
    return HEADER_BYTES + capacity * ENTRY_BYTES


cdef class Mailbox:
    """A queue of commands or reports in a writable buffer, such as a shared memory map.

    Args:
        memory: at least `size_bytes(capacity)` bytes, 8-byte aligned.
        capacity: given by the side that creates the queue; 0 opens one that exists.

    Raises ValueError if the buffer holds no mailbox or is too small. Thread: [control], [housekeeping].
    """

    def __cinit__(self, unsigned char[::1] memory not None, int capacity=0):
        cdef uint8_t* base = <uint8_t*>&memory[0]
        cdef uint64_t* header = <uint64_t*>base
        if memory.shape[0] < HEADER_BYTES:
            raise ValueError("the buffer is too small for a mailbox")
        if capacity:
            if memory.shape[0] < size_bytes(capacity):
                raise ValueError("the buffer is too small for the mailbox")
            memset(base, 0, HEADER_BYTES)
            header[1] = capacity
            header[0] = MAGIC
        if header[0] != MAGIC or header[1] > CAPACITY_MAX or memory.shape[0] < size_bytes(header[1]):
            raise ValueError("the buffer does not hold a mailbox of this version")
        self.memory = memory
        self.queue.head = <uint64_t*>(base + HEAD_AT)
        self.queue.tail = <uint64_t*>(base + TAIL_AT)
        self.queue.entries = base + HEADER_BYTES
        self.queue.mask = header[1] - 1

    def __len__(self) -> int:
        return load_acquire(self.queue.tail) - load_acquire(self.queue.head)

    @property
    def free(self) -> int:
        """Entries that can still be posted before the mailbox is full."""
        return self.queue.mask + 1 - len(self)

    def post_command(self, uint64_t command_id, uint32_t session, uint16_t dimension, double value,
                     int64_t sample=-1, uint32_t ramp_frames=0, uint16_t kind=COMMAND_MIX, uint8_t deck=255,
                     uint8_t when=WHEN_SAMPLE, uint8_t shape=0, int64_t expires=0, double extra=0.0) -> bool:
        """Post one command; False if the mailbox is full. Thread: the one producer."""
        cdef Command command
        command_fill(&command, command_id, session, kind, dimension, sample, value, ramp_frames, deck, when,
                     shape, expires, extra)
        return queue_push(&self.queue, &command) != 0

    def take_command(self) -> CommandEntry | None:
        """Take the oldest command, or None. Thread: the one consumer."""
        cdef Command command
        if not queue_pop(&self.queue, &command):
            return None
        return CommandEntry(command.id, command.session, command.kind, command.dimension, command.sample,
                            command.value, command.ramp_frames, command.deck, command.when, command.shape,
                            command.expires, command.extra)

    def take_reports(self, int limit=1024) -> list[ReportEntry]:
        """Take up to `limit` reports, oldest first. Thread: the one consumer."""
        cdef Report report
        cdef list taken = []
        while len(taken) < limit and queue_pop(&self.queue, &report):
            taken.append(ReportEntry(
                report.id, report.session, report.kind, report.dimension, report.sample,
                report.settled_sample, report.position, report.value, report.late_frames,
                report.superseded != 0, report.deck, report.command, report.reason,
                report.serial, report.taken,
            ))
        return taken
