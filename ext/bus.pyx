"""The master bus: nothing leaves it that is not finite, nor above the ceiling.

The limiter looks ahead. True peaks are estimated as in ITU-R BS.1770-4 Annex 2, but at 8 times the rate, so
that those of sound up to 20 kHz are read at most 0.12 dB low. Each frame asks for the gain that brings its
peak to the ceiling; the least of 58 is held, released exponentially, and averaged over 57, so that the gain
arrives before the peak does, in a straight line.

While nothing comes near the ceiling the bus is exactly a delay of one quantum: true peaks are computed only
where a bound leaves room for one above the ceiling, and gains only until all are 1 again. What comes out is,
to the bit, what computing all of them would give, so it does not depend on where quanta begin either.

Thread: [render], except `bus_init`.
"""
from libc.math cimport M_PI, cos, exp, fabs, fabsf, sin
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #include <stdint.h>

    typedef float remixd_floats __attribute__((vector_size(32), aligned(4), may_alias));
    typedef int32_t remixd_bits __attribute__((vector_size(32), aligned(4), may_alias));
    #define REMIXD_MAGNITUDE(floats) ((remixd_floats)((remixd_bits)(floats) & 0x7fffffff))

    /* True peaks of 8 samples, from kernels split in halves even and odd about the middle of their 16 taps;
       of the phases that mirror each other it takes the greater: of |e + o| and |e - o| it is |e| + |o|. */
    static inline void remixd_true_peaks(const float *x, const float (*even)[8], const float (*odd)[8],
                                         int phases, float *peaks) {
        remixd_floats sum[8], difference[8];
        for (int k = 0; k < 8; k++) {
            remixd_floats before = *(const remixd_floats *)(x - 2 * k);
            remixd_floats after = *(const remixd_floats *)(x + 2 * (k + 1));
            sum[k] = before + after;
            difference[k] = before - after;
        }
        remixd_floats most = REMIXD_MAGNITUDE(*(const remixd_floats *)x);
        for (int phase = 0; phase < phases; phase++) {
            remixd_floats e = even[phase][0] * sum[0], o = odd[phase][0] * difference[0];
            for (int k = 1; k < 8; k++) {
                e += even[phase][k] * sum[k];
                o += odd[phase][k] * difference[k];
            }
            remixd_floats peak = REMIXD_MAGNITUDE(e) + REMIXD_MAGNITUDE(o);
            remixd_bits more = peak > most;
            most = (remixd_floats)(((remixd_bits)peak & more) | ((remixd_bits)most & ~more));
        }
        *(remixd_floats *)peaks = most;
    }
    """
    void lane_peaks "remixd_true_peaks"(const float* x, const float (*even)[8], const float (*odd)[8],
                                        int phases, float* peaks) noexcept nogil

CEILING_DBTP = -1.0
DELAY_FRAMES = LIMITER_DELAY

cdef enum:
    LANES = 8                                   # floats worked on together: four stereo frames
    MIDDLE = OVERSAMPLE_TAPS // 2               # a window is read between frames MIDDLE - 1 and MIDDLE
    PHASES = OVERSAMPLE // 2                    # 1 to 4; phases 7 to 5 mirror 1 to 3
    JOINED = WINDOW_TAIL + LIMITER_DELAY
    BENDS = 2 * (JOINED - 2)                    # second differences of a quantum and its tail

cdef float _ceiling = <float>(10.0 ** (-1.0 / 20.0))
cdef double _release_share = 1.0 - exp(-1.0 / (0.080 * 48000.0))      # 80 ms
cdef double _beyond = 1e-6                      # release aims so far above its target, and so arrives
cdef float _even[PHASES][MIDDLE]                # half the kernel's sum over taps MIDDLE-1-k and MIDDLE+k
cdef float _odd[PHASES][MIDDLE]                 # and half their difference
cdef float _gain_most = 0.0                     # an intersample peak over the sample peak
cdef float _straight = 0.0                      # share of the two middle samples in a true peak, at most
cdef float _bend = 0.0                          # share of the greatest second difference in it, at most


cdef void _make_kernel(double* kernel, int phase) noexcept:
    """Hann-windowed sinc that reads phase/8 of the way between the middle frames."""
    cdef int tap
    cdef double x
    for tap in range(OVERSAMPLE_TAPS):
        x = tap - (MIDDLE - 1) - <double>phase / OVERSAMPLE
        kernel[tap] = 1.0 if x == 0.0 else (
            sin(M_PI * x) / (M_PI * x) * (0.5 + 0.5 * cos(2.0 * M_PI * x / (OVERSAMPLE_TAPS + 1)))
        )


cdef void _bound_kernel(const double* kernel) noexcept:
    """Widen the three bounds to a kernel.

    With d[j] = x[j-1] - 2 x[j] + x[j+1], each sample is on the straight line through the middle two, but for
    a weighted sum of the d between: x[k] = x[7] + (k - 7) (x[8] - x[7]) + sum over those j of |k - j| d[j].
    So what a kernel reads is a share of x[7], one of x[8], and a share of every d.
    """
    global _gain_most, _straight, _bend
    cdef double total = 0.0, sum = 0.0, slope = 0.0, bend = 0.0, share
    cdef double margin = 1.0 + 1e-5             # for the rounding of what is bounded
    cdef int tap, j
    for tap in range(OVERSAMPLE_TAPS):
        total += fabs(kernel[tap])
        sum += kernel[tap]
        slope += kernel[tap] * (tap - (MIDDLE - 1))
    for j in range(1, OVERSAMPLE_TAPS - 1):
        share = 0.0
        for tap in range(OVERSAMPLE_TAPS):
            if (tap < j < MIDDLE) or (tap > j >= MIDDLE):
                share += kernel[tap] * abs(tap - j)
        bend += fabs(share)
    _gain_most = max(_gain_most, <float>(margin * total))
    _straight = max(_straight, <float>(margin * (fabs(sum - slope) + fabs(slope))))
    _bend = max(_bend, <float>(margin * bend))


cdef void _make_kernels() noexcept:
    """The kernels of phases 1 to 4, by their symmetry, and the bounds of all."""
    cdef double kernel[OVERSAMPLE_TAPS]
    cdef int phase, k
    for phase in range(1, PHASES + 1):
        _make_kernel(kernel, phase)
        _bound_kernel(kernel)
        for k in range(MIDDLE):
            _even[phase - 1][k] = <float>(0.5 * (kernel[MIDDLE - 1 - k] + kernel[MIDDLE + k]))
            _odd[phase - 1][k] = <float>(0.5 * (kernel[MIDDLE - 1 - k] - kernel[MIDDLE + k]))


_make_kernels()


cdef void bus_init(Bus* bus) noexcept:
    """Silence, gain 1. Thread: [housekeeping]."""
    cdef Py_ssize_t i
    memset(bus, 0, sizeof(Bus))
    for i in range(HOLD - 1):
        bus.wanted[i] = 1.0
    for i in range(LOOKAHEAD):
        bus.released[i] = 1.0
    bus.sum = LOOKAHEAD
    bus.release = 1.0
    bus.least_gain = 1.0
    bus.unclipped = CLIP_QUANTA


cdef inline void _more(int32_t* most, const float* x) noexcept nogil:
    """Raise each lane of `most` to the bits of the magnitude of `x`: not finite is above all that is."""
    cdef int32_t bits
    cdef int lane
    for lane in range(LANES):
        memcpy(&bits, x + lane, sizeof(float))
        bits &= 0x7fffffff
        most[lane] = bits if bits > most[lane] else most[lane]


cdef inline float _most(const int32_t* most) noexcept nogil:
    """The greatest of the lanes, as the magnitude that it is."""
    cdef int32_t bits = 0
    cdef float magnitude
    cdef int lane
    for lane in range(LANES):
        bits = most[lane] if most[lane] > bits else bits
    memcpy(&magnitude, &bits, sizeof(float))
    return magnitude


cdef float _peak(const float* block) noexcept nogil:
    """The greatest magnitude in a quantum; not below 1e6 in any way if a sample is not finite."""
    cdef int32_t[LANES] most
    cdef Py_ssize_t i
    memset(most, 0, sizeof(most))
    for i in range(2 * LIMITER_DELAY // LANES):
        _more(most, block + LANES * i)
    return _most(most)


cdef float _guard(Bus* bus, float* block) noexcept nogil:
    """Silence what is not finite (or absurd: +120 dBFS) in a quantum; return its greatest magnitude."""
    cdef float peak = _peak(block)
    cdef Py_ssize_t i
    if peak < <float>1e6:
        return peak
    for i in range(2 * LIMITER_DELAY):
        if not fabsf(block[i]) < <float>1e6:
            block[i] = 0.0
            bus.nonfinite += 1
    return _peak(block)


cdef float true_peak_most() noexcept nogil:
    """The most that a true peak can be of the samples around it."""
    return _gain_most


cdef void true_peak_bounds(const float* joined, float* bounds) noexcept nogil:
    """What the true peaks of a quantum's groups of PEAK_GROUP frames cannot exceed.

    Args:
        joined: the quantum behind the WINDOW_TAIL frames before it, interleaved stereo.
        bounds: PEAK_GROUPS magnitudes, written.
    """
    cdef int32_t[LANES] most
    cdef float[LANES] bends
    cdef const float* x
    cdef float bend
    cdef Py_ssize_t i, lane, group
    memset(most, 0, sizeof(most))
    for i in range((BENDS + LANES - 1) // LANES):
        x = joined + min(LANES * i, BENDS - LANES)
        for lane in range(LANES):
            bends[lane] = (x[lane] - x[lane + 2]) - (x[lane + 2] - x[lane + 4])
        _more(most, bends)
    bend = _bend * _most(most)
    for group in range(PEAK_GROUPS):            # nine frames: the middles of eight windows
        x = joined + 2 * (WINDOW_TAIL - MIDDLE + PEAK_GROUP * group)
        memset(most, 0, sizeof(most))
        _more(most, x)
        _more(most, x + LANES)
        _more(most, x + 2 * (PEAK_GROUP + 1) - LANES)
        bounds[group] = _straight * _most(most) + bend


cdef void true_peaks(const float* joined, int group, float* peaks) noexcept nogil:
    """The true peaks of one group of PEAK_GROUP frames.

    Args:
        joined: as for `true_peak_bounds`.
        group: 0 to PEAK_GROUPS - 1.
        peaks: for each frame the greatest magnitude, of both channels, between the middle two of the
            OVERSAMPLE_TAPS frames that end there; written.
    """
    cdef const float* x = joined + 2 * (WINDOW_TAIL - MIDDLE + PEAK_GROUP * group)
    cdef float[2 * PEAK_GROUP] both
    cdef Py_ssize_t i
    lane_peaks(x, _even, _odd, PHASES, both)
    lane_peaks(x + LANES, _even, _odd, PHASES, both + LANES)
    for i in range(PEAK_GROUP):
        peaks[i] = max(both[2 * i], both[2 * i + 1])


cdef void _fill_wanted(const float* joined, const float* bounds, float* wanted) noexcept nogil:
    """The gain that each frame of a quantum asks for, where it may be less than 1."""
    cdef float[PEAK_GROUP] peaks
    cdef Py_ssize_t group, i
    for group in range(PEAK_GROUPS):
        if bounds[group] > _ceiling:
            true_peaks(joined, group, peaks)
            for i in range(PEAK_GROUP):
                wanted[PEAK_GROUP * group + i] = min(<float>1.0, _ceiling / peaks[i])


cdef inline void _narrow(float* gains, int count, int apart) noexcept nogil:
    """Each gain, the lesser of itself and the one `apart` frames later."""
    cdef Py_ssize_t i
    for i in range(count):
        gains[i] = min(gains[i], gains[i + apart])


cdef void _hold(float* wanted) noexcept nogil:
    """Of HOLD - 1 + LIMITER_DELAY gains, make the first LIMITER_DELAY the least of the HOLD from each on."""
    _narrow(wanted, 120, 1)
    _narrow(wanted, 118, 2)
    _narrow(wanted, 114, 4)
    _narrow(wanted, 106, 8)
    _narrow(wanted, 90, 16)
    _narrow(wanted, LIMITER_DELAY, HOLD - 32)   # 32 and 32 overlap in 58


cdef void _release(Bus* bus, const float* held, float* gains) noexcept nogil:
    """Release and average a quantum's held gains; write each twice, once for either channel."""
    cdef float[LOOKAHEAD + LIMITER_DELAY] released
    cdef double release = bus.release, sum = bus.sum
    cdef float gain, least = 1.0
    cdef Py_ssize_t i
    memcpy(released, bus.released, LOOKAHEAD * sizeof(float))
    for i in range(LIMITER_DELAY):
        release = min(<double>held[i], release + ((held[i] + _beyond) - release) * _release_share)
        released[LOOKAHEAD + i] = <float>release
        sum += <double>released[LOOKAHEAD + i] - <double>released[i]
        gain = <float>(sum * (1.0 / LOOKAHEAD))
        gains[2 * i] = gain
        gains[2 * i + 1] = gain
        least = min(least, gain)
    memcpy(bus.released, released + LIMITER_DELAY, LOOKAHEAD * sizeof(float))
    bus.release = release
    bus.sum = sum
    bus.least_gain = min(bus.least_gain, least)
    bus.working = held[LIMITER_DELAY - 1] < 1.0 or release < 1.0 or sum < LOOKAHEAD


cdef void _limit(Bus* bus, const float* joined, const float* bounds, float* block) noexcept nogil:
    """Write into `block` the quantum that leaves, limited."""
    cdef float[HOLD - 1 + LIMITER_DELAY] wanted
    cdef float[2 * LIMITER_DELAY] gains
    cdef Py_ssize_t i
    memcpy(wanted, bus.wanted, (HOLD - 1) * sizeof(float))
    for i in range(LIMITER_DELAY):
        wanted[HOLD - 1 + i] = 1.0
    _fill_wanted(joined, bounds, wanted + HOLD - 1)
    memcpy(bus.wanted, wanted + LIMITER_DELAY, (HOLD - 1) * sizeof(float))
    _hold(wanted)
    _release(bus, wanted, gains)
    for i in range(2 * LIMITER_DELAY):
        block[i] = min(max(bus.held[i] * gains[i], -_ceiling), _ceiling)


cdef void _process(Bus* bus, float* block) noexcept nogil:
    """One quantum."""
    cdef float[2 * JOINED] joined
    cdef float[PEAK_GROUPS] bounds
    cdef float peak = _guard(bus, block)
    cdef bint near = False
    cdef int group
    if peak > <float>1.0:
        bus.clips += bus.unclipped == CLIP_QUANTA
        bus.unclipped = 0
    elif bus.unclipped < CLIP_QUANTA:
        bus.unclipped += 1
    memcpy(joined, bus.held + 2 * (LIMITER_DELAY - WINDOW_TAIL), 2 * WINDOW_TAIL * sizeof(float))
    memcpy(joined + 2 * WINDOW_TAIL, block, sizeof(bus.held))
    memset(bounds, 0, sizeof(bounds))
    if max(bus.held_peak, peak) * _gain_most > _ceiling:
        true_peak_bounds(joined, bounds)
        for group in range(PEAK_GROUPS):
            near = near or bounds[group] > _ceiling
    if near or bus.working:
        _limit(bus, joined, bounds, block)
    else:
        memcpy(block, bus.held, sizeof(bus.held))
    memcpy(bus.held, joined + 2 * WINDOW_TAIL, sizeof(bus.held))
    bus.held_peak = peak


cdef void bus_process(Bus* bus, float* block, int frames) noexcept nogil:
    """Limit interleaved stereo in place, delayed by LIMITER_DELAY: `frames` is a multiple of that."""
    cdef Py_ssize_t i
    for i in range(frames // LIMITER_DELAY):
        _process(bus, block + 2 * LIMITER_DELAY * i)
