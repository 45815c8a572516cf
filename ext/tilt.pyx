"""A tilt of the spectrum about 800 Hz: highs up by half of it, lows down by half, and as loud as before.

One pole that keeps its topology, trapezoidal (Zavalishin 2012, "The Art of VA Filter Design", ch. 3), splits
the sound in two that sum to it; only their gains move, so they may at every frame. The level is that at which
music is as loud as without: K-weighted (ITU-R BS.1770-4), for a spectrum that falls by 5 dB an octave from
100 Hz on and by 9 above 4 kHz (after Pestana, Ma, Reiss, Barbosa and Black 2013, "Spectral Characteristics of
Popular Commercial Recordings 1950-2010"), to within 0.4 dB.

At 0 dB the block is left alone, to the bit; leaving that and going back takes 10 ms (see `svf.pyx`).
Thread: [render].
"""
from libc.math cimport M_LN10
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.knob cimport knob_fill, knob_init, knob_stands_at
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.svf cimport (
    BYPASS_BEGINS,
    BYPASS_OFF,
    bypass_advance,
    bypass_is_off,
    bypass_mix,
    bypass_start,
    is_finite,
    warped,
)

cdef double _pivot = warped(800.0) / (1.0 + warped(800.0))
cdef float _half = <float>(M_LN10 / 40.0)       # of a tilt in dB, what either side's logarithm moves by
cdef float _slope = <float>0.2742, _bend = <float>-0.7619       # of the level's logarithm, in those halves


cdef void tilt_init(Tilt* tilt, float value) noexcept nogil:
    """Tilted by `value` dB, with silence behind it."""
    memset(tilt, 0, sizeof(Tilt))
    knob_init(&tilt.knob, value)
    bypass_start(&tilt.bypass, value != 0.0)


cdef bint tilt_is_neutral(const Tilt* tilt, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched, if nothing more is asked for."""
    return bypass_is_off(&tilt.bypass, sample) and knob_stands_at(&tilt.knob, 0.0, sample)


cdef inline float _exponential(float x) noexcept nogil:
    """Of -1.3 to 1.3, to 2e-6 of it: exactly 1 at 0; a call of the library's would stop the vectors."""
    cdef float sum = <float>(1.0 / 362880.0)
    sum = sum * x + <float>(1.0 / 40320.0)
    sum = sum * x + <float>(1.0 / 5040.0)
    sum = sum * x + <float>(1.0 / 720.0)
    sum = sum * x + <float>(1.0 / 120.0)
    sum = sum * x + <float>(1.0 / 24.0)
    sum = sum * x + <float>(1.0 / 6.0)
    sum = sum * x + <float>0.5
    sum = sum * x + <float>1.0
    return sum * x + <float>1.0


cdef void _fill_gains(const Knob* knob, float* below, float* above) noexcept nogil:
    """The gains of what is below and above the pivot, at every frame."""
    cdef Py_ssize_t count = 1 if knob.still else QUANTUM, i
    cdef float half, level
    for i in range(count):
        half = knob.values[i] * _half
        level = half * (_slope + _bend * half)
        below[i] = _exponential(level - half)
        above[i] = _exponential(level + half)
    for i in range(count, QUANTUM):
        below[i] = below[0]
        above[i] = above[0]


cdef void _split(double* state, const float* block, float* low) noexcept nogil:
    """What of a quantum is below the pivot; the rest is above it.

    An integrator's state goes from s to s + 2 p (x - s), and the pole's output lies halfway.
    """
    cdef double left = state[0], right = state[1], left_before, right_before
    cdef double kept = 1.0 - 2.0 * _pivot, taken = 2.0 * _pivot
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        left_before = left
        right_before = right
        left = kept * left + taken * block[2 * i]
        right = kept * right + taken * block[2 * i + 1]
        low[2 * i] = <float>(0.5 * (left_before + left))
        low[2 * i + 1] = <float>(0.5 * (right_before + right))
    state[0] = left
    state[1] = right


cdef void tilt_process(Tilt* tilt, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    cdef float[2 * QUANTUM] low
    cdef float[2 * QUANTUM] wet
    cdef float[QUANTUM] below
    cdef float[QUANTUM] above
    cdef Py_ssize_t i
    cdef int how = bypass_advance(&tilt.bypass, not knob_stands_at(&tilt.knob, 0.0, sample), sample)
    if how == BYPASS_OFF:
        return
    if how == BYPASS_BEGINS:
        memset(tilt.low, 0, sizeof(tilt.low))
    knob_fill(&tilt.knob, sample)
    _fill_gains(&tilt.knob, below, above)
    _split(tilt.low, block, low)
    if not is_finite(tilt.low, 2):
        memset(tilt.low, 0, sizeof(tilt.low))
    for i in range(QUANTUM):
        wet[2 * i] = below[i] * low[2 * i] + above[i] * (block[2 * i] - low[2 * i])
        wet[2 * i + 1] = below[i] * low[2 * i + 1] + above[i] * (block[2 * i + 1] - low[2 * i + 1])
    bypass_mix(&tilt.bypass, wet, block)
