"""Tallies: how often something took how long, counted without allocating, for histograms."""
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    TALLY_BINS = 24         # bin k: at most 2**k, more than the bin before; the last: the rest

cdef struct Tally:          # written by one thread; each count is one aligned word for who reads it
    uint64_t bins[TALLY_BINS]
    int64_t sum

cdef inline void tally_add(Tally* tally, int64_t value) noexcept nogil:
    """Count one value, of any unit; below 1 it is in the first bin."""
    cdef int index = 0
    while index < TALLY_BINS - 1 and value > (<int64_t>1 << index):
        index += 1
    tally.bins[index] += 1
    tally.sum += max(value, 0)
