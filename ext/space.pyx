"""A room: a reverb on a send, 2 s long, whose tail falls silent.

Eight delay lines that feed each other (Jot and Chaigne 1991, "Digital delay networks for designing artificial
reverberators", AES 90): each loses as much as its length is of the reverberation time, highs more, and what
comes out of all goes back into all by a Hadamard matrix, which loses nothing. Before that each pair of lines
turns by a small angle that swings slowly, so that no mode stands still and rings (Schlecht and Habets 2015,
"Time-varying feedback matrices in feedback delay networks and their application in artificial
reverberation", JASA 138): a function of the absolute sample, by which a room always sounds the same. Before
the lines four allpasses in a row thicken each channel (Schroeder 1962, "Natural sounding artificial
reverberation", JAES 10).

Lines and diffusers are longer than a quantum, so a quantum passes each stage whole, and the loops are
vectors. A line damps by three taps that are symmetric, which need no memory.

What is sent sounds on after the send is closed. As it opens the dry sound gives way, so that both together
keep the power of what came in. A tail below -120 dB is dropped; from then on nothing is computed until
something is sent, and at 0 the block is left alone, to the bit. Thread: [render], except `space_init` and
`space_free`.
"""
from libc.math cimport M_PI, fabsf, floor, pow, sin, sqrt, sqrtf
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from remixd._kernel.knob cimport knob_fill, knob_init, knob_stands_at
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.svf cimport is_finite, warped

cdef enum:
    LINE = 4096                 # frames of a ring
    DIFFUSER = 1024
    BEYOND = 2 * QUANTUM        # frames of its beginning that lie behind its end too: no read need wrap
    STAGES = 4
    DIFFUSERS_AT = SPACE_LINES * (LINE + BEYOND)
    FLOATS = DIFFUSERS_AT + 2 * STAGES * (DIFFUSER + BEYOND)
    READ = QUANTUM + 2          # frames around those that three taps read
    LONGEST = 3072
    PAIRS = SPACE_LINES // 2

cdef int[SPACE_LINES] _delays = [1427, 2999, 1871, 2473, 1637, 2677, 2053, 2281]    # primes: 30 to 62 ms
cdef int[2][STAGES] _diffusers = [[229, 173, 613, 449], [241, 179, 601, 433]]
cdef float[STAGES] _diffusion = [0.7, 0.7, 0.6, 0.6]
cdef float[SPACE_LINES] _left_out = [1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0]
cdef float[SPACE_LINES] _right_out = [1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0]
cdef double[PAIRS] _swings_hz = [0.31, 0.43, 0.59, 0.71]
cdef double _swing = 0.35       # sine of the greatest angle
cdef double _reverberation_s = 2.05     # of what is not damped; from 500 Hz to 2 kHz it comes to 2 s
cdef double _damping = 1.1e-4   # share that either outer tap takes, for each frame of a line
cdef float _silence = 1e-6
cdef float _wet = 0.42          # of the lines' sum: at send 1 the room is 5 dB below what is sent, dry
cdef float _wet_power = 0.316
cdef double _bass = warped(160.0) / (1.0 + warped(160.0))
cdef float[SPACE_LINES] _middle         # the taps of a line's damping
cdef float[SPACE_LINES] _outer


cdef void _make_losses() noexcept:
    cdef double gain
    cdef int i
    for i in range(SPACE_LINES):
        gain = pow(10.0, -3.0 * _delays[i] / (48000.0 * _reverberation_s))
        _middle[i] = <float>(gain * (1.0 - 2.0 * _damping * _delays[i]))
        _outer[i] = <float>(gain * _damping * _delays[i])


_make_losses()


cdef int space_init(Space* space, float value) except -1:
    """Send at `value`, nothing in the room. Raises MemoryError. Thread: [housekeeping]."""
    space.lines = <float*>calloc(FLOATS, sizeof(float))
    if space.lines == NULL:
        raise MemoryError("no memory for a room")
    space_start(space, value)
    return 0


cdef void space_free(Space* space) noexcept:
    """Thread: [housekeeping]."""
    free(space.lines)
    space.lines = NULL


cdef void space_start(Space* space, float value) noexcept nogil:
    """Send at `value`; of a room in which nothing sounds."""
    knob_init(&space.send, value)
    space.idle = True


cdef bint space_is_neutral(const Space* space, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched, if nothing more is asked for."""
    return space.idle and knob_stands_at(&space.send, 0.0, sample)


cdef bint _is_loud(const float* sound, Py_ssize_t count) noexcept nogil:
    """Whether anything is above -120 dB; what is not a number is not."""
    cdef bint loud = False
    cdef Py_ssize_t i
    for i in range(count):
        loud |= fabsf(sound[i]) >= _silence
    return loud


cdef inline void _write(float* ring, int64_t length, int64_t sample, const float* sound) noexcept nogil:
    """A quantum into a ring."""
    cdef int64_t at = sample & (length - 1)
    memcpy(ring + at, sound, QUANTUM * sizeof(float))
    if at < BEYOND:
        memcpy(ring + length + at, sound, QUANTUM * sizeof(float))


cdef void _send(Space* space, float* block, float* left, float* right) noexcept nogil:
    """What of a quantum is sent, without its bass; the dry sound gives way to it."""
    cdef float share
    cdef double below_left = space.below[0], below_right = space.below[1], before_left, before_right
    cdef double kept = 1.0 - 2.0 * _bass, taken = 2.0 * _bass
    cdef float[QUANTUM] dry
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        share = space.send.values[i]
        dry[i] = <float>1.0 / sqrtf(<float>1.0 + _wet_power * share * share)
        block[2 * i] *= dry[i]
        block[2 * i + 1] *= dry[i]
    for i in range(QUANTUM):
        share = space.send.values[i]
        before_left = below_left
        before_right = below_right
        below_left = kept * below_left + taken * (share * block[2 * i])
        below_right = kept * below_right + taken * (share * block[2 * i + 1])
        left[i] = share * block[2 * i] - <float>(0.5 * (before_left + below_left))
        right[i] = share * block[2 * i + 1] - <float>(0.5 * (before_right + below_right))
    space.below[0] = below_left
    space.below[1] = below_right
    if not is_finite(space.below, 2):
        memset(space.below, 0, sizeof(space.below))
    for i in range(QUANTUM):                            # nothing that is not finite goes round
        left[i] = left[i] if fabsf(left[i]) < <float>1e4 else <float>0.0
        right[i] = right[i] if fabsf(right[i]) < <float>1e4 else <float>0.0


cdef void _diffuse(Space* space, int channel, float* sound, int64_t sample) noexcept nogil:
    """A quantum through the allpasses of a channel, in place."""
    cdef float[QUANTUM] stored
    cdef float* ring = space.lines + DIFFUSERS_AT + channel * STAGES * (DIFFUSER + BEYOND)
    cdef const float* past
    cdef float g
    cdef Py_ssize_t stage, i
    for stage in range(STAGES):
        g = _diffusion[stage]
        past = ring + ((sample - _diffusers[channel][stage]) & (DIFFUSER - 1))
        for i in range(QUANTUM):
            stored[i] = sound[i] + g * past[i]
            sound[i] = past[i] - g * stored[i]
        _write(ring, DIFFUSER, sample, stored)
        ring += DIFFUSER + BEYOND


cdef void _hear(const Space* space, int64_t sample, float (*lines)[QUANTUM]) noexcept nogil:
    """What comes out of every line in a quantum."""
    cdef const float* past
    cdef float middle, outer
    cdef Py_ssize_t line, i
    for line in range(SPACE_LINES):
        past = space.lines + line * (LINE + BEYOND) + ((sample - _delays[line] - 1) & (LINE - 1))
        middle = _middle[line]
        outer = _outer[line]
        for i in range(QUANTUM):
            lines[line][i] = middle * past[i + 1] + outer * (past[i] + past[i + 2])


cdef inline double _angle_sine(int pair, int64_t sample) noexcept nogil:
    """The sine of a pair's angle at a sample."""
    cdef double turns = sample * (_swings_hz[pair] / 48000.0) + 0.25 * pair
    return _swing * sin(2.0 * M_PI * (turns - floor(turns)))


cdef void _turn(int pair, int64_t sample, float* first, float* second) noexcept nogil:
    """Turn a pair of lines by its angle, whose sine and cosine go straight from quantum to quantum."""
    cdef double sine_from = _angle_sine(pair, sample), sine_to = _angle_sine(pair, sample + QUANTUM)
    cdef double cosine_from = sqrt(1.0 - sine_from * sine_from), cosine_to = sqrt(1.0 - sine_to * sine_to)
    cdef float s = <float>sine_from, s_step = <float>((sine_to - sine_from) / QUANTUM)
    cdef float c = <float>cosine_from, c_step = <float>((cosine_to - cosine_from) / QUANTUM)
    cdef float sine, cosine, before
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        sine = s + s_step * <float>i
        cosine = c + c_step * <float>i
        before = first[i]
        first[i] = cosine * before - sine * second[i]
        second[i] = sine * before + cosine * second[i]


cdef void _scatter(float (*lines)[QUANTUM], Py_ssize_t apart) noexcept nogil:
    """A third of a Hadamard matrix: sums and differences of lines so far apart."""
    cdef float* first
    cdef float* second
    cdef float before
    cdef Py_ssize_t line, i
    for line in range(SPACE_LINES):
        if line & apart:
            continue
        first = lines[line]
        second = lines[line + apart]
        for i in range(QUANTUM):
            before = first[i]
            first[i] = before + second[i]
            second[i] = before - second[i]


cdef bint _feed(Space* space, int64_t sample, const float* left, const float* right,
                const float (*lines)[QUANTUM]) noexcept nogil:
    """What is sent, and what comes back, into every line; whether any of it is above -120 dB."""
    cdef float[QUANTUM] sound
    cdef float scale = <float>0.35355339059327373      # 1 / sqrt(8)
    cdef const float* sent
    cdef bint loud = False
    cdef Py_ssize_t line, i
    for line in range(SPACE_LINES):
        sent = right if line % 2 else left
        for i in range(QUANTUM):
            sound[i] = scale * lines[line][i] + <float>0.5 * sent[i]
        _write(space.lines + line * (LINE + BEYOND), LINE, sample, sound)
        loud |= _is_loud(sound, QUANTUM)
    return loud


cdef void _sound(Space* space, float* block, int64_t sample, float* left, float* right) noexcept nogil:
    """A quantum of the room, of what is sent, added to a block."""
    cdef float[SPACE_LINES][QUANTUM] lines
    cdef float[2][QUANTUM] out
    cdef Py_ssize_t line, i
    cdef int pair
    _diffuse(space, 0, left, sample)
    _diffuse(space, 1, right, sample)
    _hear(space, sample, lines)
    memset(out, 0, sizeof(out))
    for line in range(SPACE_LINES):
        for i in range(QUANTUM):
            out[0][i] += _left_out[line] * lines[line][i]
            out[1][i] += _right_out[line] * lines[line][i]
    for i in range(QUANTUM):
        block[2 * i] += _wet * out[0][i]
        block[2 * i + 1] += _wet * out[1][i]
    for pair in range(PAIRS):
        _turn(pair, sample, lines[pair], lines[pair + PAIRS])
    _scatter(lines, 1)
    _scatter(lines, 2)
    _scatter(lines, 4)
    space.quiet = 0 if _feed(space, sample, left, right, lines) else space.quiet + QUANTUM


cdef void space_process(Space* space, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    cdef float[QUANTUM] left
    cdef float[QUANTUM] right
    if space_is_neutral(space, sample):
        return
    knob_fill(&space.send, sample)
    if space.send.still and space.send.values[0] == 0.0:
        memset(left, 0, sizeof(left))
        memset(right, 0, sizeof(right))
    else:
        _send(space, block, left, right)
    if space.idle:
        if not (_is_loud(left, QUANTUM) or _is_loud(right, QUANTUM)):
            return
        memset(space.lines, 0, FLOATS * sizeof(float))
        space.idle = False
        space.quiet = 0
    _sound(space, block, sample, left, right)
    space.idle = space.quiet > LONGEST
