"""The trace of a session: what the thread that renders it did, and when, for the last seconds."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    #if defined(__x86_64__)
    #include <x86intrin.h>
    #define REMIXD_CYCLES() __rdtsc()
    #else
    #define REMIXD_CYCLES() 0
    #endif
    static inline uint64_t remixd_stamp(int cycles) {
        struct timespec now;
        if (cycles)
            return REMIXD_CYCLES();
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    """
    uint64_t stamp "remixd_stamp"(bint cycles) noexcept nogil

cdef enum:
    MOMENT_TAKEN = 1        # a command left the mailbox
    MOMENT_APPLIED = 2      # its first changed sample is known, and is rendered
    MOMENT_TRANSITION = 3   # a deck goes on from another place, or begins
    MOMENT_CHECKPOINT = 4   # was written

cdef enum:
    BLOCK_PACED = 1         # it had a deadline
    BLOCK_DEVICE = 2        # of a device's callback
    BLOCK_MEASURED = 4      # its CPU time, page faults and preemptions are known
    BLOCK_TRANSITION = 8
    BLOCK_LOAD = 16
    BLOCK_SWAP = 32
    BLOCK_CHECKPOINT = 64
    BLOCK_WOKEN = 128       # its thread was woken late
    BLOCK_BUSY = 256        # its thread was with other sessions when it should have begun
    BLOCK_BACKLOG = 512     # its thread was with the session's blocks before it
    BLOCK_UNDERRUN = 1024   # the device had run dry before it
    BLOCK_TAKEN_OVER = 2048  # it was to begin before its thread had the session

cdef struct BlockEntry:     # 64 bytes
    uint64_t begin          # stamps
    uint64_t end
    int64_t sample          # the session clock at its first frame
    int64_t late_ns         # how long after it was due it was ready; below 0: before
    uint32_t[4] parts       # commands, decks, racks on decks, master: PART_TICKS each
    uint32_t cpu_ns
    uint32_t behind_us      # how long after it should have begun it did
    uint16_t frames
    uint16_t flags
    uint8_t taken           # commands; this and the next: 255 stands for more, too
    uint8_t minor_faults
    uint8_t major_faults
    uint8_t preemptions

cdef struct MomentEntry:    # 32 bytes
    uint64_t at             # stamp
    int64_t sample
    uint64_t command        # its id; 0: none
    uint16_t kind
    uint16_t what           # the command's kind
    uint32_t deck

cdef struct Log:            # a ring of entries in shared memory: one writer, any number of readers
    uint64_t* writing       # entries begun,
    uint64_t* written       # and whole, since the start
    uint8_t* entries
    uint64_t mask

cdef struct Pair:           # both clocks at one moment
    uint64_t at
    int64_t ns

cdef struct Usage:          # of a thread, when it was last looked at
    int64_t cpu_ns
    int64_t minor_faults
    int64_t major_faults
    int64_t preemptions
    double busy_ns          # what blocks that were not looked at took since
    uint64_t looked         # stamp
    bint cycles             # of the processor's counter

cdef struct Trace:          # written by whoever renders the session
    Log blocks
    Log moments
    bint cycles             # stamps are of the processor's counter; else nanoseconds
    double tick_ns          # so long is one, about
    double mean             # ticks a frame takes, of late
    BlockEntry block        # the one that is being rendered
    uint64_t[4] parts
    uint64_t quantum        # stamps: the quantum began,
    uint64_t mixed          # and its decks are mixed
    uint64_t racked         # ticks in this quantum that racks on decks took

cdef void usage_look(Usage* usage) noexcept nogil
cdef void trace_begin(Trace* trace, int64_t sample, int64_t behind_ns, int flags) noexcept nogil
cdef void trace_taken(Trace* trace, int count) noexcept nogil
cdef void trace_quantum(Trace* trace) noexcept nogil
cdef void trace_end(Trace* trace, int64_t frames, int64_t late_ns, Usage* usage) noexcept nogil
cdef void trace_moment(Trace* trace, int kind, int what, int64_t sample, uint64_t command,
                       uint32_t deck) noexcept nogil
cdef uint64_t log_copy(const Log* log, uint64_t first, uint64_t count, int size, void* out) noexcept nogil
cdef uint64_t log_written(const Log* log) noexcept nogil

cdef class TraceRing:
    cdef Trace trace
    cdef unsigned char[::1] memory
    cdef Pair before        # of a look 30 s ago or more, or when it was made,
    cdef Pair newer         # of one after that,
    cdef Pair now           # and of the newest
    cdef double rate        # nanoseconds a tick
    cdef void look_at_clock(self) noexcept
    cdef int64_t ns(self, uint64_t at) noexcept
    cdef object block_entry(self, const BlockEntry* block)
    cdef list _blocks(self, uint64_t written, int64_t since_ns)
    cdef list _moments(self, uint64_t written, int64_t since_ns)
