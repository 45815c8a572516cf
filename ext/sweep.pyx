"""One filter that sweeps, 24 dB an octave: a low pass, 20 kHz to 60 Hz, or a high pass, 20 Hz to 8 kHz.

Two state variable filters of second order in a row (Zavalishin 2012, "The Art of VA Filter Design", ch. 4 and
5), whose state is that of analogue integrators, so that their cutoff may move at every frame; together they
stand 2 dB above 0 near the cutoff. The cutoff goes with the knob in octaves.

The two sides are filters of their own, each faded in and out within 10 ms (see `svf.pyx`): across 0 they meet
at the dry sound. At knob 0 the block is left alone, to the bit. Silence behind it is what either may begin
with: a high pass at 20 Hz then gives at first what comes in, a low pass at 20 kHz forgets within a dozen
frames.

Thread: [render].
"""
from libc.math cimport pow
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.knob cimport knob_fill, knob_init, knob_stands_at
from remixd._kernel.svf cimport (
    BYPASS_BEGINS,
    BYPASS_OFF,
    bypass_advance,
    bypass_init,
    bypass_is_off,
    bypass_mix,
    is_finite,
    warped,
)

cdef extern from *:
    """
    typedef double remixd_pair __attribute__((vector_size(16)));

    /* Both filters, a1, a2 and a3 of each for every frame. */
    static inline void remixd_sweep(double (*state)[2][2], const double (*a)[3][64], const double *k,
                                    int high, const float *block, int frames, float *out) {
        remixd_pair s[2][2], x, bp, lp;
        for (int f = 0; f < 2; f++)
            for (int j = 0; j < 2; j++)
                s[f][j] = (remixd_pair){state[f][j][0], state[f][j][1]};
        for (int i = 0; i < frames; i++) {
            x = (remixd_pair){block[2 * i], block[2 * i + 1]};
            for (int f = 0; f < 2; f++) {
                REMIXD_SVF(x, s[f][0], s[f][1], a[f][0][i], a[f][1][i], a[f][2][i], bp, lp);
                x = high ? (x - lp) - k[f] * bp : lp;
            }
            out[2 * i] = (float)x[0];
            out[2 * i + 1] = (float)x[1];
        }
        for (int f = 0; f < 2; f++)
            for (int j = 0; j < 2; j++)
                state[f][j][0] = s[f][j][0], state[f][j][1] = s[f][j][1];
    }
    """
    void run_filters "remixd_sweep"(double (*state)[2][2], const double (*a)[3][64], const double* k,
                                    bint high, const float* block, int frames, float* out) noexcept nogil

cdef enum:
    CUTOFFS = 2048          # in the table, from knob 0 to 1; between them g is off by less than 1e-4 of it

cdef double[2] _damping = [1.6, 0.6]            # 1/Q of the two; 1.85 and 0.77 would be Butterworth's
cdef double[CUTOFFS + 1] _low_pass_g
cdef double[CUTOFFS + 1] _high_pass_g


cdef void _make_cutoffs() noexcept:
    cdef int i
    for i in range(CUTOFFS + 1):
        _low_pass_g[i] = warped(20000.0 * pow(60.0 / 20000.0, <double>i / CUTOFFS))
        _high_pass_g[i] = warped(20.0 * pow(8000.0 / 20.0, <double>i / CUTOFFS))


_make_cutoffs()


cdef void sweep_init(Sweep* sweep) noexcept nogil:
    """Knob at 0."""
    memset(sweep, 0, sizeof(Sweep))
    knob_init(&sweep.knob, 0.0)
    bypass_init(&sweep.low_pass.bypass)
    bypass_init(&sweep.high_pass.bypass)


cdef bint sweep_is_neutral(const Sweep* sweep, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched, if nothing more is asked for."""
    return (
        knob_stands_at(&sweep.knob, 0.0, sample)
        and bypass_is_off(&sweep.low_pass.bypass, sample)
        and bypass_is_off(&sweep.high_pass.bypass, sample)
    )


cdef void _fill_coefficients(const float* knob, bint high, double (*a)[3][QUANTUM]) noexcept nogil:
    """a1, a2, a3 of both filters at every frame; on the other side of 0 the cutoff stays where it is at 0."""
    cdef const double* table = &_high_pass_g[0] if high else &_low_pass_g[0]
    cdef double[QUANTUM] g
    cdef double at
    cdef Py_ssize_t i, f, entry
    for i in range(QUANTUM):
        at = CUTOFFS * min(max(<double>knob[i] if high else -<double>knob[i], 0.0), 1.0)
        entry = min(<Py_ssize_t>at, CUTOFFS - 1)
        g[i] = table[entry] + (at - entry) * (table[entry + 1] - table[entry])
    for f in range(2):
        for i in range(QUANTUM):
            a[f][0][i] = 1.0 / (1.0 + g[i] * (g[i] + _damping[f]))
            a[f][1][i] = g[i] * a[f][0][i]
            a[f][2][i] = g[i] * a[f][1][i]


cdef void _run_side(SweepSide* side, bint high, bint wanted, const float* knob, float* block,
                    int64_t sample) noexcept nogil:
    """One quantum through one side, in place."""
    cdef double[2][3][QUANTUM] a
    cdef float[2 * QUANTUM] wet
    cdef int how = bypass_advance(&side.bypass, wanted, sample)
    if how == BYPASS_OFF:
        return
    if how == BYPASS_BEGINS:
        memset(side.state, 0, sizeof(side.state))
    _fill_coefficients(knob, high, a)
    run_filters(side.state, a, _damping, high, block, QUANTUM, wet)
    if not is_finite(&side.state[0][0][0], sizeof(side.state) // sizeof(double)):
        memset(side.state, 0, sizeof(side.state))
    bypass_mix(&side.bypass, wet, block)


cdef void sweep_process(Sweep* sweep, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    cdef float least = 0.0, most = 0.0
    cdef Py_ssize_t i
    if sweep_is_neutral(sweep, sample):
        return
    knob_fill(&sweep.knob, sample)
    for i in range(QUANTUM):
        least = min(least, sweep.knob.values[i])
        most = max(most, sweep.knob.values[i])
    _run_side(&sweep.low_pass, False, least < 0.0, sweep.knob.values, block, sample)
    _run_side(&sweep.high_pass, True, most > 0.0, sweep.knob.values, block, sample)
