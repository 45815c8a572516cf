"""Loudness and true-peak meters."""

cdef enum:
    METER_BLOCK = 4800      # frames of one gating block's step: 100 ms
    METER_BLOCKS = 30       # 3 s

cdef struct Meter:
    double state[2][2][2]   # channel, filter stage, delay
    double energy           # weighted energy of the block so far, both channels
    int filled              # frames of it
    double blocks[METER_BLOCKS]
    int count               # blocks measured, at most METER_BLOCKS
    int newest              # index of the newest
    float tail[30]          # the last 15 frames, for the true peak across blocks
    float peak[2]
    float true_peak

cdef void meter_reset_peaks(Meter* meter) noexcept nogil
cdef void meter_process(Meter* meter, const float* block, int frames) noexcept nogil
cdef float meter_loudness(const Meter* meter, int blocks) noexcept nogil
