"""Reading stretched frames at any speed: what turns a stretch into a change of pitch.

A 32-tap sinc under a Kaiser window (beta 9), its rows joined by straight lines. What would alias is no longer
in the ring: the stretcher leaves the bins above `Nyquist / rate` out. Thread: [render].
"""
from libc.math cimport M_PI, sin, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef enum:
    PHASES = 256            # rows of the table
    LANES = 8               # floats worked on together: four stereo frames
    FRAMES_MAX = 64         # of one call
    SPAN_MAX = 2 * FRAMES_MAX + TAPS + 2

cdef float[PHASES][2 * TAPS] _row       # each tap twice, for left and right
cdef float[PHASES][2 * TAPS] _step      # what the next row has more


cdef double _bessel_i0(double x) noexcept:
    cdef double term = 1.0, total = 1.0
    cdef int k
    for k in range(1, 60):
        term *= (x / (2.0 * k)) * (x / (2.0 * k))
        total += term
    return total


cdef double _tap(int phase, int tap) noexcept:
    cdef double x = tap - (TAPS // 2 - 1) - <double>phase / PHASES
    cdef double edge = 1.0 - (x / (TAPS / 2.0)) * (x / (TAPS / 2.0))
    if x == 0.0:
        return 1.0
    if edge <= 0.0 or phase == 0 or phase == PHASES:
        return 0.0
    return sin(M_PI * x) / (M_PI * x) * _bessel_i0(9.0 * sqrt(edge)) / _bessel_i0(9.0)


cdef void _make_rows() noexcept:
    cdef int phase, i
    for phase in range(PHASES):
        for i in range(2 * TAPS):
            _row[phase][i] = <float>_tap(phase, i // 2)
            _step[phase][i] = <float>(_tap(phase + 1, i // 2) - _tap(phase, i // 2))


_make_rows()


cdef void resample(const float* ring, int64_t position, int64_t rate, int frames, float* out) noexcept nogil:
    """Read a ring of RING stereo frames at `position` on, `rate` of its frames a frame, in FIX fractions.

    At whole positions and rate 1 it is a copy. At most 64 frames, at a rate of at most 2. Thread: [render].
    """
    cdef float[2 * SPAN_MAX] span
    cdef float[LANES] total
    cdef int64_t at = position >> FIX, first
    cdef int i, lane, _part, here, count, phase
    cdef float between
    cdef const float* row
    cdef const float* step
    cdef const float* src
    if rate == 1 << FIX and position & ((1 << FIX) - 1) == 0:
        at &= RING - 1
        here = <int>min(frames, RING - at)
        memcpy(out, ring + 2 * at, here * 2 * sizeof(float))
        memcpy(out + 2 * here, ring, (frames - here) * 2 * sizeof(float))
        return
    first = at - (TAPS // 2 - 1)
    count = <int>(((position + (frames - 1) * rate) >> FIX) - at) + TAPS
    here = <int>min(count, RING - (first & (RING - 1)))
    memcpy(span, ring + 2 * (first & (RING - 1)), here * 2 * sizeof(float))
    memcpy(span + 2 * here, ring, (count - here) * 2 * sizeof(float))
    for i in range(frames):
        phase = (position >> (FIX - 8)) & (PHASES - 1)
        between = <float>(position & ((1 << (FIX - 8)) - 1)) / <float>(1 << (FIX - 8))
        row = _row[phase]
        step = _step[phase]
        src = span + 2 * ((position >> FIX) - at)
        for lane in range(LANES):
            total[lane] = 0.0
        for _part in range(2 * TAPS // LANES):
            for lane in range(LANES):
                total[lane] += (row[lane] + between * step[lane]) * src[lane]
            row += LANES
            step += LANES
            src += LANES
        out[2 * i] = (total[0] + total[4]) + (total[2] + total[6])
        out[2 * i + 1] = (total[1] + total[5]) + (total[3] + total[7])
        position += rate
