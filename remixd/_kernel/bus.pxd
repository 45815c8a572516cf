"""The master bus: guard and look-ahead true-peak limiter."""
from libc.stdint cimport int64_t

cdef enum:
    LIMITER_DELAY = 64      # frames: 56 of look-ahead, 8 of the oversampler; one quantum of a session
    LOOKAHEAD = 57          # gains averaged
    HOLD = 58               # frames over which the least gain is held
    HISTORY = 256           # frames of input kept
    OVERSAMPLE = 8
    OVERSAMPLE_TAPS = 16

cdef struct Bus:
    float input[HISTORY * 2 * 2]    # twice in a row, so that any window is contiguous
    float wanted[HOLD * 2]          # gain each frame asks for, twice in a row
    double released[LOOKAHEAD]      # held and released gains, as a ring
    double sum                      # of `released`
    double release                  # the held and released gain now
    int busy                        # of `released`, how many are below 1
    int limiting                    # frames until `wanted` is all ones again
    int64_t frames                  # pushed so far
    float least_gain
    unsigned int nonfinite

cdef void bus_init(Bus* bus) noexcept
cdef void bus_process(Bus* bus, float* block, int frames) noexcept nogil
cdef float true_peak(const float* window) noexcept nogil
cdef float true_peak_most() noexcept nogil
