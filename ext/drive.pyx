"""Soft saturation that keeps the level: y = x / sqrt(1 + (k x)^2), k from 0 to 3.5 times full scale.

It works at twice the rate, and there by its antiderivative, of first order (Parker, Zavalishin and Le Bivic
2016, "Reducing the aliasing of nonlinear waveshaping using continuous-time convolution", DAFx, eq. 10): what
this shape gives for the step from a to b, (F(b) - F(a)) / (b - a) with F = sqrt(1 + (k x)^2) / k^2, is
(a + b) / (sqrt(1 + (k a)^2) + sqrt(1 + (k b)^2)), which is smooth where a and b meet. That averages two
samples; the filter back to the rate makes up for the highs it takes.

The gain behind it is what noise (Gaussian) of the power that comes in would lose; a power over 0.4 s, which
begins at that of most music, so that it need not jump. Music then is as loud as before to within 1.1 LU,
whatever the amount and the level, and the gain moves with the amount at once. All of it delays by DRIVE_DELAY
frames.

At amount 0 the block is left alone, to the bit; leaving that and going back takes 10 ms (see `svf.pyx`).
Thread: [render].
"""
from libc.math cimport M_PI, isfinite, sin, sqrt, sqrtf
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from remixd._kernel.knob cimport knob_fill, knob_init, knob_stands_at
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.svf cimport (
    BYPASS_BEGINS,
    BYPASS_OFF,
    bypass_advance,
    bypass_is_off,
    bypass_mix,
    bypass_start,
)

cdef extern from *:
    """
    typedef float remixd_lane8 __attribute__((vector_size(32), aligned(4), may_alias));

    /* Add to 64 samples of `out` those of `x` through a filter, its last tap first. */
    static inline void remixd_fir(const float *x, const float *taps, int count, float *out) {
        remixd_lane8 sum[8];
        for (int lane = 0; lane < 8; lane++)
            sum[lane] = *(const remixd_lane8 *)(out + 8 * lane);
        for (int k = 0; k < count; k++)
            for (int lane = 0; lane < 8; lane++)
                sum[lane] += taps[k] * *(const remixd_lane8 *)(x + k + 8 * lane);
        for (int lane = 0; lane < 8; lane++)
            *(remixd_lane8 *)(out + 8 * lane) = sum[lane];
    }
    """
    void add_filtered "remixd_fir"(const float* x, const float* taps, int count, float* out) noexcept nogil

cdef enum:
    RISE = 2 * RISE_TAPS - 1    # taps of a half-band filter: but for the middle, every second is 0
    FALL = 2 * FALL_TAPS
    MIDDLE = RISE_TAPS // 2 - 1     # frames by which the samples between are late
    CORRECTED = FALL - 2
    PRIOR = 16                  # quanta for which the power that is begun with stands

cdef float _steepest = 3.5      # k at amount 1
cdef float _power_of_music = 0.02       # -17 dBFS
cdef double _tracking = QUANTUM / (48000.0 * 0.4)
cdef float _smoothing = QUANTUM / (48000.0 * 0.04)      # of that again: its steps would be heard in deep bass
cdef float[RISE_TAPS] _rise             # the last tap first, as are
cdef float[FALL_TAPS] _fall_even        # those that meet samples on frames,
cdef float[FALL_TAPS] _fall_odd         # and between them


cdef double _bessel(double x) noexcept:
    """The modified Bessel function I0."""
    cdef double sum = 1.0, term = 1.0
    cdef int k
    for k in range(1, 60):
        term *= (x / (2.0 * k)) * (x / (2.0 * k))
        sum += term
    return sum


cdef void _low_pass(double* taps, int count, double cutoff_hz, double beta) noexcept:
    """A sinc in a Kaiser window, at 96 kHz."""
    cdef double x, at, turn
    cdef int i
    for i in range(count):
        x = i - 0.5 * (count - 1)
        at = x / (0.5 * (count - 1))
        turn = 2.0 * M_PI * cutoff_hz / 96000.0 * x
        taps[i] = 2.0 * cutoff_hz / 96000.0 * (1.0 if x == 0.0 else sin(turn) / turn)
        taps[i] *= _bessel(beta * sqrt(max(1.0 - at * at, 0.0))) / _bessel(beta)


cdef void _make_filters() noexcept:
    """Up: a half-band filter, flat to 20 kHz, whose images of that are gone. Down: flat to 20 kHz, and 24.4
    and more are gone; with three taps more that lift what the mean of two samples takes.
    """
    cdef double[RISE] rise
    cdef double[CORRECTED] plain
    cdef double[FALL] fall
    cdef double lift = 0.171, sum = 0.0
    cdef int i
    _low_pass(rise, RISE, 24000.0, 6.8)
    for i in range(RISE_TAPS):
        sum += rise[2 * i]
    for i in range(RISE_TAPS):
        _rise[i] = <float>(rise[2 * i] / sum)
    _low_pass(plain, CORRECTED, 22200.0, 6.8)
    memset(fall, 0, sizeof(fall))
    sum = 0.0
    for i in range(CORRECTED):
        fall[i] -= lift * plain[i]
        fall[i + 1] += (1.0 + 2.0 * lift) * plain[i]
        fall[i + 2] -= lift * plain[i]
        sum += plain[i]
    for i in range(FALL_TAPS):
        _fall_even[FALL_TAPS - 1 - i] = <float>(fall[2 * i] / sum)
        _fall_odd[FALL_TAPS - 1 - i] = <float>(fall[2 * i + 1] / sum)


_make_filters()


cdef void _forget(Drive* drive) noexcept nogil:
    """Silence behind it."""
    cdef int channel
    drive.counted = PRIOR
    drive.power = _power_of_music
    drive.level = _power_of_music
    memset(drive.past, 0, sizeof(drive.past))
    memset(drive.even, 0, sizeof(drive.even))
    memset(drive.odd, 0, sizeof(drive.odd))
    for channel in range(2):
        drive.last[channel] = 0.0
        drive.last_root[channel] = 1.0


cdef void drive_init(Drive* drive, float value) noexcept nogil:
    """Driven by `value`, with silence behind it."""
    memset(drive, 0, sizeof(Drive))
    knob_init(&drive.amount, value)
    bypass_start(&drive.bypass, value != 0.0)
    _forget(drive)


cdef bint drive_is_neutral(const Drive* drive, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched, if nothing more is asked for."""
    return bypass_is_off(&drive.bypass, sample) and knob_stands_at(&drive.amount, 0.0, sample)


cdef void _shape(Drive* drive, int channel, const float* squares, const float* even, const float* odd,
                 float* driven_even, float* driven_odd) noexcept nogil:
    """Drive a quantum at twice the rate; `odd` has the sample before it in front."""
    cdef float[QUANTUM] even_roots
    cdef float[QUANTUM + 1] odd_roots
    cdef Py_ssize_t i
    odd_roots[0] = drive.last_root[channel]
    for i in range(QUANTUM):
        even_roots[i] = sqrtf(<float>1.0 + squares[i] * even[i] * even[i])
        odd_roots[i + 1] = sqrtf(<float>1.0 + squares[i] * odd[i + 1] * odd[i + 1])
    for i in range(QUANTUM):
        driven_even[i] = (odd[i] + even[i]) / (odd_roots[i] + even_roots[i])
        driven_odd[i] = (even[i] + odd[i + 1]) / (even_roots[i] + odd_roots[i + 1])
    drive.last[channel] = odd[QUANTUM]
    drive.last_root[channel] = odd_roots[QUANTUM]


cdef void _run_channel(Drive* drive, int channel, const float* squares, const float* block,
                       float* out) noexcept nogil:
    """One channel of a quantum, without the gain, into `out`."""
    cdef float[RISE_TAPS - 1 + QUANTUM] x
    cdef float[QUANTUM] even
    cdef float[1 + QUANTUM] odd
    cdef float[FALL_TAPS - 1 + QUANTUM] driven_even
    cdef float[FALL_TAPS + QUANTUM] driven_odd
    cdef Py_ssize_t i
    memcpy(x, drive.past[channel], sizeof(drive.past[channel]))
    for i in range(QUANTUM):
        x[RISE_TAPS - 1 + i] = block[2 * i + channel]
    memcpy(drive.past[channel], x + QUANTUM, sizeof(drive.past[channel]))
    memset(even, 0, sizeof(even))
    add_filtered(x, _rise, RISE_TAPS, even)
    odd[0] = drive.last[channel]
    memcpy(odd + 1, x + RISE_TAPS - 1 - MIDDLE, QUANTUM * sizeof(float))
    memcpy(driven_even, drive.even[channel], sizeof(drive.even[channel]))
    memcpy(driven_odd, drive.odd[channel], sizeof(drive.odd[channel]))
    _shape(drive, channel, squares, even, odd, driven_even + FALL_TAPS - 1, driven_odd + FALL_TAPS)
    memcpy(drive.even[channel], driven_even + QUANTUM, sizeof(drive.even[channel]))
    memcpy(drive.odd[channel], driven_odd + QUANTUM, sizeof(drive.odd[channel]))
    memset(out, 0, QUANTUM * sizeof(float))
    add_filtered(driven_even, _fall_even, FALL_TAPS, out)
    add_filtered(driven_odd, _fall_odd, FALL_TAPS, out)


cdef float _track(Drive* drive, const float* block) noexcept nogil:
    """Follow the power of what comes in; what was followed before. What is not finite changes nothing."""
    cdef float[8] sums
    cdef float before = drive.level
    cdef double power = 0.0
    cdef Py_ssize_t i, lane
    memset(sums, 0, sizeof(sums))
    for i in range(2 * QUANTUM // 8):
        for lane in range(8):
            sums[lane] += block[8 * i + lane] * block[8 * i + lane]
    for lane in range(8):
        power += sums[lane] * (1.0 / (2 * QUANTUM))
    if not isfinite(power) or power > 1e6:
        return before
    drive.counted += 1
    drive.power += <float>(max(_tracking, 1.0 / drive.counted) * (power - drive.power))
    drive.level += _smoothing * (drive.power - drive.level)
    return before


cdef void _fill_gains(const Drive* drive, float before, const float* squares, float* gains) noexcept nogil:
    """What noise of the power followed loses, at every frame: of 1 / sqrt(E(n^2 / (1 + z n^2))) for normal n
    this is within 0.12 dB, for z from 0 to 16.
    """
    cdef float step = (drive.level - before) / QUANTUM, one = 1.0, z
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        z = squares[i] * (before + step * <float>(i + 1))
        gains[i] = sqrtf((one + z * (<float>2.997 + <float>0.730 * z)) / (one + <float>0.616 * z))


cdef void drive_process(Drive* drive, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    cdef float[2][QUANTUM] out
    cdef float[2 * QUANTUM] wet
    cdef float[QUANTUM] squares
    cdef float[QUANTUM] gains
    cdef Py_ssize_t i
    cdef int how = bypass_advance(&drive.bypass, not knob_stands_at(&drive.amount, 0.0, sample), sample)
    if how == BYPASS_OFF:
        return
    if how == BYPASS_BEGINS:
        _forget(drive)
    knob_fill(&drive.amount, sample)
    for i in range(QUANTUM):
        squares[i] = _steepest * drive.amount.values[i] * _steepest * drive.amount.values[i]
    _fill_gains(drive, _track(drive, block), squares, gains)
    _run_channel(drive, 0, squares, block, out[0])
    _run_channel(drive, 1, squares, block, out[1])
    for i in range(QUANTUM):
        wet[2 * i] = gains[i] * out[0][i]
        wet[2 * i + 1] = gains[i] * out[1][i]
    bypass_mix(&drive.bypass, wet, block)
