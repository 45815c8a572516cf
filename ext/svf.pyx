"""What filters of second order share: their cutoff, warped, and how they come in and go out.

A filter that comes in has silence behind it. It runs unheard for 2.7 ms, in which most of what it owes to the
sound that was there before dies away, and is then faded to.

Thread: [render].
"""
from libc.math cimport M_PI, isfinite, tan
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.knob cimport knob_fill, knob_init, knob_move, knob_stands_at
from remixd._kernel.strip cimport RAMP_STRAIGHT

cdef enum:
    WARM_UP = 2 * QUANTUM   # frames that a filter runs before it is heard
    FADE = 480 - WARM_UP - QUANTUM      # frames of the ramp; with the warm-up and the knob's own mean 10 ms


cdef double warped(double cutoff_hz) noexcept nogil:
    """The gain g of the integrators that brings the cutoff to where it is wanted, at 48 kHz."""
    return tan(M_PI / 48000.0 * cutoff_hz)


cdef void bypass_init(Bypass* bypass) noexcept nogil:
    """Dry."""
    knob_init(&bypass.wet, 0.0)
    bypass.wanted = False


cdef void bypass_start(Bypass* bypass, bint wanted) noexcept nogil:
    """Dry, or filtered from the first frame on: where nothing sounded before."""
    knob_init(&bypass.wet, 1.0 if wanted else 0.0)
    bypass.wanted = wanted


cdef int bypass_advance(Bypass* bypass, bint wanted, int64_t sample) noexcept nogil:
    """Fade to where the filter is wanted, within 10 ms; return how things stand in this quantum."""
    cdef bint was_off = bypass_is_off(bypass, sample)
    cdef int64_t start
    if wanted != bypass.wanted:
        bypass.wanted = wanted
        start = sample + WARM_UP if was_off else sample
        knob_move(&bypass.wet, 1.0 if wanted else 0.0, start, FADE, RAMP_STRAIGHT)
    if was_off and not wanted:
        return BYPASS_OFF
    knob_fill(&bypass.wet, sample)
    return BYPASS_BEGINS if was_off else BYPASS_ON


cdef void bypass_mix(const Bypass* bypass, const float* wet, float* block) noexcept nogil:
    """Of a quantum of dry sound in `block` and the filtered sound, make what is heard."""
    cdef Py_ssize_t i
    if bypass.wet.still and bypass.wet.values[0] == 1.0:
        memcpy(block, wet, 2 * QUANTUM * sizeof(float))
        return
    for i in range(QUANTUM):
        block[2 * i] += bypass.wet.values[i] * (wet[2 * i] - block[2 * i])
        block[2 * i + 1] += bypass.wet.values[i] * (wet[2 * i + 1] - block[2 * i + 1])


cdef bint bypass_is_off(const Bypass* bypass, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` is dry, if nothing more is asked for."""
    return not bypass.wanted and knob_stands_at(&bypass.wet, 0.0, sample)


cdef bint is_finite(const double* state, int count) noexcept nogil:
    """Whether all of a filter's state is finite (and not absurd)."""
    cdef double sum = 0.0
    cdef int i
    for i in range(count):
        sum += state[i]
    return isfinite(sum) != 0
