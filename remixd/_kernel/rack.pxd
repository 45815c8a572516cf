"""A rack: effects that a callable computes, a quantum at a time."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.knob cimport Knob

cdef enum:
    RACK_LINE = 8192        # frames kept of what came out: a power of two
    RACK_DELAY_MOST = 4800  # 100 ms: by how much racks may delay a session
    RACK_FADE = 240         # frames over which a faulty rack gives way: 5 ms

cdef struct Beat:           # where the music is at the first frame of a quantum, and how fast it goes
    double beat
    double beats_a_frame

cdef struct RackState:
    uint32_t key            # what control calls it; never used twice in a session
    int delay               # frames from what goes in to what comes out, those of the queue too
    void* owner             # the Rack, which outlives its use
    float* planar           # the quantum that it is given: (2, QUANTUM)
    float* line             # interleaved stereo: what came out
    int64_t fed             # frames given so far: whole quanta
    int64_t written         # frames of `line`, with the zeros that it began with; never less than `fed`
    Knob weight             # while it is in use: its share of the sound
    int64_t valid           # and the first sample at which it has something to give
    int fault               # why it is passed by; 0 while it works
    bint told               # whether that has been reported
    int64_t fault_fed       # `fed` before the quantum with which that began
    int64_t good            # frames of `line` that were not made up

cdef void rack_feed(RackState* rack, const float* block, Beat beat) noexcept nogil
cdef void rack_read(const RackState* rack, int64_t late, float* out) noexcept nogil
cdef float rack_health(const RackState* rack, int frame) noexcept nogil

cdef class Rack:
    cdef RackState state
    cdef readonly object call
    cdef object block
    cdef void run(self, Beat beat) noexcept
    cdef int _take_array(self, object out) except -1
    cdef bint _take(self, const float* left, const float* right, Py_ssize_t frames) noexcept
