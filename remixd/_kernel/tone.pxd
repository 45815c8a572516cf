"""What the whole mix goes through before the limiter."""
from libc.stdint cimport int64_t

from remixd._kernel.drive cimport Drive
from remixd._kernel.knob cimport Knob
from remixd._kernel.space cimport Space
from remixd._kernel.tilt cimport Tilt

cdef enum:
    TONE_BRIGHTNESS = 0         # dB, -12 to 12
    TONE_SPACE = 1              # 0 to 1
    TONE_DRIVE = 2              # 0 to 1
    TONES = 3

cdef struct Tone:
    Drive drive
    Tilt tilt
    Space space
    bint rests                  # nothing is turned, and nothing has moved since

cdef int tone_init(Tone* tone) except -1
cdef void tone_free(Tone* tone) noexcept
cdef void tone_start(Tone* tone, int which, float value) noexcept nogil
cdef void tone_move(Tone* tone, int which, float value, int64_t sample, int64_t frames) noexcept nogil
cdef Knob* tone_knob(Tone* tone, int which) noexcept nogil
cdef float tone_heard(const Tone* tone, int which) noexcept nogil
cdef void tone_process(Tone* tone, float* block, int64_t sample) noexcept nogil

cdef class ToneChain:
    cdef Tone tone
    cdef int64_t clock
    cdef object pending
    cdef object rest
