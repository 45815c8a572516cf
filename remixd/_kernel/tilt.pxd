"""A tilt of the spectrum."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob
from remixd._kernel.svf cimport Bypass

cdef struct Tilt:
    Knob knob                   # dB, -12 to 12
    Bypass bypass
    double low[2]               # of each channel, what is below the pivot

cdef void tilt_init(Tilt* tilt, float value) noexcept nogil
cdef bint tilt_is_neutral(const Tilt* tilt, int64_t sample) noexcept nogil
cdef void tilt_process(Tilt* tilt, float* block, int64_t sample) noexcept nogil
