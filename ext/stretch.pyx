"""The tonal stretcher: a phase vocoder that finds nothing out while it plays.

One complex FFT serves both channels (`remixd._kernel.fft`); turning bin k by `theta` and bin N-k by `-theta`
keeps the stereo image as it is. Which bins turn together, and at which frequency, was found at ingest
(`remixd._kernel.regions`, phase-gradient heap integration after Prusa & Holighaus 2017): a region of seed s
turns on by `omega * (Hs - da)`, where `da` is how far the source went while the stretch went Hs. Where they
go together nothing turns, and where nothing is turned the frame is the stem itself: no FFT is needed.

Thread: [render], except the init functions.
"""
from libc.math cimport M_PI, cos, exp2
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from remixd._kernel.fft cimport (
    FRAME,
    HALF,
    HOP,
    OVERLAP,
    fft_backward,
    fft_forward,
    fft_is_ready,
    fftwf_complex,
    fftwf_free,
    fftwf_malloc,
)
from remixd._kernel.resample cimport RING
from remixd._kernel.stem cimport ENVELOPE_BINS, ENVELOPE_POINTS, StemView, TreeView, stem_span
from remixd._kernel.turning cimport turn_bins

cdef float[2 * FRAME] _window       # Hann, each value for left and right
cdef float[2 * FRAME] _synthesis    # the same, scaled so that overlapped w^2 sum to 1 after the inverse FFT
cdef float[2 * FRAME] _square       # w^2, scaled so that overlapped copies sum to 1


cdef void _make_windows() noexcept:
    cdef int i
    cdef double w
    for i in range(2 * FRAME):
        w = 0.5 - 0.5 * cos(2.0 * M_PI * (i // 2) / FRAME)
        _window[i] = <float>w
        _synthesis[i] = <float>(w * 2.0 / 3.0 / FRAME)
        _square[i] = <float>(w * w * 2.0 / 3.0)


_make_windows()


cdef int scratch_init(Scratch* scratch) except -1:
    """Allocate working memory. Thread: [housekeeping]."""
    if not fft_is_ready():
        raise RuntimeError("fft.prepare() has not run")
    scratch.z = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
    scratch.sum = <fftwf_complex*>fftwf_malloc(FRAME * sizeof(fftwf_complex))
    scratch.frame = <float*>fftwf_malloc(FRAME * 2 * sizeof(float))
    scratch.theta = <uint32_t*>fftwf_malloc(FRAME * sizeof(uint32_t))
    if scratch.z == NULL or scratch.sum == NULL or scratch.frame == NULL or scratch.theta == NULL:
        scratch_free(scratch)
        raise MemoryError("no memory to render in")
    return 0


cdef void scratch_free(Scratch* scratch) noexcept:
    fftwf_free(scratch.z)
    fftwf_free(scratch.sum)
    fftwf_free(scratch.frame)
    fftwf_free(scratch.theta)
    memset(scratch, 0, sizeof(Scratch))


cdef float* ring_new() except NULL:
    """A ring of RING stereo frames of silence. Thread: [housekeeping]."""
    cdef float* ring = <float*>fftwf_malloc(RING * 2 * sizeof(float))
    if ring == NULL:
        raise MemoryError("no memory for a stem")
    memset(ring, 0, RING * 2 * sizeof(float))
    return ring


cdef void ring_free(float* ring) noexcept:
    """Free what `ring_new` gave. Thread: [housekeeping]."""
    fftwf_free(ring)


cdef int stretch_init(Stretch* stretch, bint summed) except -1:
    """Allocate one stem's state, without a ring of its own if it is `summed`. Thread: [housekeeping]."""
    stretch.theta = <uint32_t*>fftwf_malloc(FRAME * sizeof(uint32_t))
    if stretch.theta == NULL:
        raise MemoryError("no memory for a stem")
    memset(stretch.theta, 0, FRAME * sizeof(uint32_t))
    stretch.turned = False
    if not summed:
        stretch.out = ring_new()
    return 0


cdef void stretch_free(Stretch* stretch) noexcept:
    fftwf_free(stretch.out)
    fftwf_free(stretch.theta)
    memset(stretch, 0, sizeof(Stretch))


cdef inline float* _hop(float* ring, int64_t hop) noexcept nogil:
    return ring + 2 * ((hop * HOP) & (RING - 1))


cdef void ring_open(float* ring, const Frame* frame) noexcept nogil:
    """Make room for a frame: what it does not add to but lays down is silent before it comes."""
    cdef int64_t hop
    memset(_hop(ring, frame.index + 1), 0, HOP * 2 * sizeof(float))
    if frame.copies >= OVERLAP:
        memset(_hop(ring, frame.index - 2), 0, HOP * 2 * sizeof(float))
    elif frame.copies_before >= OVERLAP:
        for hop in range(frame.index - 2, frame.index + 1):
            memset(_hop(ring, hop), 0, HOP * 2 * sizeof(float))


cdef void _overlap(float* ring, int64_t index, int skip, const float* frame, const float* window,
                   float gain) noexcept nogil:
    """Add a windowed frame to the ring, but for its first `skip` hops."""
    cdef int part, i
    cdef float* out
    cdef const float* src
    cdef const float* w
    for part in range(skip, OVERLAP):
        out = _hop(ring, index - OVERLAP // 2 + part)
        src = frame + 2 * part * HOP
        w = window + 2 * part * HOP
        for i in range(2 * HOP):
            out[i] += w[i] * (src[i] * gain)


cdef void _add_copy(float* ring, const StemView* stem, int64_t index, int64_t source, int skip, bint loop,
                    float gain, Scratch* scratch) noexcept nogil:
    """Overlap-add the stem itself, windowed, as frame `index`, but for the first `skip` hops of it."""
    cdef const float* src = stem_span(stem, source - HALF, FRAME, loop, scratch.frame)
    _overlap(ring, index, skip, src, _square, gain)


cdef void _add_hop(float* ring, const StemView* stem, const Frame* frame, bint loop,
                   Scratch* scratch) noexcept nogil:
    """Add one hop of the stem itself, at the gain that overlapped copies would have there."""
    cdef float* out = _hop(ring, frame.index - OVERLAP // 2)
    cdef float gain = frame.gains[0]
    cdef const float* src
    cdef int i
    if gain == frame.gains[1] == frame.gains[2] == frame.gains[3]:
        if gain == 0.0:
            return
        src = stem_span(stem, frame.source - HALF, HOP, loop, scratch.frame)
        for i in range(2 * HOP):
            out[i] += src[i] * gain
        return
    src = stem_span(stem, frame.source - HALF, HOP, loop, scratch.frame)
    for i in range(2 * HOP):
        gain = _square[i] * frame.gains[0] + _square[2 * HOP + i] * frame.gains[1]
        gain += _square[4 * HOP + i] * frame.gains[2] + _square[6 * HOP + i] * frame.gains[3]
        out[i] += src[i] * gain


cdef inline void _fill(uint32_t* theta, int low, int high, uint32_t turn) noexcept nogil:
    """Turn bins [low, high) by `turn`, and their mirrors the other way."""
    cdef int k
    for k in range(low, high):
        theta[k] = turn
    for k in range(FRAME - high + 1, FRAME - max(low, 1) + 1):
        theta[k] = 0 - turn


cdef void _carry(Stretch* stretch, const TreeView* tree, const uint32_t* old, int64_t source,
                 int64_t advance) noexcept nogil:
    """Turn each region so that its seed goes on in phase; `old` are the rotations of the frame before."""
    cdef int64_t grid = min(max((source + tree.hop // 2) // tree.hop, 0), tree.grids - 1)
    cdef uint32_t region, first = tree.starts[grid], end = tree.starts[grid + 1], omega
    cdef int low, high, seed
    for region in range(first, end):
        low = tree.lows[region]
        high = tree.lows[region + 1] if region + 1 < end else HALF + 1
        seed = tree.seeds[region]
        # 2^32 / N a bin, and offsets are in 1/8192 bin: 2^20 and 2^7
        omega = <uint32_t>((<int64_t>seed << 20) + (<int64_t>tree.offsets[region] << 7))
        _fill(stretch.theta, low, high, old[seed] + omega * <uint32_t>(HOP - advance))
    stretch.turned = True


cdef void _relax(Stretch* stretch, float factor) noexcept nogil:
    cdef int k
    for k in range(FRAME):
        stretch.theta[k] = <uint32_t><int32_t>(<int32_t>stretch.theta[k] * factor)
    stretch.turned = stretch.turned and factor > 0.0


cdef void stretch_reset(Stretch* stretch) noexcept nogil:
    """Turn nothing: what follows is in the recording's own phase."""
    if stretch.turned:
        memset(stretch.theta, 0, FRAME * sizeof(uint32_t))
        stretch.turned = False


cdef void _refresh(Stretch* stretch, const Frame* frame) noexcept nogil:
    """Bins that start afresh here are not turned."""
    cdef int i, byte, bit, k
    cdef uint8_t mask
    if frame.fresh:
        stretch_reset(stretch)
    if not stretch.turned:
        return
    for byte in range(HALF // 8 + 1):
        mask = 0
        for i in range(frame.masks_count):
            mask |= frame.masks[i][byte]
        if mask == 0:
            continue
        for bit in range(8):
            k = 8 * byte + bit
            if mask >> bit & 1 and k <= HALF:
                stretch.theta[k] = 0
                stretch.theta[(FRAME - k) & (FRAME - 1)] = 0


cdef void _turn_on(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                   Scratch* scratch) noexcept nogil:
    """The rotations of this frame, from those of the one before."""
    cdef int64_t source = frame.source % stem.frames if loop else frame.source
    if source < 0:
        source += stem.frames
    if frame.advance != HOP and not frame.fresh:
        memcpy(scratch.theta, stretch.theta, FRAME * sizeof(uint32_t))
        _carry(stretch, &stem.tree, scratch.theta, source, frame.advance)
    if frame.fresh or frame.masks_count > 0:
        _refresh(stretch, frame)
    if frame.relax != 1.0:
        _relax(stretch, frame.relax)


cdef void _keep_formants(fftwf_complex* z, const TreeView* tree, int64_t source,
                         double transpose) noexcept nogil:
    """Multiply by E(k * p) / E(k), so that the envelope E is where it was once transposed by p."""
    cdef int64_t grid = min(max((source + tree.hop // 2) // tree.hop, 0), tree.grids - 1)
    cdef const uint8_t* envelope = tree.envelope + grid * ENVELOPE_POINTS
    cdef float[ENVELOPE_POINTS + 1] gain
    cdef int point, low, k, m
    cdef double at, wanted
    cdef float g
    for point in range(ENVELOPE_POINTS):
        at = min(point * transpose, <double>(ENVELOPE_POINTS - 1))
        low = min(<int>at, ENVELOPE_POINTS - 2)
        wanted = envelope[low] + (at - low) * (<double>envelope[low + 1] - <double>envelope[low])
        wanted = min(max(wanted - envelope[point], -80.0), 48.0)    # -40 to +24 dB
        gain[point] = <float>exp2(wanted * 0.5 / 6.020599913279624)
    gain[ENVELOPE_POINTS] = gain[ENVELOPE_POINTS - 1]
    for k in range(1, HALF):
        m = FRAME - k
        point = k // ENVELOPE_BINS
        g = <float>(k % ENVELOPE_BINS) * <float>(1.0 / ENVELOPE_BINS)
        g = gain[point] * (1 - g) + gain[point + 1] * g
        z[k][0] *= g
        z[k][1] *= g
        z[m][0] *= g
        z[m][1] *= g


cdef void _spectrum(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                    Scratch* scratch) noexcept nogil:
    """The frame's spectrum, turned, and without what would alias when transposed, in `scratch.z`."""
    cdef float* z = <float*>scratch.z
    cdef const float* src = stem_span(stem, frame.source - HALF, FRAME, loop, scratch.frame)
    cdef int i, cutoff
    for i in range(2 * FRAME):
        z[i] = _window[i] * src[i]
    fft_forward(scratch.z)
    if stretch.turned:
        turn_bins(z, stretch.theta, FRAME)
    if frame.formants and frame.transpose != 1.0 and stem.tree.envelope != NULL:
        _keep_formants(scratch.z, &stem.tree, frame.source % stem.frames if loop else frame.source,
                       frame.transpose)
    if frame.transpose > 1.0:
        cutoff = <int>(HALF / frame.transpose)
        memset(&scratch.z[cutoff], 0, (FRAME - 2 * cutoff + 1) * sizeof(fftwf_complex))


cdef bint _is_itself(const Stretch* stretch, const Frame* frame) noexcept nogil:
    """Whether the frame is the stem itself: nothing turned, nothing left out."""
    if frame.kind == FRAME_COPY:
        return True
    return not stretch.turned and frame.transpose <= 1.0 and not (frame.formants and frame.transpose != 1.0)


cdef bint _is_silent(const TreeView* tree, const StemView* stem, const Frame* frame,
                     bint loop) noexcept nogil:
    """Whether nothing sounds under the frame's window."""
    cdef int64_t source = frame.source % stem.frames if loop else frame.source
    cdef int64_t grid = source // tree.hop
    if source < FRAME or source + FRAME >= stem.frames:     # a loop may sound beyond its end
        return False
    return tree.starts[grid - 1] == tree.starts[grid + 3]


cdef bint _begin_frame(Stretch* stretch, float* ring, const StemView* stem, const Frame* frame, bint loop,
                       Scratch* scratch) noexcept nogil:
    """What a frame needs before its spectrum; whether that is still to be added.

    In a run of COPY frames the hop is the stem itself, bit for bit. When the run ends, its last three frames
    are laid down as windowed copies, so that the first rotated frame overlaps with something.
    """
    cdef int back
    if frame.copies >= OVERLAP:
        _add_hop(ring, stem, frame, loop, scratch)
        return False
    if frame.copies_before >= OVERLAP:
        for back in range(1, OVERLAP):
            _add_copy(ring, stem, frame.index - back, frame.source - frame.advance - (back - 1) * HOP,
                      back, loop, frame.gains[back], scratch)
    if frame.kind == FRAME_ROTATE:
        _turn_on(stretch, stem, frame, loop, scratch)
    else:
        stretch_reset(stretch)
    if frame.gains[0] == 0.0 or _is_silent(&stem.tree, stem, frame, loop):
        return False
    if _is_itself(stretch, frame):
        _add_copy(ring, stem, frame.index, frame.source, 0, loop, frame.gains[0], scratch)
        return False
    _spectrum(stretch, stem, frame, loop, scratch)
    return True


cdef void stretch_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop,
                        Scratch* scratch) noexcept nogil:
    """Work one frame into the stem's own ring. Afterwards hop `index - 2` and all before it are final."""
    ring_open(stretch.out, frame)
    if _begin_frame(stretch, stretch.out, stem, frame, loop, scratch):
        fft_backward(scratch.z)
        _overlap(stretch.out, frame.index, 0, <const float*>scratch.z, _synthesis, 1.0)


cdef void sum_frame(Stretch* stretch, const StemView* stem, const Frame* frame, bint loop, Scratch* scratch,
                    float* ring) noexcept nogil:
    """Add one frame of one stem, at its gain, to what all stems share: the ring, or the spectrum."""
    cdef const float* z = <const float*>scratch.z
    cdef float* total = <float*>scratch.sum
    cdef float gain = frame.gains[0]
    cdef int i
    if not _begin_frame(stretch, ring, stem, frame, loop, scratch):
        return
    if scratch.summed:
        for i in range(2 * FRAME):
            total[i] += gain * z[i]
    else:
        for i in range(2 * FRAME):
            total[i] = gain * z[i]
    scratch.summed = True


cdef void sum_finish(float* ring, int64_t index, Scratch* scratch) noexcept nogil:
    """One inverse FFT for all stems. Afterwards hop `index - 2` and all before it are final."""
    if scratch.summed:
        fft_backward(scratch.sum)
        _overlap(ring, index, 0, <const float*>scratch.sum, _synthesis, 1.0)
        scratch.summed = False
