"""Traces: what the thread that renders a session did and when, in shared memory, like a flight recorder.

Two rings of fixed entries, blocks of 64 bytes and moments of 32, written wait-free and without a system call
by whoever renders the session, one at a time; the oldest is overwritten. A writer says which entry it
begins before it touches it, and which is whole afterwards; a reader copies, looks at the former again,
and throws away what may have been overwritten meanwhile: so nothing that is read is torn.

Stamps are the processor's own counter where it runs evenly on all cores, else CLOCK_MONOTONIC; they are
converted where they are read, along the line through two moments at which both clocks were read.
"""
from libc.stdint cimport INT32_MAX, UINT32_MAX, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from collections import namedtuple
from pathlib import Path

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    #include <sys/resource.h>
    #include <time.h>
    #if defined(__x86_64__)
    #include <cpuid.h>
    static int remixd_has_even_cycles(void) {   /* CPUID 8000_0007, EDX bit 8: the counter is invariant */
        unsigned a, b, c, d = 0;
        return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1);
    }
    #else
    static int remixd_has_even_cycles(void) { return 0; }
    #endif
    static inline uint64_t remixd_log_load(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
    }
    static inline void remixd_log_publish(uint64_t *p, uint64_t v) {
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_release);
    }
    static inline void remixd_log_announce(uint64_t *p, uint64_t v) { /* later writes stay behind this one */
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
    }
    static inline uint64_t remixd_log_recheck(const uint64_t *p) {
        atomic_thread_fence(memory_order_acquire);  /* what was read before stays before */
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_relaxed);
    }
    static inline int64_t remixd_clock_ns(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    static inline int64_t remixd_monotonic_ns(void) { return remixd_clock_ns(CLOCK_MONOTONIC); }
    static inline int64_t remixd_cpu_ns(void) { return remixd_clock_ns(CLOCK_THREAD_CPUTIME_ID); }
    static inline void remixd_usage(int64_t *minor, int64_t *major, int64_t *preempted) {
        struct rusage usage;
        if (getrusage(RUSAGE_THREAD, &usage) != 0)
            return;
        *minor = usage.ru_minflt;
        *major = usage.ru_majflt;
        *preempted = usage.ru_nivcsw;
    }
    """
    int has_even_cycles "remixd_has_even_cycles"() noexcept nogil
    uint64_t load_acquire "remixd_log_load"(const uint64_t* p) noexcept nogil
    void publish "remixd_log_publish"(uint64_t* p, uint64_t v) noexcept nogil
    void announce "remixd_log_announce"(uint64_t* p, uint64_t v) noexcept nogil
    uint64_t recheck "remixd_log_recheck"(const uint64_t* p) noexcept nogil
    int64_t monotonic_ns "remixd_monotonic_ns"() noexcept nogil
    int64_t cpu_ns "remixd_cpu_ns"() noexcept nogil
    void read_usage "remixd_usage"(int64_t* minor, int64_t* major, int64_t* preempted) noexcept nogil

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    HEADER_BYTES = 384
    BLOCKS_AT = 128         # the counters of the blocks, each in a line of its own,
    MOMENTS_AT = 256        # and of the moments
    LINE = 64
    BLOCK_BYTES = 64
    MOMENT_BYTES = 32
    SLOTS_MAX = 1 << 20
    PART_TICKS = 16
    LOOK_NS = 10000000      # so long after a look at the thread the next one is due
    CALIBRATE_NS = 2000000

cdef uint64_t MAGIC = 0x3145434152545258    # "XRTRACE1"
cdef int64_t PAIR_NS = 30000000000          # the line between stamps and nanoseconds goes back so far
cdef double SLOW = 1.5                      # times what its blocks take of late, and
cdef double SLOW_NS = 30000.0               # so much more: then the thread is looked at
cdef double MEAN_SHARE = 0.02
cdef double _tick_ns = 0.0

PARTS = ("commands", "decks", "racks", "master")
(TAKEN, APPLIED, TRANSITION, CHECKPOINT) = range(MOMENT_TAKEN, MOMENT_CHECKPOINT + 1)
FLAGS = {
    "paced": BLOCK_PACED, "device": BLOCK_DEVICE, "measured": BLOCK_MEASURED, "transition": BLOCK_TRANSITION,
    "load": BLOCK_LOAD, "swap": BLOCK_SWAP, "checkpoint": BLOCK_CHECKPOINT, "woken": BLOCK_WOKEN,
    "busy": BLOCK_BUSY, "backlog": BLOCK_BACKLOG, "underrun": BLOCK_UNDERRUN,
    "taken over": BLOCK_TAKEN_OVER,
}

Block = namedtuple(
    "Block",
    "begin_ns end_ns sample frames late_ns behind_ns parts_ns cpu_ns taken minor_faults major_faults "
    "preemptions flags",
)
Moment = namedtuple("Moment", "at_ns kind what sample command deck")


cdef inline void _put(Log* log, const void* entry, int size) noexcept nogil:
    """Write one entry over the oldest. Thread: [render]."""
    cdef uint64_t at = log.written[0]               # this thread alone writes it
    announce(log.writing, at + 1)
    memcpy(log.entries + (at & log.mask) * size, entry, size)
    publish(log.written, at + 1)


cdef uint64_t log_written(const Log* log) noexcept nogil:
    """Entries that are whole, since the start. Thread: any reader."""
    return load_acquire(log.written)


cdef uint64_t log_copy(const Log* log, uint64_t first, uint64_t count, int size, void* out) noexcept nogil:
    """Copy entries from `first` on that were whole; how many of the first of them must not be used.

    Of `count`, at most all that the ring holds. Thread: any reader.
    """
    cdef uint64_t at, begun, safe, slots = log.mask + 1
    for at in range(count):
        memcpy(<uint8_t*>out + at * size, log.entries + ((first + at) & log.mask) * size, size)
    begun = recheck(log.writing)
    safe = begun - slots if begun > slots else 0
    return min(safe - first, count) if safe > first else 0


cdef void usage_look(Usage* usage) noexcept nogil:
    """Note how much the calling thread has used so far. Two system calls. Thread: [render]."""
    usage.cpu_ns = cpu_ns()
    read_usage(&usage.minor_faults, &usage.major_faults, &usage.preemptions)
    usage.busy_ns = 0.0
    usage.looked = stamp(usage.cycles)


cdef void trace_begin(Trace* trace, int64_t sample, int64_t behind_ns, int flags) noexcept nogil:
    """A block begins: before its commands are taken."""
    memset(&trace.block, 0, sizeof(BlockEntry))
    memset(trace.parts, 0, sizeof(trace.parts))
    trace.block.sample = sample
    trace.block.behind_us = <uint32_t>min(max(behind_ns // 1000, <int64_t>0), <int64_t>INT32_MAX)
    trace.block.flags = <uint16_t>flags
    trace.block.begin = stamp(trace.cycles)
    trace.quantum = trace.block.begin


cdef void trace_taken(Trace* trace, int count) noexcept nogil:
    """The block's commands are taken."""
    cdef uint64_t at = stamp(trace.cycles)
    trace.block.taken = <uint8_t>min(count, 255)
    trace.parts[0] = at - trace.block.begin
    trace.quantum = at


cdef void trace_quantum(Trace* trace) noexcept nogil:
    """A quantum is rendered, and was mixed at `mixed`."""
    cdef uint64_t at = stamp(trace.cycles)
    trace.parts[1] += trace.mixed - trace.quantum - trace.racked
    trace.parts[2] += trace.racked
    trace.parts[3] += at - trace.mixed
    trace.racked = 0
    trace.quantum = at


cdef void trace_end(Trace* trace, int64_t frames, int64_t late_ns, Usage* usage) noexcept nogil:
    """A block has ended: write it down.

    What the thread used is read only of one that took much longer than its like, or was late: the calls
    would take longer than all the rest. Of the blocks since the last look it is taken that they had the
    processor all the time.
    """
    cdef BlockEntry* block = &trace.block
    cdef Usage before = usage[0]
    cdef double took, took_ns
    cdef int i
    usage.cycles = trace.cycles
    block.end = stamp(trace.cycles)
    took = <double>(block.end - block.begin)
    took_ns = took * trace.tick_ns
    block.frames = <uint16_t>min(frames, <int64_t>65535)
    block.late_ns = late_ns
    if took_ns > SLOW * trace.mean * frames * trace.tick_ns + SLOW_NS or late_ns > 0:
        usage_look(usage)
        block.flags |= BLOCK_MEASURED
        block.cpu_ns = <uint32_t>min(
            max(<double>(usage.cpu_ns - before.cpu_ns) - before.busy_ns, 0.0), took_ns, <double>UINT32_MAX)
        block.minor_faults = <uint8_t>min(usage.minor_faults - before.minor_faults, <int64_t>255)
        block.major_faults = <uint8_t>min(usage.major_faults - before.major_faults, <int64_t>255)
        block.preemptions = <uint8_t>min(usage.preemptions - before.preemptions, <int64_t>255)
    else:
        usage.busy_ns += took_ns
        if <double>(block.end - usage.looked) * trace.tick_ns >= LOOK_NS:
            usage_look(usage)
    for i in range(4):
        block.parts[i] = <uint32_t>min(trace.parts[i] // PART_TICKS, <uint64_t>UINT32_MAX)
    trace.mean += (took / frames - trace.mean) * (MEAN_SHARE if trace.mean else 1.0)
    _put(&trace.blocks, block, BLOCK_BYTES)


cdef void trace_moment(Trace* trace, int kind, int what, int64_t sample, uint64_t command,
                       uint32_t deck) noexcept nogil:
    """Write down that something happened now."""
    cdef MomentEntry entry
    entry.at = stamp(trace.cycles)
    entry.sample = sample
    entry.command = command
    entry.kind = <uint16_t>kind
    entry.what = <uint16_t>what
    entry.deck = deck
    _put(&trace.moments, &entry, MOMENT_BYTES)


cdef void _pair(bint cycles, Pair* pair) noexcept nogil:
    """Both clocks at one moment: of some tries the one in which least time passed."""
    cdef uint64_t tick
    cdef int64_t first, second, least = INT32_MAX
    cdef int _tries
    pair.at = 0
    pair.ns = 0
    for _tries in range(5):
        first = monotonic_ns()
        tick = stamp(cycles)
        second = monotonic_ns()
        if second - first < least:
            least = second - first
            pair.at = tick
            pair.ns = first + least // 2 if cycles else <int64_t>tick


cdef double _measure_tick_ns(bint cycles) noexcept nogil:
    """How long a tick is, within some millionths: over 2 ms."""
    cdef Pair begin
    cdef Pair end
    if not cycles:
        return 1.0
    _pair(cycles, &begin)
    while monotonic_ns() < begin.ns + CALIBRATE_NS:
        pass
    _pair(cycles, &end)
    return <double>(end.ns - begin.ns) / <double>(end.at - begin.at)


def cycles_are_even() -> bool:
    """Whether the processor's counter runs evenly on all cores: it says so, and the system trusts it."""
    try:
        trusted = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource").read_text().strip()
    except OSError:
        return False
    return bool(has_even_cycles()) and trusted in ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page")


def size_bytes(blocks: int, moments: int) -> int:
    """Bytes that a trace of so many blocks and moments takes, powers of two, at most 2^20."""
    for slots in (blocks, moments):
        if not 2 <= slots <= SLOTS_MAX or slots & (slots - 1):
            raise ValueError(f"a trace holds a power of two of entries, at most {SLOTS_MAX}, not {slots}")
    return HEADER_BYTES + blocks * BLOCK_BYTES + moments * MOMENT_BYTES


cdef void _open_log(Log* log, uint8_t* counters, uint8_t* entries, uint64_t slots) noexcept:
    log.writing = <uint64_t*>counters
    log.written = <uint64_t*>(counters + LINE)
    log.entries = entries
    log.mask = slots - 1


cdef class TraceRing:
    """A session's trace in a writable buffer, such as a shared memory map.

    Args:
        memory: at least `size_bytes(blocks, moments)` bytes, 8-byte aligned.
        blocks, moments: given by the side that creates it; 0 opens one that exists.
        cycles: whether stamps are of the processor's counter; None where `cycles_are_even`.

    Raises ValueError if the buffer holds no trace or is too small. Thread: [control], [housekeeping].
    """

    def __cinit__(self, unsigned char[::1] memory not None, int blocks=0, int moments=0, cycles=None):
        global _tick_ns
        cdef uint8_t* base = <uint8_t*>&memory[0]
        cdef uint64_t* header = <uint64_t*>base
        if memory.shape[0] < HEADER_BYTES or <uintptr_t>base % 8:
            raise ValueError("the buffer is too small for a trace, or not aligned")
        if blocks:
            if memory.shape[0] < size_bytes(blocks, moments):
                raise ValueError("the buffer is too small for the trace")
            memset(base, 0, memory.shape[0])
            header[1], header[2] = blocks, moments
            header[3] = cycles_are_even() if cycles is None else bool(cycles)
            _pair(header[3] != 0, <Pair*>&header[4])
            header[0] = MAGIC
        if header[0] != MAGIC or memory.shape[0] < size_bytes(header[1], header[2]):
            raise ValueError("the buffer does not hold a trace of this version")
        self.memory = memory
        self.trace.cycles = header[3] != 0
        if blocks:
            if self.trace.cycles and _tick_ns == 0.0:
                _tick_ns = _measure_tick_ns(True)
            self.trace.tick_ns = _tick_ns if self.trace.cycles else 1.0
        _open_log(&self.trace.blocks, base + BLOCKS_AT, base + HEADER_BYTES, header[1])
        _open_log(&self.trace.moments, base + MOMENTS_AT, base + HEADER_BYTES + header[1] * BLOCK_BYTES,
                  header[2])
        self.before = (<Pair*>&header[4])[0]
        self.newer = self.before
        self.look_at_clock()

    cdef void look_at_clock(self) noexcept:
        """Read both clocks, for what is converted next."""
        _pair(self.trace.cycles, &self.now)
        if self.now.ns - self.newer.ns >= PAIR_NS:
            self.before = self.newer
            self.newer = self.now
        self.rate = 1.0
        if self.trace.cycles and self.now.at > self.before.at:
            self.rate = <double>(self.now.ns - self.before.ns) / <double>(self.now.at - self.before.at)

    cdef int64_t ns(self, uint64_t at) noexcept:
        """The moment of a stamp, CLOCK_MONOTONIC; the newer, the more exactly."""
        return self.now.ns - <int64_t>(<double>(<int64_t>(self.now.at - at)) * self.rate)

    def lock_memory(self) -> bool:
        """Keep it in memory, never paged out; False if this process may not. Thread: [housekeeping]."""
        return mlock(&self.memory[0], self.memory.shape[0]) == 0

    @property
    def is_of_cycles(self) -> bool:
        """Whether its stamps are of the processor's counter."""
        return self.trace.cycles

    @property
    def counts(self) -> tuple[int, int]:
        """Blocks and moments written since the start; those that it holds at most: `slots`."""
        return load_acquire(self.trace.blocks.written), load_acquire(self.trace.moments.written)

    @property
    def slots(self) -> tuple[int, int]:
        """Blocks and moments that it holds."""
        return self.trace.blocks.mask + 1, self.trace.moments.mask + 1

    def read(self, int64_t since_ns=0) -> tuple[list, list]:
        """What is kept of the time since a moment (CLOCK_MONOTONIC): blocks, moments, oldest first.

        What was being overwritten meanwhile is left out. Thread: any reader.
        """
        cdef uint64_t blocks = load_acquire(self.trace.blocks.written)
        cdef uint64_t moments = load_acquire(self.trace.moments.written)
        self.look_at_clock()
        return self._blocks(blocks, since_ns), self._moments(moments, since_ns)

    cdef list _blocks(self, uint64_t written, int64_t since_ns):
        cdef uint64_t count = min(written, self.trace.blocks.mask + 1), bad, i
        cdef BlockEntry* copies = <BlockEntry*>malloc((count + 1) * BLOCK_BYTES)
        cdef list found = []
        if copies == NULL:
            raise MemoryError("no memory to read a trace")
        bad = log_copy(&self.trace.blocks, written - count, count, BLOCK_BYTES, copies)
        for i in range(bad, count):
            if self.ns(copies[i].end) >= since_ns:
                found.append(self.block_entry(&copies[i]))
        free(copies)
        return found

    cdef object block_entry(self, const BlockEntry* block):
        """A block for Python."""
        cdef int i
        cdef bint measured = block.flags & BLOCK_MEASURED
        return Block(
            self.ns(block.begin), self.ns(block.end), block.sample, block.frames,
            block.late_ns if block.flags & BLOCK_PACED else None, block.behind_us * 1000,
            tuple([<int64_t>(block.parts[i] * self.rate * PART_TICKS) for i in range(4)]),
            block.cpu_ns if measured else None, block.taken, block.minor_faults, block.major_faults,
            block.preemptions, block.flags,
        )

    cdef list _moments(self, uint64_t written, int64_t since_ns):
        cdef uint64_t count = min(written, self.trace.moments.mask + 1), bad, i
        cdef MomentEntry* copies = <MomentEntry*>malloc((count + 1) * MOMENT_BYTES)
        cdef list found = []
        cdef int64_t at_ns
        if copies == NULL:
            raise MemoryError("no memory to read a trace")
        bad = log_copy(&self.trace.moments, written - count, count, MOMENT_BYTES, copies)
        for i in range(bad, count):
            at_ns = self.ns(copies[i].at)
            if at_ns >= since_ns:
                found.append(Moment(at_ns, copies[i].kind, copies[i].what, copies[i].sample,
                                    copies[i].command, copies[i].deck))
        free(copies)
        return found
