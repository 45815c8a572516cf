"""A send echo."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob

cdef enum:
    ECHO_FRAMES_LEAST = 128     # a quantum and its interpolation are written before they are read
    ECHO_FRAMES_MOST = 96000    # 2 s

cdef enum:
    ECHO_DELAY = 0              # frames, fractions too; crossfades over 32 ms, whatever ramp is asked for
    ECHO_FEEDBACK = 1           # 0 to 0.9
    ECHO_DAMPING = 2            # Hz: cutoff of the loop's low pass, 200 to 20,000

cdef struct Echo:
    float* line                 # stereo, a power of two of frames
    int64_t clock               # frames processed
    int64_t begun               # what lies before this frame of the line is silence
    int64_t quiet               # frames since anything above -120 dB was written
    bint idle
    double delay                # frames
    double delay_next           # fading in, while `faded` >= 0
    double delay_wanted
    int faded                   # frames of the fade between two delays; -1: none
    Knob feedback
    Knob damping                # share of the way that the low pass goes in a frame
    double damped[2]

cdef int echo_init(Echo* echo) except -1
cdef void echo_free(Echo* echo) noexcept
cdef bint echo_move(Echo* echo, int parameter, double value, int64_t sample,
                    int64_t ramp_frames) noexcept nogil
cdef void echo_process(Echo* echo, const float* send, float* out, int frames) noexcept nogil

cdef class SendEcho:
    cdef Echo echo
    cdef object pending
    cdef object rest
