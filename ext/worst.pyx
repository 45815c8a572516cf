"""The worst blocks: the 32 that came latest and the 32 that took longest, of all and of the last minute.

Lateness is never averaged: each block that was rendered is looked at, and the worst are kept whole. Whoever
looks does so before the trace overwrites what it has not seen; if not, that is counted.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memmove

from remixd._kernel.trace cimport BLOCK_PACED, log_copy, log_written

cdef enum:
    BLOCK_BYTES = 64
    CHUNK = 1024            # blocks that are copied in one go

cdef int64_t WINDOW_NS = 10000000000


cdef void _insert(Table* table, double key, const BlockEntry* block) noexcept:
    """Keep a block if it is among the worst; of equal ones the first."""
    cdef int at = table.count
    if at == WORST:
        if key <= table.keys[WORST - 1]:
            return
        at -= 1
    else:
        table.count += 1
    while at > 0 and table.keys[at - 1] < key:
        at -= 1
    memmove(&table.keys[at + 1], &table.keys[at], (table.count - 1 - at) * sizeof(double))
    memmove(&table.blocks[at + 1], &table.blocks[at], (table.count - 1 - at) * sizeof(BlockEntry))
    table.keys[at] = key
    table.blocks[at] = block[0]


cdef class WorstBlocks:
    """Follows the trace of one session. Thread: [control].

    Attributes:
        missed: blocks that were overwritten before they were looked at.
    """

    def __cinit__(self, TraceRing ring not None):
        self.ring = ring
        self.copies = <BlockEntry*>malloc(CHUNK * sizeof(BlockEntry))
        if self.copies == NULL:
            raise MemoryError("no memory to follow a trace")

    def __dealloc__(self):
        free(self.copies)

    def follow(self, TraceRing ring not None) -> None:
        """Go on with the trace of another engine, after what is left of the one before."""
        self.look()
        self.ring = ring
        self.read = 0

    def look(self) -> None:
        """Take what has been rendered since the last look: at least every 10 s."""
        cdef uint64_t written = log_written(&self.ring.trace.blocks), count, bad, i
        cdef uint64_t slots = self.ring.trace.blocks.mask + 1
        self.ring.look_at_clock()
        if written - self.read > slots:
            self.missed += <int64_t>(written - self.read - slots)
            self.read = written - slots
        while self.read < written:
            count = min(written - self.read, <uint64_t>CHUNK)
            bad = log_copy(&self.ring.trace.blocks, self.read, count, BLOCK_BYTES, self.copies)
            self.missed += <int64_t>bad
            for i in range(bad, count):
                self._take(&self.copies[i])
            self.read += count

    cdef void _take(self, const BlockEntry* block) noexcept:
        cdef int64_t window = self.ring.ns(block.end) // WINDOW_NS
        cdef double took = <double>(block.end - block.begin) / max(block.frames, 1)
        cdef int i
        while self.window < window:
            self.window = max(self.window + 1, window - WINDOWS + 1)
            for i in range(2):
                self.recent[self.window % WINDOWS][i].count = 0
        if block.flags & BLOCK_PACED:
            _insert(&self.all_time[0], <double>block.late_ns, block)
            _insert(&self.recent[window % WINDOWS][0], <double>block.late_ns, block)
        _insert(&self.all_time[1], took, block)
        _insert(&self.recent[window % WINDOWS][1], took, block)

    cdef list _entries(self, const Table* table, int64_t since_ns, int most):
        cdef list found = []
        cdef int i
        for i in range(table.count):
            if len(found) < most and self.ring.ns(table.blocks[i].end) >= since_ns:
                found.append((table.keys[i], self.ring.block_entry(&table.blocks[i])))
        return found

    def ever(self, bint by_cost=False, int most=WORST) -> list:
        """The worst `Block`s since it is followed, the worst first: by lateness, or by cost a frame."""
        self.ring.look_at_clock()
        return [block for _, block in self._entries(&self.all_time[by_cost], 0, most)]

    def minute(self, int64_t now_ns, bint by_cost=False, int most=WORST) -> list:
        """The same of the 60 s before a moment (CLOCK_MONOTONIC)."""
        cdef int i
        cdef list found = []
        self.ring.look_at_clock()
        for i in range(WINDOWS):
            found += self._entries(&self.recent[i][by_cost], now_ns - 6 * WINDOW_NS, most)
        found.sort(key=_key, reverse=True)
        return [block for _, block in found[:most]]


def _key(found):
    return found[0]
