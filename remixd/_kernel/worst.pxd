"""The worst blocks of a trace: since the start, and of the last minute."""
from libc.stdint cimport int64_t, uint64_t

from remixd._kernel.trace cimport BlockEntry, TraceRing

cdef enum:
    WORST = 32
    WINDOWS = 7             # of 10 s each: the newest is being filled

cdef struct Table:          # the greatest first
    int count
    double[WORST] keys
    BlockEntry[WORST] blocks

cdef class WorstBlocks:
    cdef TraceRing ring
    cdef uint64_t read
    cdef readonly int64_t missed
    cdef int64_t window
    cdef Table[2] all_time              # by lateness, by cost
    cdef Table[WINDOWS][2] recent
    cdef BlockEntry* copies
    cdef void _take(self, const BlockEntry* block) noexcept
    cdef list _entries(self, const Table* table, int64_t since_ns, int most)
