"""Meters of the finished sound: sample peak, true peak, momentary and short-term loudness.

Loudness is ITU-R BS.1770-4 (K weighting, Annex 1; the coefficients there are for 48 kHz) over the windows of
EBU Tech 3341: 400 ms momentary, 3 s short-term, ungated, in steps of 100 ms. The zeros of both filters come
first, as one kernel of five taps, and then the poles, so that a frame waits for only one product of the
frame before. Thread: [render].
"""
from libc.math cimport fabsf, log10
from libc.string cimport memcpy, memset

from remixd._kernel.bus cimport (
    LIMITER_DELAY,
    PEAK_GROUP,
    PEAK_GROUPS,
    WINDOW_TAIL,
    true_peak_bounds,
    true_peak_most,
    true_peaks,
)

cdef extern from *:
    """
    typedef double remixd_stereo __attribute__((vector_size(16)));

    /* Both filters' poles, both channels at once; returns the energy of what leaves them. */
    static inline double remixd_poles(double (*state)[2], const double (*zeros)[2], int frames,
                                      const double (*a)[2]) {
        remixd_stereo shelf1 = {state[0][0], state[0][1]}, shelf2 = {state[1][0], state[1][1]};
        remixd_stereo high1 = {state[2][0], state[2][1]}, high2 = {state[3][0], state[3][1]};
        remixd_stereo energy = {0.0, 0.0};
        for (int i = 0; i < frames; i++) {
            remixd_stereo in = {zeros[i][0], zeros[i][1]};
            remixd_stereo shelf = (in - a[0][1] * shelf2) - a[0][0] * shelf1;
            remixd_stereo high = (shelf - a[1][1] * high2) - a[1][0] * high1;
            energy += high * high;
            shelf2 = shelf1, shelf1 = shelf;
            high2 = high1, high1 = high;
        }
        for (int channel = 0; channel < 2; channel++) {
            state[0][channel] = shelf1[channel], state[1][channel] = shelf2[channel];
            state[2][channel] = high1[channel], state[3][channel] = high2[channel];
        }
        return energy[0] + energy[1];
    }
    """
    double run_poles "remixd_poles"(double (*state)[2], const double (*zeros)[2], int frames,
                                    const double (*a)[2]) noexcept nogil

cdef enum:
    LANES = 8

cdef double[2][3] _b = [    # the head's shelf, then the high pass
    [1.53512485958697, -2.69169620938640, 1.19839281085285],
    [1.0, -2.0, 1.0],
]
cdef double[2][2] _a = [[-1.69065929318241, 0.73248077421585], [-1.99004745483398, 0.99007225036621]]
cdef double[5] _zeros       # both rows of `_b`, convolved


cdef void _convolve() noexcept:
    cdef int i, j
    for i in range(3):
        for j in range(3):
            _zeros[i + j] += _b[0][i] * _b[1][j]


_convolve()


cdef void meter_reset_peaks(Meter* meter) noexcept nogil:
    """Begin a new reading of the peaks."""
    meter.peak[0] = 0.0
    meter.peak[1] = 0.0
    meter.true_peak = 0.0


cdef double _weigh(Meter* meter, const float* joined) noexcept nogil:
    """K-weighted energy of the quantum at the end of `joined`."""
    cdef double[2 * (WINDOW_TAIL + LIMITER_DELAY)] x
    cdef double[LIMITER_DELAY][2] zeros
    cdef double* out = &zeros[0][0]
    cdef Py_ssize_t i
    for i in range(2 * (WINDOW_TAIL + LIMITER_DELAY)):
        x[i] = joined[i]
    for i in range(2 * LIMITER_DELAY):
        out[i] = (
            _zeros[0] * x[i + 2 * WINDOW_TAIL] + _zeros[1] * x[i + 2 * WINDOW_TAIL - 2]
            + _zeros[2] * x[i + 2 * WINDOW_TAIL - 4] + _zeros[3] * x[i + 2 * WINDOW_TAIL - 6]
            + _zeros[4] * x[i + 2 * WINDOW_TAIL - 8]
        )
    return run_poles(meter.poles, zeros, LIMITER_DELAY, _a)


cdef inline float _find_sample_peaks(Meter* meter, const float* block) noexcept nogil:
    """Sample peaks of a quantum; returns the greater."""
    cdef float[LANES] most
    cdef float magnitude
    cdef Py_ssize_t i, lane
    memset(most, 0, sizeof(most))
    for i in range(2 * LIMITER_DELAY // LANES):
        for lane in range(LANES):
            magnitude = fabsf(block[LANES * i + lane])
            most[lane] = magnitude if magnitude > most[lane] else most[lane]
    for lane in range(2, LANES):
        most[lane % 2] = max(most[lane % 2], most[lane])
    meter.peak[0] = max(meter.peak[0], most[0])
    meter.peak[1] = max(meter.peak[1], most[1])
    return max(most[0], most[1])


cdef void _find_true_peak(Meter* meter, const float* joined) noexcept nogil:
    """Read true peaks where the samples leave room for a higher one than was read."""
    cdef float[PEAK_GROUPS] bounds
    cdef float[PEAK_GROUP] peaks
    cdef Py_ssize_t i, group, first = 0
    true_peak_bounds(joined, bounds)
    for group in range(PEAK_GROUPS):
        if bounds[group] > bounds[first]:
            first = group
    for group in range(first, first + PEAK_GROUPS):     # the likeliest first: it may spare the others
        if bounds[group % PEAK_GROUPS] > meter.true_peak:
            true_peaks(joined, group % PEAK_GROUPS, peaks)
            for i in range(PEAK_GROUP):
                meter.true_peak = max(meter.true_peak, peaks[i])


cdef void _process(Meter* meter, const float* block) noexcept nogil:
    """Measure one quantum."""
    cdef float[2 * (WINDOW_TAIL + LIMITER_DELAY)] joined
    cdef float peak = _find_sample_peaks(meter, block)
    memcpy(joined, meter.tail, sizeof(meter.tail))
    memcpy(joined + 2 * WINDOW_TAIL, block, 2 * LIMITER_DELAY * sizeof(float))
    if max(peak, meter.tail_peak) * true_peak_most() > meter.true_peak:
        _find_true_peak(meter, joined)
    meter.energy += _weigh(meter, joined)
    memcpy(meter.tail, joined + 2 * LIMITER_DELAY, sizeof(meter.tail))
    meter.tail_peak = peak


cdef void meter_process(Meter* meter, const float* block, int frames) noexcept nogil:
    """Measure interleaved stereo: `frames` is a multiple of LIMITER_DELAY, as METER_BLOCK is."""
    cdef Py_ssize_t i
    for i in range(frames // LIMITER_DELAY):
        _process(meter, block + 2 * LIMITER_DELAY * i)
        meter.filled += LIMITER_DELAY
        if meter.filled == METER_BLOCK:
            meter.newest = (meter.newest + 1) % METER_BLOCKS
            meter.blocks[meter.newest] = meter.energy / METER_BLOCK
            meter.count = min(meter.count + 1, METER_BLOCKS)
            meter.energy = 0.0
            meter.filled = 0


cdef float meter_loudness(const Meter* meter, int blocks) noexcept nogil:
    """Loudness over the newest `blocks` of 100 ms, in LUFS; -120 for silence, or before the first."""
    cdef double energy = 0.0
    cdef int i, count = min(blocks, meter.count)
    for i in range(count):
        energy += meter.blocks[(meter.newest - i + METER_BLOCKS) % METER_BLOCKS]
    if count == 0 or energy / count < 1e-12:
        return -120.0
    return <float>(-0.691 + 10.0 * log10(energy / count))
