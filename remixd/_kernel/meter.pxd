"""Loudness and true-peak meters."""

cdef enum:
    METER_BLOCK = 4800      # frames of one gating block's step: 100 ms
    METER_BLOCKS = 30       # 3 s

cdef struct Meter:
    double poles[4][2]      # last two outputs of the shelf's poles, then of the high pass's: left, right
    double energy           # weighted energy of the block so far, both channels
    int filled              # frames of it
    double blocks[METER_BLOCKS]
    int count               # blocks measured, at most METER_BLOCKS
    int newest              # index of the newest
    float tail[32]          # the last 16 frames, for the true peak and the filters' zeros
    float tail_peak         # greatest magnitude of the quantum they end
    float peak[2]
    float true_peak

cdef void meter_reset_peaks(Meter* meter) noexcept nogil
cdef void meter_process(Meter* meter, const float* block, int frames) noexcept nogil
cdef float meter_loudness(const Meter* meter, int blocks) noexcept nogil
