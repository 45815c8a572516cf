"""Regions: which bins of a spectrum belong together, found once a stem and shared by every session.

Phase-gradient heap integration (Prusa & Holighaus 2017, "Phase Vocoder Done Right", algorithm 1) orders the
bins of a frame by magnitude: a bin is reached through time, from the frame before, or through frequency,
from a neighbour. The order does not depend on the stretch, so it can be stored. A bin reached through time
is a *seed*; all that is reached from it through frequency is its *region*, and turns with it as one. (The
paper also scales the phase differences within a region; measured on stems with known truth that sounded
worse than leaving them as they are.)

At an onset every region that grew starts afresh: its phases are those of the recording again. Where little
of the sound before goes on, everything does.

Thread: [ingest].
"""
from libc.math cimport M_PI, cos, fabsf, floor, sin, sqrtf
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from collections import namedtuple

import numpy as np

from remixd._kernel.fft cimport (
    FRAME,
    HALF,
    HOP,
    fft_forward,
    fft_is_ready,
    fftwf_complex,
    fftwf_free,
    fftwf_malloc,
)

cdef enum:
    GRID = 512              # frames between two analyses
    LAG = HOP // GRID       # frames of the grid to "the frame before"
    KEPT = LAG + 1
    COUNT = HALF + 1
    MASK = 264              # bytes of one onset's bins
    CHUNK = 256             # frames of the grid worked between two looks at the clock
    AROUND = 1536           # frames before and after an onset that are compared

GRID_HOP = GRID
BINS = COUNT
RESET_BYTES = MASK
Regions = namedtuple("Regions", ["starts", "lows", "seeds", "offsets", "resets"])

cdef float _silence = (HALF * 1e-7) ** 2        # power of a bin at -140 dBFS: no dither is silence
cdef float _negligible = 1e-4                   # of the frame's greatest magnitude: joins its neighbour
cdef double _grown = 1.2589254117941673         # 1 dB in power: this much more is new
cdef double _steady = 1.9952623149688795        # 3 dB: within this, a bin goes on
cdef double _little = 0.2                       # share of the power that goes on, below which all is new
cdef float[FRAME] _window
cdef float[FRAME] _slope

cdef struct Node:           # of the heap
    float magnitude
    int bin                 # from COUNT on: the same bin, in this frame

cdef struct Workshop:
    fftwf_complex* z
    fftwf_complex* d
    Node heap[2 * COUNT + 2]
    float magnitude[KEPT][COUNT]
    float omega[KEPT][COUNT]        # instantaneous frequency away from the bin, in bins
    float power[COUNT]
    float before[COUNT]
    int seed[COUNT]


cdef void _make_windows() noexcept:
    cdef int t
    for t in range(FRAME):
        _window[t] = <float>(0.5 - 0.5 * cos(2.0 * M_PI * t / FRAME))
        _slope[t] = <float>(0.5 * sin(2.0 * M_PI * t / FRAME))     # a bin, not a radian


_make_windows()


cdef void _load(const float* pcm, int64_t frames, int64_t centre, const float* window,
                fftwf_complex* z) noexcept nogil:
    """The windowed spectrum of the music around `centre`; silence outside."""
    cdef int64_t first = centre - HALF
    cdef int t
    cdef int low = <int>min(max(-first, 0), FRAME)
    cdef int high = <int>max(min(frames - first, FRAME), low)
    memset(z, 0, FRAME * sizeof(fftwf_complex))
    for t in range(low, high):
        z[t][0] = window[t] * pcm[2 * (first + t)]
        z[t][1] = window[t] * pcm[2 * (first + t) + 1]
    fft_forward(z)


cdef float _powers(const fftwf_complex* z, float* power) noexcept nogil:
    """Power a bin, both channels together; returns the greatest."""
    cdef int k
    cdef float greatest = 0.0
    power[0] = z[0][0] * z[0][0] + z[0][1] * z[0][1]
    for k in range(1, COUNT):
        power[k] = <float>0.5 * (z[k][0] * z[k][0] + z[k][1] * z[k][1]
                                 + z[FRAME - k][0] * z[FRAME - k][0] + z[FRAME - k][1] * z[FRAME - k][1])
    for k in range(COUNT):
        greatest = max(greatest, power[k])
    return greatest


cdef void _frequencies(const fftwf_complex* z, const fftwf_complex* d, const float* power,
                       float* omega) noexcept nogil:
    """Reassigned frequency (Auger & Flandrin 1995, with the derivative of the window), away from the bin."""
    cdef int k, m
    cdef float cross
    omega[0] = 0.0
    for k in range(1, COUNT):
        m = FRAME - k
        cross = <float>0.5 * (d[k][1] * z[k][0] - d[k][0] * z[k][1] - d[m][1] * z[m][0] + d[m][0] * z[m][1])
        omega[k] = min(max(-cross / (power[k] + <float>1e-30), <float>-3.0), <float>3.0)


cdef float _analyse(Workshop* w, const float* pcm, int64_t frames, int64_t grid) noexcept nogil:
    """Magnitudes and frequencies of one frame of the grid; returns its greatest power."""
    cdef int slot = <int>(grid % KEPT), k
    cdef float greatest
    _load(pcm, frames, grid * GRID, _window, w.z)
    _load(pcm, frames, grid * GRID, _slope, w.d)
    greatest = _powers(w.z, w.power)
    _frequencies(w.z, w.d, w.power, w.omega[slot])
    for k in range(COUNT):
        w.magnitude[slot][k] = sqrtf(w.power[k])
    return greatest


cdef inline void _push(Node* heap, int* count, float magnitude, int which) noexcept nogil:
    cdef int i = count[0], parent
    count[0] += 1
    while i > 0:
        parent = (i - 1) // 2
        if heap[parent].magnitude >= magnitude:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i].magnitude = magnitude
    heap[i].bin = which


cdef inline int _pop(Node* heap, int* count) noexcept nogil:
    cdef int top = heap[0].bin, i = 0, child
    count[0] -= 1
    cdef Node last = heap[count[0]]
    while True:
        child = 2 * i + 1
        if child >= count[0]:
            break
        if child + 1 < count[0] and heap[child + 1].magnitude > heap[child].magnitude:
            child += 1
        if heap[child].magnitude <= last.magnitude:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = last
    return top


cdef void _integrate(Workshop* w, const float* past, const float* now, float least) noexcept nogil:
    """The seed of every bin: the order in which the heap reaches them."""
    cdef int count = 0, k, neighbour, step
    memset(w.seed, 0xff, sizeof(w.seed))
    for k in range(COUNT):
        if now[k] > least:
            _push(w.heap, &count, past[k], k)
    while count > 0:
        k = _pop(w.heap, &count)
        if k < COUNT:
            if w.seed[k] < 0:
                w.seed[k] = k
                _push(w.heap, &count, now[k], k + COUNT)
            continue
        k -= COUNT
        for step in range(-1, 2, 2):
            neighbour = k + step
            if 0 <= neighbour < COUNT and w.seed[neighbour] < 0 and now[neighbour] > least:
                w.seed[neighbour] = w.seed[k]
                _push(w.heap, &count, now[neighbour], neighbour + COUNT)
    if w.seed[0] < 0:
        w.seed[0] = 0
    for k in range(1, COUNT):
        if w.seed[k] < 0:
            w.seed[k] = w.seed[k - 1]


cdef int _store(Workshop* w, int64_t grid, uint16_t* lows, uint16_t* seeds, int16_t* offsets) noexcept nogil:
    """Write the regions of one frame; returns how many there are."""
    cdef const float* now = w.omega[grid % KEPT]
    cdef const float* past = w.omega[max(grid - LAG, 0) % KEPT]
    cdef int k, count = 0, seed
    cdef float omega
    for k in range(COUNT):
        seed = w.seed[k]
        if k > 0 and seed == w.seed[k - 1]:
            continue
        omega = now[seed]
        if fabsf(omega - past[seed]) < <float>2.0:
            omega = <float>0.5 * (omega + past[seed])
        lows[count] = <uint16_t>k
        seeds[count] = <uint16_t>seed
        offsets[count] = <int16_t>floor(omega * 8192.0 + 0.5)
        count += 1
    return count


cdef int _work(Workshop* w, const float* pcm, int64_t frames, int64_t first, int count, uint32_t* counts,
               uint16_t* lows, uint16_t* seeds, int16_t* offsets) noexcept nogil:
    """The regions of `count` frames of the grid; returns how many there are in all."""
    cdef int total = 0, i, found
    cdef int64_t grid
    cdef float greatest
    for i in range(count):
        grid = first + i
        greatest = _analyse(w, pcm, frames, grid)
        found = 0
        if greatest > _silence:
            _integrate(w, w.magnitude[max(grid - LAG, 0) % KEPT], w.magnitude[grid % KEPT],
                       _negligible * sqrtf(greatest))
            found = _store(w, grid, lows + total, seeds + total, offsets + total)
        counts[i] = found
        total += found
    return total


cdef void _mark(Workshop* w, const float* pcm, int64_t frames, int64_t onset, const uint16_t* lows,
                int regions, uint8_t* mask) noexcept nogil:
    """Set the bits of the bins that start afresh at an onset; `lows` are the regions just after it."""
    cdef int k, i, high
    cdef double whole = 0.0, steady = 0.0, old, new
    _load(pcm, frames, onset - AROUND, _window, w.z)
    _powers(w.z, w.before)
    _load(pcm, frames, onset + AROUND, _window, w.z)
    _powers(w.z, w.power)
    for k in range(COUNT):
        whole += w.power[k]
        if w.power[k] < _steady * w.before[k] and w.before[k] < _steady * w.power[k]:
            steady += w.power[k]
    if steady <= _little * whole or regions == 0:
        memset(mask, 0xff, MASK)
        return
    memset(mask, 0, MASK)
    for i in range(regions):
        high = lows[i + 1] if i + 1 < regions else COUNT
        old = 0.0
        new = 0.0
        for k in range(lows[i], high):
            old += w.before[k]
            new += w.power[k]
        if new > _grown * old:
            for k in range(lows[i], high):
                mask[k // 8] |= <uint8_t>(1 << (k % 8))


cdef class _Space:
    """Working memory: freed whatever happens."""
    cdef Workshop* w

    def __cinit__(self):
        self.w = <Workshop*>calloc(1, sizeof(Workshop))
        if self.w == NULL:
            raise MemoryError("no memory to analyse in")
        self.w.z = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
        self.w.d = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
        if self.w.z == NULL or self.w.d == NULL:
            raise MemoryError("no memory to analyse in")

    def __dealloc__(self):
        if self.w != NULL:
            fftwf_free(self.w.z)
            fftwf_free(self.w.d)
            free(self.w)


def find_regions(const float[:, ::1] pcm not None, const int64_t[::1] onsets not None):
    """The regions of a stem's spectra, every GRID_HOP frames from frame 0 on, and what onsets start afresh.

    Args:
        pcm: float32 (frames, 2), at least one frame.
        onsets: int64 (onsets,), frames, each inside the music.

    Returns `Regions`: `starts` uint32 (grid frames + 1,) the first region of each grid frame (none where it
    is silent: below -140 dBFS); `lows` uint16 the first bin of each region; `seeds` uint16 the bin that
    carries its phase; `offsets` int16 its frequency away from that bin, in 1/8192 bin; `resets` uint8
    (onsets, RESET_BYTES), one bit a bin. Raises ValueError, RuntimeError before `fft.prepare()`.
    Releases the GIL while it works. Thread: [ingest].
    """
    cdef int64_t frames = pcm.shape[0], first
    if frames < 1 or pcm.shape[1] != 2:
        raise ValueError(f"a stem is (frames, 2), not {(pcm.shape[0], pcm.shape[1])}")
    if not fft_is_ready():
        raise RuntimeError("fft.prepare() has not run")
    cdef _Space space = _Space()
    cdef int64_t grids = (frames + GRID - 1) // GRID + 1
    cdef int count, total
    cdef uint32_t[::1] counts = np.zeros(CHUNK, np.uint32)
    cdef uint16_t[::1] lows = np.empty(CHUNK * COUNT, np.uint16)
    cdef uint16_t[::1] seeds = np.empty(CHUNK * COUNT, np.uint16)
    cdef int16_t[::1] offsets = np.empty(CHUNK * COUNT, np.int16)
    parts = [[], [], [], []]
    for first in range(0, grids, CHUNK):
        count = <int>min(CHUNK, grids - first)
        with nogil:
            total = _work(space.w, &pcm[0, 0], frames, first, count, &counts[0], &lows[0], &seeds[0],
                          &offsets[0])
        parts[0].append(np.array(counts[:count]))
        parts[1].append(np.array(lows[:total]))
        parts[2].append(np.array(seeds[:total]))
        parts[3].append(np.array(offsets[:total]))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(parts[0]), dtype=np.uint64)]).astype(np.uint32)
    parts[1].append(np.zeros(1, np.uint16))     # so that there is a first one after the last, too
    joined = []
    for part in parts[1:]:
        joined.append(np.concatenate(part))
        part.clear()        # in 10 minutes they are hundreds of megabytes
    resets = _find_resets(space, pcm, onsets, starts, joined[0])
    return Regions(starts, joined[0][: joined[1].size], joined[1], joined[2], resets)


def _find_resets(_Space space, const float[:, ::1] pcm, const int64_t[::1] onsets, const uint32_t[::1] starts,
                 const uint16_t[::1] low):
    cdef int64_t frames = pcm.shape[0], onset, grid
    cdef int64_t grids = starts.shape[0] - 1
    cdef Py_ssize_t i
    cdef int regions
    resets = np.zeros((onsets.shape[0], MASK), np.uint8)
    cdef uint8_t[:, ::1] mask = resets
    for i in range(onsets.shape[0]):
        onset = onsets[i]
        if not 0 <= onset < frames:
            raise ValueError(f"the onset at frame {onset} is outside the music")
        grid = min((onset + AROUND + GRID // 2) // GRID, grids - 1)
        regions = <int>(starts[grid + 1] - starts[grid])
        with nogil:
            _mark(space.w, &pcm[0, 0], frames, onset, &low[starts[grid]], regions, &mask[i, 0])
    return resets
