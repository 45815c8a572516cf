"""A state variable filter of second order, and the fade between sound and filtered sound."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob

cdef extern from *:
    """
    /* One frame through a state variable filter that keeps its topology, trapezoidal (Zavalishin 2012, "The
       Art of VA Filter Design", ch. 4): sets `band` and `low` of `in`; high is in - k * band - low. All may
       be vectors; a1 = 1 / (1 + g * (g + k)), a2 = g * a1, a3 = g * a2, with g = tan(pi * cutoff / rate). */
    #define REMIXD_SVF(in, first, second, a1, a2, a3, band, low) do { \\
        __typeof__(first) rest = (in) - (second);                     \\
        (band) = (a1) * (first) + (a2) * rest;                        \\
        (low) = (second) + (a2) * (first) + (a3) * rest;              \\
        (first) = 2.0 * (band) - (first);                             \\
        (second) = 2.0 * (low) - (second);                            \\
    } while (0)
    """
    pass

cdef struct Bypass:
    Knob wet                # share of the filtered sound
    bint wanted

cdef enum:
    BYPASS_OFF = 0          # only the dry sound: nothing need be computed
    BYPASS_BEGINS = 1       # the filter runs from here on; it begins with silence behind it
    BYPASS_ON = 2

cdef double warped(double cutoff_hz) noexcept nogil
cdef void bypass_init(Bypass* bypass) noexcept nogil
cdef void bypass_start(Bypass* bypass, bint wanted) noexcept nogil
cdef int bypass_advance(Bypass* bypass, bint wanted, int64_t sample) noexcept nogil
cdef void bypass_mix(const Bypass* bypass, const float* wet, float* block) noexcept nogil
cdef bint bypass_is_off(const Bypass* bypass, int64_t sample) noexcept nogil
cdef bint is_finite(const double* state, int count) noexcept nogil
