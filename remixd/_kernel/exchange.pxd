"""Blocks of sound on their way to another process and back: one that hands over, one that answers."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    EXCHANGE_FRAMES = 64    # of a block, planar stereo
    EXCHANGE_SLOTS = 64     # blocks under way at most

cdef struct Line:           # one direction: a counter, and a bell for who waits for it
    uint64_t* count         # blocks so far
    uint32_t* bell          # moves with `count`; what a futex waits on
    uint32_t* waits         # whether somebody waits

cdef struct Desk:           # one side's view of an exchange in shared memory
    Line handed
    Line answered
    uint8_t* slots
    uint64_t own            # how far this side is: what is in shared memory may be damaged by the other

cdef bint desk_hand(Desk* desk, const float* block) noexcept nogil
cdef bint desk_take(const Desk* desk, uint64_t sequence, float* block) noexcept nogil
cdef bint desk_wait_for(Desk* desk, uint64_t sequence, int64_t wait_ns) noexcept nogil

cdef class Exchange:
    cdef Desk desk
    cdef unsigned char[::1] memory
