"""Soft saturation."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob
from remixd._kernel.svf cimport Bypass

cdef enum:
    DRIVE_DELAY = 37            # frames by which driven sound comes later
    RISE_TAPS = 26              # of the filter to twice the rate, that one of its phases has
    FALL_TAPS = 49              # of the filter back, that each of its phases has

cdef struct Drive:
    Knob amount                 # 0 to 1
    Bypass bypass
    int64_t counted             # quanta whose power is known
    float power                 # mean square of what comes in,
    float level                 # and that without its unrest
    float past[2][RISE_TAPS - 1]        # of each channel, what came in before;
    float even[2][FALL_TAPS - 1]        # what was driven, at twice the rate, on frames
    float odd[2][FALL_TAPS]             # and between them;
    float last[2]               # what was to be driven last,
    float last_root[2]          # and its antiderivative's value

cdef void drive_init(Drive* drive, float value) noexcept nogil
cdef bint drive_is_neutral(const Drive* drive, int64_t sample) noexcept nogil
cdef void drive_process(Drive* drive, float* block, int64_t sample) noexcept nogil
