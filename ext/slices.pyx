"""The drum stretcher: every stroke is copied as it is, and begins where the time map has it.

Between two onsets the recording runs on at its own speed. Faster, the tail before the next stroke is cut.
Slower, the tail is repeated: once most of the time to the next stroke has passed, reading jumps back to where
the waveform is most like itself (WSOLA: Verhelst & Roelands 1993), and the last jump is as long as it takes
to arrive exactly at the next stroke, so that nothing of it is heard early. Each repetition goes on at the
level that the sound had decayed to. Thread: [render].
"""
from libc.math cimport M_PI, ceil, cos, fabs, floor, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.elastic cimport Anchors, anchors_find, anchors_pass
from remixd._kernel.stem cimport StemView, stem_read

cdef enum:
    QUANTUM_MAX = 64
    LEAD = 96               # frames before an onset at which it is spliced in
    SPLICE = 64             # crossfade into a stroke: over before it sounds
    JOIN = 720              # crossfade into a repetition
    WHOLE = 9600            # frames after an onset that are never repeated, but for the share below
    LAG = 1200              # a jump is about so long at most
    LAG_MIN = 240
    ATTACK = 1200           # frames after an onset into which no jump leads
    LATE = 4800             # behind the map by more, it jumps ahead: there is no stroke to cut at
    WINDOW = 720            # frames compared
    DECIMATION = 4
    POINTS = WINDOW // DECIMATION
    SEARCH = LAG            # candidates at most, in frames
    CANDIDATES = SEARCH // DECIMATION + 1
    LATEST = JOIN + LEAD + QUANTUM_MAX      # frames before a stroke at which a repetition begins
    LEVEL = 480             # frames whose levels are compared
    LEVEL_POINTS = LEVEL // DECIMATION
    FAR = 48000

cdef double _share = 0.8    # of the time between two strokes, what is never repeated
cdef float[JOIN] _join      # raised cosine
cdef float[SPLICE] _splice


cdef void _make_fades() noexcept:
    cdef int i
    for i in range(JOIN):
        _join[i] = <float>(0.5 - 0.5 * cos(M_PI * (i + 0.5) / JOIN))
    for i in range(SPLICE):
        _splice[i] = <float>(0.5 - 0.5 * cos(M_PI * (i + 0.5) / SPLICE))


_make_fades()


cdef void slices_start(Slices* slices, const StemView* stem, bint loop, int64_t source) noexcept nogil:
    """Begin reading at `source`, which is where the map is."""
    memset(slices, 0, sizeof(Slices))
    anchors_find(&slices.anchors, stem, loop, source)
    slices.now.source = source
    slices.now.gain = 1.0


cdef void _jump(Slices* slices, int64_t source, float gain, int fade_frames) noexcept nogil:
    """Read on at `source`, crossfading from where reading is."""
    slices.fading = slices.now
    slices.now.source = source
    slices.now.gain = gain
    slices.fade_frames = fade_frames
    slices.faded = 0


cdef void _read(Slices* slices, const StemView* stem, bint loop, int frames, float* out) noexcept nogil:
    """The next frames, at most QUANTUM_MAX, as the streams stand."""
    cdef float[2 * QUANTUM_MAX] other
    cdef const float* fade = &_splice[0] if slices.fade_frames == SPLICE else &_join[0]
    cdef float share, gain = slices.now.gain
    cdef int i, here
    stem_read(stem, slices.now.source, frames, loop, out)
    slices.now.source += frames
    if gain != 1.0:
        for i in range(2 * frames):
            out[i] *= gain
    here = min(frames, slices.fade_frames - slices.faded)
    if here <= 0:
        return
    stem_read(stem, slices.fading.source, here, loop, other)
    slices.fading.source += here
    for i in range(here):
        share = fade[slices.faded + i]
        out[2 * i] = share * out[2 * i] + (1 - share) * slices.fading.gain * other[2 * i]
        out[2 * i + 1] = share * out[2 * i + 1] + (1 - share) * slices.fading.gain * other[2 * i + 1]
    slices.faded += here


cdef void _load(const StemView* stem, bint loop, int64_t start, int count, float* mono) noexcept nogil:
    """Every DECIMATION-th frame from `start` on, both channels together."""
    cdef float[2 * 256] frames
    cdef int i, done = 0, here
    while done < count:
        here = min(count - done, 256 // DECIMATION)
        stem_read(stem, start + done * DECIMATION, here * DECIMATION, loop, frames)
        for i in range(here):
            mono[done + i] = frames[2 * DECIMATION * i] + frames[2 * DECIMATION * i + 1]
        done += here


cdef int _best_lag(const StemView* stem, bint loop, int64_t source, int low, int high) noexcept nogil:
    """The distance back, in [low, high], at which the sound is most like that around `source`."""
    cdef float[POINTS] here
    cdef float[POINTS + CANDIDATES] there
    cdef int count = min((high - low) // DECIMATION + 1, <int>CANDIDATES)
    cdef int i, j, best = 0
    cdef float across, energy, score, greatest = -1e30
    _load(stem, loop, source - WINDOW // 2, POINTS, here)
    _load(stem, loop, source - WINDOW // 2 - low - (count - 1) * DECIMATION, POINTS + count - 1, there)
    for i in range(count):
        across = 0.0
        energy = <float>1e-9
        for j in range(POINTS):
            across += here[j] * there[i + j]
            energy += there[i + j] * there[i + j]
        score = across / <float>sqrt(energy)
        if score > greatest:
            greatest = score
            best = i
    return low + (count - 1 - best) * DECIMATION


cdef double _energy(const StemView* stem, bint loop, int64_t end) noexcept nogil:
    """Mean square of the LEVEL frames before `end`."""
    cdef float[LEVEL_POINTS] mono
    cdef double total = 1e-12
    cdef int i
    _load(stem, loop, end - LEVEL, LEVEL_POINTS, mono)
    for i in range(LEVEL_POINTS):
        total += mono[i] * mono[i]
    return total


cdef void _jump_by(Slices* slices, const StemView* stem, bint loop, int64_t lag) noexcept nogil:
    """Jump back by `lag` (ahead, where it is negative), to the level that the sound had decayed to."""
    cdef int64_t source = slices.now.source
    cdef double level = sqrt(_energy(stem, loop, source) / _energy(stem, loop, source - lag))
    cdef float gain = slices.now.gain
    if lag > 0:
        gain = max(gain * <float>min(level, 1.0), <float>0.01)
    # what is faded out reads on, and must not come to the next stroke
    _jump(slices, source - lag, gain, JOIN if source + JOIN <= slices.anchors.ahead - LEAD else SPLICE)


cdef void _repeat(Slices* slices, const StemView* stem, bint loop, double excess, double left) noexcept nogil:
    """Jump back, if it is time to, so that `excess` more frames are heard in the `left` to a stroke."""
    cdef const Anchors* anchors = &slices.anchors
    cdef int64_t since = slices.now.source - anchors.behind
    cdef int64_t room = since - ATTACK
    cdef double gap = anchors.ahead - anchors.behind, wanted
    cdef int jumps, low, high
    if since < min(min(<double>WHOLE, _share * gap), gap - LATEST) or room < LAG_MIN:
        return
    if slices.wait > 0 and since < gap - LATEST:
        return
    jumps = <int>ceil(excess / min(LAG, room))
    slices.wait = <int64_t>max(left / jumps, <double>JOIN)
    if jumps <= 1:
        _jump_by(slices, stem, loop, <int64_t>floor(excess + 0.5))
        return
    wanted = excess / jumps
    low = <int>max(0.6 * wanted, LAG_MIN)
    high = <int>min(min(1.4 * wanted, <double>room), low + <double>SEARCH)
    if high <= low:
        high = low
    _jump_by(slices, stem, loop, _best_lag(stem, loop, slices.now.source, low, high))


cdef void _steer(Slices* slices, const StemView* stem, bint loop, double nominal, double rate) noexcept nogil:
    """Jump, if it is time to, so that reading arrives at the next stroke as the map does."""
    cdef bint off
    cdef double ahead = slices.now.source - nominal
    cdef double left = (slices.anchors.ahead - nominal) / rate - LEAD
    cdef double excess = left - (slices.anchors.ahead - LEAD - slices.now.source)
    if slices.faded < slices.fade_frames:
        return
    if left <= JOIN:
        if excess >= SPLICE and left > SPLICE:          # the tempo fell: or the stroke would be heard twice
            _jump(slices, slices.now.source - <int64_t>ceil(excess), slices.now.gain, SPLICE)
    elif rate == 1.0:
        off = fabs(ahead) >= 0.5 or slices.now.gain != 1.0
        if off and slices.now.source - slices.anchors.behind >= ATTACK:
            _jump(slices, <int64_t>floor(nominal + 0.5), 1.0, JOIN)
    elif ahead < -LATE or (ahead > LATE and left > FAR):    # no stroke in sight: keep near the map
        _jump_by(slices, stem, loop, <int64_t>floor(ahead + 0.5))
    elif excess >= SPLICE // 2 and left <= FAR:
        _repeat(slices, stem, loop, excess, left)


cdef void slices_read(Slices* slices, const StemView* stem, bint loop, double nominal, double rate,
                      int frames, float* out) noexcept nogil:
    """The next frames of the output.

    Args:
        nominal: where the time map is at the first of them, in source frames.
        rate: its slope, source frames a frame, above 0.
        frames: at most 64.
        out: interleaved stereo.
    """
    cdef int done = 0, here
    cdef int64_t stroke
    cdef double due
    slices.wait -= frames
    _steer(slices, stem, loop, nominal, rate)
    while done < frames:
        stroke = slices.anchors.ahead - LEAD
        here = frames - done
        due = (slices.anchors.ahead - nominal) / rate - LEAD
        if due < frames:
            here = <int>min(max(ceil(due - 0.5) - done, 0.0), <double>here)
        if here > 0:
            _read(slices, stem, loop, here, out + 2 * done)
            done += here
        if done < frames:
            if slices.now.source != stroke or slices.now.gain != 1.0:
                _jump(slices, stroke, 1.0, SPLICE)
            slices.wait = 0
            anchors_pass(&slices.anchors, stem, loop)
