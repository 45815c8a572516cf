"""A three-band isolator."""
from libc.stdint cimport int64_t

from remixd._kernel.knob cimport Knob
from remixd._kernel.svf cimport Bypass

cdef enum:
    LOW = 0
    MID = 1
    HIGH = 2
    BANDS = 3
    SECTIONS = 8                # filters of second order

cdef struct Isolator:
    Knob gains[BANDS]           # linear; ramps may be given with `knob_move`
    Bypass bypass
    double state[SECTIONS][2][4]        # two integrators each, in lanes: see `isolator.pyx`

cdef void isolator_init(Isolator* isolator) noexcept nogil
cdef bint isolator_is_neutral(const Isolator* isolator, int64_t sample) noexcept nogil
cdef void isolator_process(Isolator* isolator, float* block, int64_t sample) noexcept nogil
