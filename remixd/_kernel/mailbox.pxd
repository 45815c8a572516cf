"""Flat entries that cross a process boundary, and the single-producer single-consumer queue they cross in."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    COMMAND_MIX = 1         # move one dimension of the mix

cdef enum:
    REPORT_APPLIED = 1      # a command took effect
    REPORT_REFUSED = 2      # a command could not be taken: no such session, or too many waiting
    REPORT_UNDERRUN = 3     # a packet was rendered after it was due

cdef struct Command:        # 64 bytes
    uint64_t id
    uint32_t session        # the engine's key of the session
    uint16_t kind
    uint16_t dimension
    int64_t sample          # on the session clock; negative: now
    double value
    uint32_t ramp_frames
    uint32_t spare32
    uint64_t spare[3]

cdef struct Report:         # 64 bytes
    uint64_t id
    uint32_t session
    uint16_t kind
    uint16_t dimension
    int64_t sample          # the first changed sample
    int64_t settled_sample  # from here on the change is complete
    int64_t position        # source frames at `sample`
    double value            # what was given, after the engine's own clamp
    int64_t late_frames
    int64_t superseded      # 1 if a later command took its place before it was heard

cdef struct Queue:          # one side's view of a queue in shared memory
    uint64_t* head
    uint64_t* tail
    uint8_t* entries
    uint64_t mask

cdef int queue_push(Queue* queue, const void* entry) noexcept nogil
cdef int queue_pop(Queue* queue, void* entry) noexcept nogil

cdef class Mailbox:
    cdef Queue queue
    cdef unsigned char[::1] memory
