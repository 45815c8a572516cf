"""Reading at any speed: of stretched frames, which changes their pitch, and of stems, as a turntable does.

A 32-tap sinc under a Kaiser window (beta 9), its rows joined by straight lines. What would alias is no longer
in the ring of a stretcher, which leaves the bins above `Nyquist / rate` out; a stem still has it, so that
faster reading takes a sinc of a lower cutoff, an eighth of an octave apart. Thread: [render].
"""
from libc.math cimport M_PI, ceil, log2, pow, sin, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from remixd._kernel.stem cimport StemView, stem_read

cdef enum:
    PHASES = 256            # rows of a table
    LANES = 8               # floats worked on together: four stereo frames
    FRAMES_MAX = 64         # of one call
    SPAN_MAX = 2 * FRAMES_MAX + TAPS + 2
    CUTOFFS = 9             # tables: of cutoffs 1, 2^-1/8, ... 1/2 of Nyquist

cdef float[CUTOFFS][PHASES][2 * TAPS] _row      # each tap twice, for left and right
cdef float[CUTOFFS][PHASES][2 * TAPS] _step     # what the next row has more


cdef double _bessel_i0(double x) noexcept:
    cdef double term = 1.0, total = 1.0
    cdef int k
    for k in range(1, 60):
        term *= (x / (2.0 * k)) * (x / (2.0 * k))
        total += term
    return total


cdef double _tap(int cutoff, int phase, int tap) noexcept:
    cdef double share = pow(2.0, -cutoff / 8.0)
    cdef double x = tap - (TAPS // 2 - 1) - <double>phase / PHASES
    cdef double edge = 1.0 - (x / (TAPS / 2.0)) * (x / (TAPS / 2.0))
    if x == 0.0:
        return share
    if edge <= 0.0 or (cutoff == 0 and (phase == 0 or phase == PHASES)):
        return 0.0
    return sin(M_PI * share * x) / (M_PI * x) * _bessel_i0(9.0 * sqrt(edge)) / _bessel_i0(9.0)


cdef void _make_rows() noexcept:
    cdef int cutoff, phase, i
    cdef double tap
    for cutoff in range(CUTOFFS):
        for phase in range(PHASES):
            for i in range(2 * TAPS):
                tap = _tap(cutoff, phase, i // 2)
                _row[cutoff][phase][i] = <float>tap
                _step[cutoff][phase][i] = <float>(_tap(cutoff, phase + 1, i // 2) - tap)


_make_rows()


cdef void _interpolate(const float* span, int64_t position, int64_t rate, int cutoff, int frames,
                       float* out) noexcept nogil:
    """Frames of `span` from `position` on; its taps begin TAPS / 2 - 1 frames before."""
    cdef float[LANES] total
    cdef int64_t at = position >> FIX
    cdef int i, lane, _part, phase
    cdef float between
    cdef const float* row
    cdef const float* step
    cdef const float* src
    for i in range(frames):
        phase = (position >> (FIX - 8)) & (PHASES - 1)
        between = <float>(position & ((1 << (FIX - 8)) - 1)) / <float>(1 << (FIX - 8))
        row = _row[cutoff][phase]
        step = _step[cutoff][phase]
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


cdef inline int _span(int64_t position, int64_t rate, int frames) noexcept nogil:
    """How many frames `_interpolate` needs."""
    return <int>(((position + (frames - 1) * rate) >> FIX) - (position >> FIX)) + TAPS


cdef void resample(const float* ring, int64_t position, int64_t rate, int frames, float* out) noexcept nogil:
    """Read a ring of RING stereo frames at `position` on, `rate` of its frames a frame, in FIX fractions.

    At whole positions and rate 1 it is a copy. At most 64 frames, at a rate of at most 2. Thread: [render].
    """
    cdef float[2 * SPAN_MAX] span
    cdef int64_t at = position >> FIX, first
    cdef int here, count
    if rate == 1 << FIX and position & ((1 << FIX) - 1) == 0:
        at &= RING - 1
        here = <int>min(frames, RING - at)
        memcpy(out, ring + 2 * at, here * 2 * sizeof(float))
        memcpy(out + 2 * here, ring, (frames - here) * 2 * sizeof(float))
        return
    first = at - (TAPS // 2 - 1)
    count = _span(position, rate, frames)
    here = <int>min(count, RING - (first & (RING - 1)))
    memcpy(span, ring + 2 * (first & (RING - 1)), here * 2 * sizeof(float))
    memcpy(span + 2 * here, ring, (count - here) * 2 * sizeof(float))
    _interpolate(span, position, rate, 0, frames, out)


cdef void _turn_round(float* span, int count) noexcept nogil:
    """Put frames in the opposite order."""
    cdef int i, j = count - 1
    cdef float left, right
    for i in range(count // 2):
        left, right = span[2 * i], span[2 * i + 1]
        span[2 * i] = span[2 * j]
        span[2 * i + 1] = span[2 * j + 1]
        span[2 * j] = left
        span[2 * j + 1] = right
        j -= 1


cdef void read_stem(const StemView* stem, int64_t position, int64_t rate, bint loop,
                    float* out) noexcept nogil:
    """FRAMES_MAX frames of a stem from `position` on, `rate` of its frames a frame, in FIX fractions.

    The rate is -2 to 2; below 0 it is read backwards. Thread: [render].
    """
    cdef float[2 * SPAN_MAX] span
    cdef int64_t at
    cdef int count, cutoff
    if rate == 1 << FIX and position & ((1 << FIX) - 1) == 0:
        stem_read(stem, position >> FIX, FRAMES_MAX, loop, out)
        return
    if rate < 0:
        at = -position >> FIX                           # on a time line that runs the other way
        count = _span(-position, -rate, FRAMES_MAX)
        stem_read(stem, -(at - (TAPS // 2 - 1) + count - 1), count, loop, span)
        _turn_round(span, count)
        position, rate = -position, -rate
    else:
        count = _span(position, rate, FRAMES_MAX)
        stem_read(stem, (position >> FIX) - (TAPS // 2 - 1), count, loop, span)
    cutoff = 0
    if rate > 1 << FIX:
        cutoff = min(<int>ceil(8.0 * log2(<double>rate / (1 << FIX))), CUTOFFS - 1)
    _interpolate(span, position, rate, cutoff, FRAMES_MAX, out)
