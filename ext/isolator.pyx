"""A three-band isolator: Linkwitz-Riley crossovers, of fourth order at 250 Hz and of eighth at 2.5 kHz.

A crossover is a Butterworth filter twice in a row, and its two bands sum to an allpass of half its order
(Linkwitz 1976, "Active Crossover Networks for Noncoincident Drivers"). The low band passes the allpass of the
upper crossover, so all three sum to one allpass too. Were the upper one of fourth order as well, low and high
would leave the middle of a mid band that is off only 34 dB down: they meet there in phase, each at -40 dB.

A band's gain acts where the filters smooth what it does: on low before its low pass, on mid between high pass
and low pass, on high behind everything. A gain that moves within 5 ms then adds nothing to the low band that
does not belong there.

With all gains at 1 the block is left alone, to the bit. Leaving that state, and going back to it,
takes 10 ms (see `svf.pyx`). The output depends on the absolute sample only. Thread: [render].
"""
from libc.math cimport M_PI, M_SQRT2, cos
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
    typedef double remixd_lanes __attribute__((vector_size(32)));
    typedef struct { double k, a1, a2, a3; } remixd_section;

    #define REMIXD_LANES(from) ((remixd_lanes){(from)[0], (from)[1], (from)[2], (from)[3]})

    /* Lanes are: in sections 0 and 1 (the lower crossover) low left, low right, and the rest above it; in 2
       to 5 (the upper one) mid and high; in 6 and 7 (its allpass) low, and nothing. In sections 0 to 5 the
       first two lanes are low passes, the others high passes. */
    static inline void remixd_isolate(double (*state)[2][4], const remixd_section *c, const float *low,
                                      const float *mid, const float *high, const float *block, int frames,
                                      float *out) {
        const remixd_lanes is_high = {0.0, 0.0, 1.0, 1.0}, sign = {1.0, 1.0, -1.0, -1.0};
        remixd_lanes s[8][2], x, bass, bp, lp;
        for (int f = 0; f < 8; f++)
            s[f][0] = REMIXD_LANES(state[f][0]), s[f][1] = REMIXD_LANES(state[f][1]);
        for (int i = 0; i < frames; i++) {
            double left = block[2 * i], right = block[2 * i + 1];
            x = (remixd_lanes){low[i] * left, low[i] * right, left, right};
            for (int f = 0; f < 2; f++) {
                REMIXD_SVF(x, s[f][0], s[f][1], c[f].a1, c[f].a2, c[f].a3, bp, lp);
                x = is_high * (x - c[f].k * bp) + sign * lp;
            }
            bass = (remixd_lanes){x[0], x[1], 0.0, 0.0};
            x = (remixd_lanes){mid[i] * x[2], mid[i] * x[3], x[2], x[3]};
            for (int f = 2; f < 6; f++) {
                REMIXD_SVF(x, s[f][0], s[f][1], c[f].a1, c[f].a2, c[f].a3, bp, lp);
                x = is_high * (x - c[f].k * bp) + sign * lp;
            }
            for (int f = 6; f < 8; f++) {
                REMIXD_SVF(bass, s[f][0], s[f][1], c[f].a1, c[f].a2, c[f].a3, bp, lp);
                bass -= 2.0 * c[f].k * bp;
            }
            out[2 * i] = (float)(bass[0] + x[0] + high[i] * x[2]);
            out[2 * i + 1] = (float)(bass[1] + x[1] + high[i] * x[3]);
        }
        for (int f = 0; f < 8; f++)
            for (int lane = 0; lane < 4; lane++)
                state[f][0][lane] = s[f][0][lane], state[f][1][lane] = s[f][1][lane];
    }
    """
    ctypedef struct Section "remixd_section":
        double k                # 1/Q
        double a1
        double a2
        double a3

    void isolate "remixd_isolate"(double (*state)[2][4], const Section* sections, const float* low,
                                  const float* mid, const float* high, const float* block, int frames,
                                  float* out) noexcept nogil

cdef Section[SECTIONS] _sections


cdef void _set_section(Section* section, double cutoff_hz, double k) noexcept:
    cdef double g = warped(cutoff_hz)
    section.k = k
    section.a1 = 1.0 / (1.0 + g * (g + k))
    section.a2 = g * section.a1
    section.a3 = g * section.a2


cdef void _set_sections() noexcept:
    """Butterworth's of second order and of fourth, twice each; then the latter's allpass."""
    cdef int i
    for i in range(SECTIONS):
        if i < 2:
            _set_section(&_sections[i], 250.0, M_SQRT2)
        else:
            _set_section(&_sections[i], 2500.0, 2.0 * cos(M_PI / 8.0 if i % 2 else 3.0 * M_PI / 8.0))


_set_sections()


cdef void isolator_init(Isolator* isolator) noexcept nogil:
    """All bands at 0 dB."""
    cdef int band
    for band in range(BANDS):
        knob_init(&isolator.gains[band], 1.0)
    bypass_init(&isolator.bypass)
    memset(isolator.state, 0, sizeof(isolator.state))


cdef bint _gains_are_neutral(const Isolator* isolator, int64_t sample) noexcept nogil:
    cdef int band
    cdef bint neutral = True
    for band in range(BANDS):
        neutral = neutral and knob_stands_at(&isolator.gains[band], 1.0, sample)
    return neutral


cdef bint isolator_is_neutral(const Isolator* isolator, int64_t sample) noexcept nogil:
    """Whether the quantum that begins at `sample` passes untouched, if nothing more is asked for."""
    return bypass_is_off(&isolator.bypass, sample) and _gains_are_neutral(isolator, sample)


cdef void isolator_process(Isolator* isolator, float* block, int64_t sample) noexcept nogil:
    """One quantum, interleaved stereo, in place; `sample` is a multiple of QUANTUM."""
    cdef float[2 * QUANTUM] wet
    cdef bint wanted = not _gains_are_neutral(isolator, sample)
    cdef int how = bypass_advance(&isolator.bypass, wanted, sample)
    cdef int band
    if how == BYPASS_OFF:
        return
    if how == BYPASS_BEGINS:
        memset(isolator.state, 0, sizeof(isolator.state))
    for band in range(BANDS):
        knob_fill(&isolator.gains[band], sample)
    isolate(
        isolator.state, _sections, isolator.gains[LOW].values, isolator.gains[MID].values,
        isolator.gains[HIGH].values, block, QUANTUM, wet,
    )
    if not is_finite(&isolator.state[0][0][0], sizeof(isolator.state) // sizeof(double)):
        memset(isolator.state, 0, sizeof(isolator.state))
    bypass_mix(&isolator.bypass, wet, block)
