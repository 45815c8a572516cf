"""Meters of the finished sound: sample peak, true peak, momentary and short-term loudness.

Loudness is ITU-R BS.1770-4 (K weighting, Annex 1; the coefficients there are for 48 kHz) over the windows of
EBU Tech 3341: 400 ms momentary, 3 s short-term, ungated, in steps of 100 ms. Thread: [render].
"""
from libc.math cimport fabsf, log10
from libc.string cimport memcpy

from remixd._kernel.bus cimport OVERSAMPLE_TAPS, true_peak, true_peak_most

cdef enum:
    BEFORE = OVERSAMPLE_TAPS - 1
    BLOCK_MAX = 64

cdef double[2][5] _stages = [   # b0 b1 b2 a1 a2: the head's shelf, then the high pass
    [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585],
    [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621],
]


cdef void meter_reset_peaks(Meter* meter) noexcept nogil:
    """Begin a new reading of the peaks."""
    meter.peak[0] = 0.0
    meter.peak[1] = 0.0
    meter.true_peak = 0.0


cdef void _weigh(Meter* meter, const float* block, int frames) noexcept nogil:
    """Add the K-weighted energy of up to one 100 ms block's rest (transposed direct form II)."""
    cdef int i, channel, stage
    cdef double x, y
    cdef double* z
    cdef const double* c
    for channel in range(2):
        for i in range(frames):
            x = block[2 * i + channel]
            for stage in range(2):
                c = _stages[stage]
                z = meter.state[channel][stage]
                y = c[0] * x + z[0]
                z[0] = c[1] * x - c[3] * y + z[1]
                z[1] = c[2] * x - c[4] * y
                x = y
            meter.energy += x * x


cdef void _find_peaks(Meter* meter, const float* block, int frames) noexcept nogil:
    """Sample peaks; and true peaks, where the samples leave room for a higher one than was read."""
    cdef float[2 * (BEFORE + BLOCK_MAX)] joined
    cdef float greatest = 0.0
    cdef int i
    for i in range(frames):
        meter.peak[0] = max(meter.peak[0], fabsf(block[2 * i]))
        meter.peak[1] = max(meter.peak[1], fabsf(block[2 * i + 1]))
        greatest = max(greatest, max(fabsf(block[2 * i]), fabsf(block[2 * i + 1])))
    memcpy(joined, meter.tail, 2 * BEFORE * sizeof(float))
    memcpy(joined + 2 * BEFORE, block, 2 * frames * sizeof(float))
    for i in range(2 * BEFORE):
        greatest = max(greatest, fabsf(joined[i]))
    if greatest * true_peak_most() > meter.true_peak:
        for i in range(frames):
            meter.true_peak = max(meter.true_peak, true_peak(joined + 2 * i))
    memcpy(meter.tail, joined + 2 * frames, 2 * BEFORE * sizeof(float))


cdef void meter_process(Meter* meter, const float* block, int frames) noexcept nogil:
    """Measure up to 64 frames, interleaved stereo."""
    cdef int here
    _find_peaks(meter, block, frames)
    while frames > 0:
        here = min(frames, METER_BLOCK - meter.filled)
        _weigh(meter, block, here)
        meter.filled += here
        block += 2 * here
        frames -= here
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
