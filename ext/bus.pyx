"""The master bus: nothing leaves it that is not finite, nor above the ceiling.

The limiter looks ahead. True peaks are estimated as in ITU-R BS.1770-4 Annex 2, but at 8 times the rate, so
that those of sound up to 20 kHz are read at most 0.12 dB low. Each frame asks for the gain that brings its
peak to the ceiling; the least of 58 is held, released exponentially, and averaged over 57, so that the gain
arrives before the peak does, in a straight line. While nothing comes near the ceiling it is exactly a delay.

Thread: [render], except `bus_init`.
"""
from libc.math cimport M_PI, cos, exp, fabsf, isfinite, sin
from libc.string cimport memset

CEILING_DBTP = -1.0
DELAY_FRAMES = LIMITER_DELAY

cdef float _ceiling = <float>(10.0 ** (-1.0 / 20.0))
cdef double _release = 1.0 - exp(-1.0 / (0.080 * 48000.0))      # 80 ms
cdef float _kernel[OVERSAMPLE_TAPS][OVERSAMPLE]                 # tap by phase
cdef float _gain_most = 0.0                                     # an intersample peak over the sample peak


cdef void _make_kernel() noexcept:
    """Hann-windowed sinc; phase p reads p/8 of the way from tap 7 to tap 8."""
    global _gain_most
    cdef int tap, phase
    cdef double x, total
    for phase in range(OVERSAMPLE):
        total = 0.0
        for tap in range(OVERSAMPLE_TAPS):
            x = tap - (OVERSAMPLE_TAPS // 2 - 1) - <double>phase / OVERSAMPLE
            if x == 0.0:
                _kernel[tap][phase] = 1.0
            elif phase == 0:
                _kernel[tap][phase] = 0.0
            else:
                _kernel[tap][phase] = <float>(
                    sin(M_PI * x) / (M_PI * x) * (0.5 + 0.5 * cos(2.0 * M_PI * x / (OVERSAMPLE_TAPS + 1)))
                )
            total += fabsf(_kernel[tap][phase])
        _gain_most = max(_gain_most, <float>total)


_make_kernel()


cdef void bus_init(Bus* bus) noexcept:
    """Silence, gain 1. Thread: [housekeeping]."""
    cdef int i
    memset(bus, 0, sizeof(Bus))
    for i in range(HOLD * 2):
        bus.wanted[i] = 1.0
    for i in range(LOOKAHEAD):
        bus.released[i] = 1.0
    bus.sum = LOOKAHEAD
    bus.release = 1.0
    bus.least_gain = 1.0


cdef float _guard(Bus* bus, float* block, int frames) noexcept nogil:
    """Silence what is not finite (or absurd: +120 dBFS); return the greatest magnitude."""
    cdef int i
    cdef float peak = 0.0, magnitude
    for i in range(2 * frames):
        magnitude = fabsf(block[i])
        peak = max(peak, magnitude)
        if not magnitude < <float>1e6:
            block[i] = 0.0
            bus.nonfinite += 1
    return peak if peak < <float>1e6 else <float>1e6


cdef float true_peak_most() noexcept nogil:
    """The most that a true peak can be of the samples around it."""
    return _gain_most


cdef float true_peak(const float* window) noexcept nogil:
    """Greatest magnitude of both channels between the two middle frames of a 16-frame window."""
    cdef float left[OVERSAMPLE]
    cdef float right[OVERSAMPLE]
    cdef float peak = 0.0
    cdef int tap, phase
    memset(left, 0, sizeof(left))
    memset(right, 0, sizeof(right))
    for tap in range(OVERSAMPLE_TAPS):
        for phase in range(OVERSAMPLE):
            left[phase] += _kernel[tap][phase] * window[2 * tap]
            right[phase] += _kernel[tap][phase] * window[2 * tap + 1]
    for phase in range(OVERSAMPLE):
        peak = max(peak, max(fabsf(left[phase]), fabsf(right[phase])))
    return peak


cdef inline double _gain(Bus* bus, float wanted) noexcept nogil:
    """Push one wanted gain; the gain of the frame that leaves now."""
    cdef int slot = <int>(bus.frames % HOLD), i
    cdef float held = 1.0
    cdef double oldest
    bus.wanted[slot] = wanted
    bus.wanted[slot + HOLD] = wanted
    if wanted < 1.0:
        bus.limiting = HOLD
    if bus.limiting > 0:
        bus.limiting -= 1
        for i in range(HOLD):
            held = min(held, bus.wanted[i])
    if held < bus.release:
        bus.release = held
    elif bus.release < 1.0:
        bus.release += (held - bus.release) * _release
        if bus.release > 1.0 - 1e-6 and held == 1.0:
            bus.release = 1.0
    slot = <int>(bus.frames % LOOKAHEAD)
    oldest = bus.released[slot]
    bus.released[slot] = bus.release
    bus.busy += <int>(bus.release < 1.0) - <int>(oldest < 1.0)
    if bus.busy == 0:
        bus.sum = LOOKAHEAD
        return 1.0
    bus.sum += bus.release - oldest
    return bus.sum / LOOKAHEAD


cdef inline float _bound(float value) noexcept nogil:
    if not isfinite(value):
        return 0.0
    return min(max(value, -_ceiling), _ceiling)


cdef void bus_process(Bus* bus, float* block, int frames) noexcept nogil:
    """Limit `frames` interleaved stereo frames in place, delayed by LIMITER_DELAY."""
    cdef float quiet = _guard(bus, block, frames)
    cdef float peak, wanted
    cdef double gain
    cdef int i, at, out
    for i in range(-OVERSAMPLE_TAPS, 0):        # a peak may also arise from what came just before
        at = 2 * <int>((bus.frames + i) & (HISTORY - 1))
        quiet = max(quiet, max(fabsf(bus.input[at]), fabsf(bus.input[at + 1])))
    for i in range(frames):
        at = 2 * <int>(bus.frames & (HISTORY - 1))
        bus.input[at] = block[2 * i]
        bus.input[at + 1] = block[2 * i + 1]
        bus.input[at + 2 * HISTORY] = block[2 * i]
        bus.input[at + 2 * HISTORY + 1] = block[2 * i + 1]
        wanted = 1.0
        if quiet * _gain_most > _ceiling:
            out = 2 * <int>((bus.frames - OVERSAMPLE_TAPS + 1) & (HISTORY - 1))
            peak = true_peak(&bus.input[out])
            if peak > _ceiling:
                wanted = _ceiling / peak
        gain = _gain(bus, wanted)
        out = 2 * <int>((bus.frames - LIMITER_DELAY) & (HISTORY - 1))
        block[2 * i] = _bound(<float>(bus.input[out] * gain))
        block[2 * i + 1] = _bound(<float>(bus.input[out + 1] * gain))
        bus.frames += 1
        bus.least_gain = min(bus.least_gain, <float>gain)
