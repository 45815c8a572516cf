"""The master bus: guard and look-ahead true-peak limiter."""

cdef enum:
    LIMITER_DELAY = 64      # frames: 56 of look-ahead, 8 of the oversampler; one quantum of a session
    LOOKAHEAD = 57          # gains averaged
    HOLD = 58               # frames over which the least gain is held
    OVERSAMPLE = 8
    OVERSAMPLE_TAPS = 16
    WINDOW_TAIL = 16        # frames kept from before a quantum: its true peaks reach back 15
    PEAK_GROUP = 8          # frames whose true peaks are read together
    PEAK_GROUPS = 8         # of a quantum
    CLIP_QUANTA = 75        # 100 ms: nearer than that two peaks are one clip

cdef struct Bus:
    float held[LIMITER_DELAY * 2]   # the quantum that leaves next
    float held_peak                 # its greatest magnitude
    bint working                    # whether any gain below is not 1
    float wanted[HOLD - 1]          # gain that each of the last frames asked for
    float released[LOOKAHEAD]       # held and released gains of the last frames
    double sum                      # of `released`; exact, as all are floats between 1e-7 and 1
    double release                  # the held and released gain now
    float least_gain
    unsigned int nonfinite
    unsigned int clips      # times that it came above full scale, before it was limited
    int unclipped           # quanta since it last was, at most CLIP_QUANTA

cdef void bus_init(Bus* bus) noexcept
cdef void bus_process(Bus* bus, float* block, int frames) noexcept nogil
cdef float true_peak_most() noexcept nogil
cdef void true_peak_bounds(const float* joined, float* bounds) noexcept nogil
cdef void true_peaks(const float* joined, int group, float* peaks) noexcept nogil
