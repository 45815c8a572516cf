"""One filter that sweeps: low pass to one side, high pass to the other."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob
from remixd._kernel.svf cimport Bypass

cdef struct SweepSide:
    Bypass bypass
    double state[2][2][2]       # of two filters the two integrators, left and right

cdef struct Sweep:
    Knob knob                   # -1 to 1; ramps may be given with `knob_move`
    SweepSide low_pass          # heard below 0
    SweepSide high_pass         # heard above 0

cdef void sweep_init(Sweep* sweep) noexcept nogil
cdef bint sweep_is_neutral(const Sweep* sweep, int64_t sample) noexcept nogil
cdef void sweep_process(Sweep* sweep, float* block, int64_t sample) noexcept nogil
