"""Exchanges: blocks of 64 frames handed to another process, and its answers, through shared memory.

One side hands blocks over and takes answers, the other receives and answers, each in order. Counters move
with C11 acquire and release. Who hands over never waits, unless it wants to; who receives sleeps on a futex,
and is woken only if it sleeps.

A slot holds a block, the answer to it, and the answer's number. It is filled again only after it was
answered, so neither side ever reads what the other one writes.
"""
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #include <errno.h>
    #include <limits.h>
    #include <linux/futex.h>
    #include <stdatomic.h>
    #include <stdint.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    static inline uint64_t remixd_count_load(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
    }
    static inline void remixd_count_store(uint64_t *p, uint64_t v) {
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_release);
    }
    static inline uint32_t remixd_bell_read(const uint32_t *p) {
        return atomic_load_explicit((const _Atomic uint32_t *)p, memory_order_acquire);
    }
    static inline void remixd_bell_ring(uint32_t *bell, const uint32_t *waits) {
        atomic_fetch_add_explicit((_Atomic uint32_t *)bell, 1, memory_order_seq_cst);
        if (atomic_load_explicit((const _Atomic uint32_t *)waits, memory_order_seq_cst))
            syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    }
    static inline void remixd_bell_wait(uint32_t *bell, uint32_t *waits, uint32_t heard, int64_t wait_ns) {
        struct timespec most = {wait_ns / 1000000000, wait_ns % 1000000000};
        atomic_store_explicit((_Atomic uint32_t *)waits, 1, memory_order_seq_cst);
        if (atomic_load_explicit((const _Atomic uint32_t *)bell, memory_order_seq_cst) == heard)
            syscall(SYS_futex, bell, FUTEX_WAIT, heard, &most, NULL, 0);
        atomic_store_explicit((_Atomic uint32_t *)waits, 0, memory_order_seq_cst);
    }
    static inline int64_t remixd_now_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    }
    """
    uint64_t count_load "remixd_count_load"(const uint64_t* p) noexcept nogil
    void count_store "remixd_count_store"(uint64_t* p, uint64_t v) noexcept nogil
    uint32_t bell_read "remixd_bell_read"(const uint32_t* p) noexcept nogil
    void bell_ring "remixd_bell_ring"(uint32_t* bell, const uint32_t* waits) noexcept nogil
    void bell_wait "remixd_bell_wait"(uint32_t* bell, uint32_t* waits, uint32_t heard, int64_t wait_ns) \
        noexcept nogil
    int64_t now_ns "remixd_now_ns"() noexcept nogil

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    BLOCK_BYTES = EXCHANGE_FRAMES * 2 * 4
    HANDED_AT = 64
    ANSWERED_AT = 128
    SLOTS_AT = 192
    NUMBER_AT = 2 * BLOCK_BYTES         # in a slot, after the block and its answer
    SLOT_BYTES = 2 * BLOCK_BYTES + 64

cdef uint64_t MAGIC = 0x3148435845584D52  # "RMXEXCH1"

FRAMES = EXCHANGE_FRAMES
SLOTS = EXCHANGE_SLOTS
SIZE_BYTES = SLOTS_AT + EXCHANGE_SLOTS * SLOT_BYTES


cdef inline uint8_t* _slot(const Desk* desk, uint64_t sequence) noexcept nogil:
    return desk.slots + (sequence % EXCHANGE_SLOTS) * SLOT_BYTES


cdef inline Line _line(uint8_t* at) noexcept nogil:
    cdef Line line
    line.count = <uint64_t*>at
    line.bell = <uint32_t*>(at + 8)
    line.waits = <uint32_t*>(at + 12)
    return line


cdef bint desk_hand(Desk* desk, const float* block) noexcept nogil:
    """Hand the next block over; False if too many are under way. Thread: [render]."""
    cdef uint64_t under_way = desk.own - count_load(desk.answered.count)
    if under_way >= EXCHANGE_SLOTS:
        return False
    memcpy(_slot(desk, desk.own), block, BLOCK_BYTES)
    desk.own += 1
    count_store(desk.handed.count, desk.own)
    bell_ring(desk.handed.bell, desk.handed.waits)
    return True


cdef bint desk_take(const Desk* desk, uint64_t sequence, float* block) noexcept nogil:
    """Copy the answer to a block that was handed over; False if it is not there yet. Thread: [render]."""
    cdef uint8_t* slot = _slot(desk, sequence)
    if count_load(<uint64_t*>(slot + NUMBER_AT)) != sequence + 1:
        return False
    memcpy(block, slot + BLOCK_BYTES, BLOCK_BYTES)
    return True


cdef bint desk_wait_for(Desk* desk, uint64_t sequence, int64_t wait_ns) noexcept nogil:
    """Wait until a block was answered; False if it was not in time. Thread: any but a live [render]."""
    cdef uint32_t heard
    cdef int64_t until = now_ns() + wait_ns, left
    while True:
        heard = bell_read(desk.answered.bell)
        if count_load(<uint64_t*>(_slot(desk, sequence) + NUMBER_AT)) == sequence + 1:
            return True
        left = until - now_ns()
        if left <= 0:
            return False
        bell_wait(desk.answered.bell, desk.answered.waits, heard, left)


cdef bint _wait_for_block(Desk* desk, int64_t wait_ns) noexcept nogil:
    """Wait until there is a block that was not answered; False if none came in time."""
    cdef uint32_t heard
    cdef int64_t until = now_ns() + wait_ns, left
    while True:
        heard = bell_read(desk.handed.bell)
        if count_load(desk.handed.count) != desk.own:
            return True
        left = until - now_ns()
        if left <= 0:
            return False
        bell_wait(desk.handed.bell, desk.handed.waits, heard, left)


cdef class Exchange:
    """One side of an exchange in a writable buffer that both processes map.

    Args:
        memory: at least SIZE_BYTES, 8-byte aligned.
        create: make it, which who hands over does; else open it, which who answers does.

    Raises ValueError if the buffer holds no exchange or is too small. Blocks are float32 (2, 64).
    Thread: [housekeeping]; of the other process its one thread.
    """

    def __cinit__(self, unsigned char[::1] memory not None, bint create=False):
        cdef uint8_t* base = <uint8_t*>&memory[0]
        if memory.shape[0] < SIZE_BYTES or <uintptr_t>base % 8:
            raise ValueError("the buffer is too small for an exchange, or not aligned")
        if create:
            memset(base, 0, SIZE_BYTES)
            (<uint64_t*>base)[0] = MAGIC
        if (<uint64_t*>base)[0] != MAGIC:
            raise ValueError("the buffer does not hold an exchange of this version")
        self.memory = memory
        self.desk.handed = _line(base + HANDED_AT)
        self.desk.answered = _line(base + ANSWERED_AT)
        self.desk.slots = base + SLOTS_AT
        self.desk.own = 0

    @property
    def handed(self) -> int:
        """Blocks handed over so far."""
        return count_load(self.desk.handed.count)

    @property
    def answered(self) -> int:
        """Blocks answered so far."""
        return count_load(self.desk.answered.count)

    def lock_memory(self) -> bool:
        """Keep it in memory, never paged out; False if this process may not. Thread: [housekeeping]."""
        return mlock(&self.memory[0], SIZE_BYTES) == 0

    def hand(self, const float[:, ::1] block not None) -> bool:
        """Hand the next block over; False if SLOTS are under way. Thread: [render]."""
        _check(block)
        return desk_hand(&self.desk, &block[0, 0])

    def take(self, uint64_t sequence, float[:, ::1] block not None) -> bool:
        """Copy the answer to a block, counted from 0, out; False if it is not there. Thread: [render]."""
        _check(block)
        return desk_take(&self.desk, sequence, &block[0, 0])

    def wait(self, double timeout_s) -> bool:
        """Sleep until a block is there to be received; False if none came in time (0 to 3600 s)."""
        cdef int64_t wait_ns = <int64_t>(min(max(timeout_s, 0.0), 3600.0) * 1e9)
        cdef bint there
        with nogil:
            there = _wait_for_block(&self.desk, wait_ns)
        return there

    def receive(self, float[:, ::1] block not None) -> bool:
        """Copy the next block out, which `answer` then answers; False if there is none."""
        _check(block)
        if count_load(self.desk.handed.count) == self.desk.own:
            return False
        memcpy(&block[0, 0], _slot(&self.desk, self.desk.own), BLOCK_BYTES)
        return True

    def answer(self, const float[:, ::1] block not None) -> None:
        """Answer the block that was received. Raises ValueError if there is none."""
        _check(block)
        if count_load(self.desk.handed.count) == self.desk.own:
            raise ValueError("there is no block to answer")
        cdef uint8_t* slot = _slot(&self.desk, self.desk.own)
        memcpy(slot + BLOCK_BYTES, &block[0, 0], BLOCK_BYTES)
        self.desk.own += 1
        count_store(<uint64_t*>(slot + NUMBER_AT), self.desk.own)
        count_store(self.desk.answered.count, self.desk.own)
        bell_ring(self.desk.answered.bell, self.desk.answered.waits)


cdef int _check(const float[:, :] block) except -1:
    if block.shape[0] != 2 or block.shape[1] != EXCHANGE_FRAMES:
        raise ValueError(f"a block is (2, {EXCHANGE_FRAMES}), not ({block.shape[0]}, {block.shape[1]})")
    return 0
