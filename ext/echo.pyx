"""A send echo: a stereo delay line whose repeats grow darker, and fall silent.

What comes in is heard again after one delay, and from there on once a delay, times the feedback and through a
low pass of one pole. A new delay is faded to from the old: two taps for 32 ms, nothing bends in pitch; one
that is wanted meanwhile waits for the end of that. Fractions of a frame are read by a cubic (Lagrange, whose
gain is never above 1). A tail below -120 dB is dropped, and from then on nothing is computed until something
is sent.

The echo's clock counts the frames given to it: quanta of QUANTUM frames. Thread: [render], except `echo_init`
and `echo_free`.
"""
from libc.math cimport M_PI, exp, fabsf, floor, isfinite
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.denormals cimport flush_to_zero, restore
from remixd._kernel.knob cimport knob_fill, knob_init, knob_move
from remixd._kernel.strip cimport RAMP_STRAIGHT

cdef enum:
    LINE = 131072           # frames: the power of two above ECHO_FRAMES_MOST
    FADE = 24 * QUANTUM     # 32 ms
    READ = QUANTUM + 3      # frames around those that a cubic reads

cdef float _silence = 1e-6


cdef double _damping_share(double cutoff_hz) noexcept nogil:
    """The coefficient of a one-pole low pass at 48 kHz."""
    return 1.0 - exp(-2.0 * M_PI / 48000.0 * cutoff_hz)


cdef int echo_init(Echo* echo) except -1:
    """Half a second, feedback 0.5, damped above 6 kHz. Raises MemoryError. Thread: [housekeeping]."""
    memset(echo, 0, sizeof(Echo))
    echo.line = <float*>calloc(LINE, 2 * sizeof(float))
    if echo.line == NULL:
        raise MemoryError("no memory for an echo")
    echo.idle = True
    echo.delay = 24000.0
    echo.delay_wanted = 24000.0
    echo.faded = -1
    knob_init(&echo.feedback, 0.5)
    knob_init(&echo.damping, <float>_damping_share(6000.0))
    return 0


cdef void echo_free(Echo* echo) noexcept:
    """Thread: [housekeeping]."""
    free(echo.line)
    echo.line = NULL


cdef bint echo_move(Echo* echo, int parameter, double value, int64_t sample,
                    int64_t ramp_frames) noexcept nogil:
    """Move ECHO_DELAY, ECHO_FEEDBACK or ECHO_DAMPING, clamped to its range; False if that makes no sense.

    Args:
        sample: on the echo's clock, within the quantum to be processed next; one outside is brought there. A
            delay begins to change with that quantum.
        ramp_frames: until the value is reached, but for the QUANTUM frames over which it is averaged; of no
            account to a delay.
    """
    sample = min(max(sample, echo.clock), echo.clock + QUANTUM - 1)
    ramp_frames = max(ramp_frames, 0)
    if not isfinite(value):
        return False
    if parameter == ECHO_DELAY:
        echo.delay_wanted = min(max(value, <double>ECHO_FRAMES_LEAST), <double>ECHO_FRAMES_MOST)
    elif parameter == ECHO_FEEDBACK:
        knob_move(&echo.feedback, <float>min(max(value, 0.0), 0.9), sample, ramp_frames, RAMP_STRAIGHT)
    elif parameter == ECHO_DAMPING:
        value = _damping_share(min(max(value, 200.0), 20000.0))
        knob_move(&echo.damping, <float>value, sample, ramp_frames, RAMP_STRAIGHT)
    else:
        return False
    return True


cdef bint _is_loud(const float* block) noexcept nogil:
    """Whether anything in a quantum is above -120 dB; what is not a number is not."""
    cdef bint loud = False
    cdef Py_ssize_t i
    for i in range(2 * QUANTUM):
        loud |= fabsf(block[i]) >= _silence
    return loud


cdef void _read(const Echo* echo, double delay, float* out) noexcept nogil:
    """A quantum of the line, `delay` frames ago."""
    cdef float[2 * READ] near
    cdef float[4] cubic
    cdef int64_t whole = <int64_t>floor(delay)
    cdef int64_t first = echo.clock - whole - 2         # the cubic reads from 1 before to 2 behind
    cdef float t = <float>(1.0 - (delay - whole))       # of the way from frame `first + 1` on to the next
    cdef int64_t at
    cdef Py_ssize_t i
    for i in range(READ):
        at = (first + i) & (LINE - 1)
        near[2 * i] = echo.line[2 * at] if first + i >= echo.begun else 0.0
        near[2 * i + 1] = echo.line[2 * at + 1] if first + i >= echo.begun else 0.0
    if delay == whole:
        memcpy(out, near + 4, 2 * QUANTUM * sizeof(float))
        return
    cubic[0] = -t * (t - 1.0) * (t - 2.0) / 6.0
    cubic[1] = (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
    cubic[2] = -(t + 1.0) * t * (t - 2.0) / 2.0
    cubic[3] = (t + 1.0) * t * (t - 1.0) / 6.0
    for i in range(2 * QUANTUM):
        out[i] = cubic[0] * near[i] + cubic[1] * near[i + 2] + cubic[2] * near[i + 4] + cubic[3] * near[i + 6]


cdef void _read_taps(Echo* echo, float* out) noexcept nogil:
    """What is heard in a quantum, and goes round again: one tap, or a fade from one to the next."""
    cdef float[2 * QUANTUM] later
    cdef float t, share
    cdef Py_ssize_t i
    if echo.faded < 0 and echo.delay_wanted != echo.delay:
        echo.delay_next = echo.delay_wanted
        echo.faded = 0
    _read(echo, echo.delay, out)
    if echo.faded < 0:
        return
    _read(echo, echo.delay_next, later)
    for i in range(QUANTUM):
        t = <float>(echo.faded + i + 1) / FADE
        share = t * t * (3.0 - 2.0 * t)
        out[2 * i] += share * (later[2 * i] - out[2 * i])
        out[2 * i + 1] += share * (later[2 * i + 1] - out[2 * i + 1])
    echo.faded += QUANTUM
    if echo.faded == FADE:
        echo.delay = echo.delay_next
        echo.faded = -1


cdef inline float _guarded(float value) noexcept nogil:
    return value if fabsf(value) < <float>1e6 else <float>0.0      # nothing that is not finite goes round


cdef void _write(Echo* echo, const float* send, const float* heard) noexcept nogil:
    """What is sent, and what goes round again, into the line."""
    cdef double left = echo.damped[0], right = echo.damped[1]
    cdef float[2 * QUANTUM] block
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        left += echo.damping.values[i] * (heard[2 * i] - left)
        right += echo.damping.values[i] * (heard[2 * i + 1] - right)
        block[2 * i] = _guarded(send[2 * i] + echo.feedback.values[i] * <float>left)
        block[2 * i + 1] = _guarded(send[2 * i + 1] + echo.feedback.values[i] * <float>right)
    echo.damped[0] = left
    echo.damped[1] = right
    memcpy(echo.line + 2 * (echo.clock & (LINE - 1)), block, sizeof(block))
    echo.quiet = 0 if _is_loud(block) else echo.quiet + QUANTUM


cdef void _wake(Echo* echo) noexcept nogil:
    echo.idle = False
    echo.begun = echo.clock
    echo.quiet = 0
    echo.delay = echo.delay_wanted
    echo.damped[0] = 0.0
    echo.damped[1] = 0.0


cdef void _process(Echo* echo, const float* send, float* out) noexcept nogil:
    """One quantum."""
    cdef float[2 * QUANTUM] heard
    cdef Py_ssize_t i
    knob_fill(&echo.feedback, echo.clock)
    knob_fill(&echo.damping, echo.clock)
    if echo.idle and _is_loud(send):
        _wake(echo)
    if not echo.idle:
        _read_taps(echo, heard)
        _write(echo, send, heard)
        for i in range(2 * QUANTUM):
            out[i] += heard[i]
        echo.idle = echo.faded < 0 and echo.quiet > echo.delay + QUANTUM
    echo.clock += QUANTUM


cdef void echo_process(Echo* echo, const float* send, float* out, int frames) noexcept nogil:
    """Add to `out` the echoes of what is sent; interleaved stereo, `frames` a multiple of QUANTUM."""
    cdef Py_ssize_t i
    for i in range(frames // QUANTUM):
        _process(echo, send + 2 * QUANTUM * i, out + 2 * QUANTUM * i)


cdef class SendEcho:
    """An echo by itself, for offline use and tests. Raises MemoryError. Thread: one at a time."""

    def __cinit__(self):
        echo_init(&self.echo)
        self.pending = []
        self.rest = np.zeros((0, 2), dtype=np.float32)

    def __dealloc__(self):
        echo_free(&self.echo)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left of the tail."""
        return self.echo.idle

    def move(self, int parameter, double value, int64_t sample, int64_t ramp_frames=480) -> None:
        """Move delay (0, frames), feedback (1) or damping (2, Hz) from `sample` on.

        Raises ValueError if there is no such parameter, or the value is not finite.
        """
        if not 0 <= parameter <= ECHO_DAMPING or not isfinite(value):
            raise ValueError(f"parameter {parameter} cannot be {value}")
        self.pending.append((sample, parameter, value, ramp_frames))
        self.pending.sort(key=lambda move: move[0])

    def process(self, send):
        """The echoes alone, of float32 (n, 2); of the quanta complete so far, what is left over is kept."""
        cdef const float[:, ::1] sent
        cdef float[:, ::1] out
        cdef int64_t at = 0
        cdef unsigned before
        joined = np.concatenate([self.rest, np.asarray(send, dtype=np.float32)])
        whole = len(joined) // QUANTUM * QUANTUM
        self.rest = joined[whole:]
        echoes = np.zeros((whole, 2), dtype=np.float32)
        sent, out = joined, echoes
        before = flush_to_zero()
        try:
            while at < whole:
                while self.pending and self.pending[0][0] < self.echo.clock + QUANTUM:
                    sample, parameter, value, ramp_frames = self.pending.pop(0)
                    echo_move(&self.echo, parameter, value, sample, ramp_frames)
                echo_process(&self.echo, &sent[at, 0], &out[at, 0], QUANTUM)
                at += QUANTUM
        finally:
            restore(before)
        return echoes
