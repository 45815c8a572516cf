"""Elastic maps: where a tonal stem is read, so that notes begin, and decay, as they were played.

A stretch that is even everywhere smears attacks and slows decays. So each stem follows the time map at its
onsets, and takes its own way between them: around an onset it runs at the speed of the recording, then goes
on so as long as it is near the map, and what is left over is taken up, evenly, before the next onset.
(Non-uniform stretching goes back to Bonada 2000, "Automatic technique in frequency domain for near-lossless
time-scale modification of audio"; here the analysis is done beforehand.)

The way depends on where the frames are, on the map and the onsets only; it aims anew at every frame, so it
arrives however the tempo moves. Thread: [render].
"""
from libc.math cimport fabs, floor
from libc.stdint cimport int64_t

from remixd._kernel.fft cimport HOP
from remixd._kernel.stem cimport MASK_BYTES, StemView

cdef enum:
    BEFORE = 1536           # frames run at speed 1 before an onset, at most
    AFTER = 20000           # and after it
    AFTER_SUNG = 700        # the same of voices, whose vowels are stretched, not left to decay
    ATTACK = 1024           # of these, so many run so on the stretched time line, even when transposed
    RESET = 1024            # an onset's regions start afresh in the first frame that is so near to it
    DEVIATION = 1440        # further than this from the map, 30 ms, a stem begins to come back
    DEVIATION_SUNG = 480
    REST = 288              # frames a hop by which it comes back to a map that stands at speed 1
    CIRCLE_MIN = 8192       # a shorter loop has no onsets
    SECOND = 48000

cdef double _share = 0.85   # of the time between two onsets, what may run at speed 1


cdef int64_t nowhere() noexcept nogil:
    """A position before everything, from which any other is a jump."""
    return -(<int64_t>1 << 50)


cdef int64_t _never() noexcept nogil:
    return <int64_t>1 << 50


cdef int64_t _position(const Anchors* anchors, const StemView* stem, bint loop) noexcept nogil:
    """Where the anchor `index` of `lap` is."""
    if stem.frames < CIRCLE_MIN or (not loop and anchors.lap + (anchors.index >= 0) > 1):
        return _never()
    if anchors.index < 0:
        return anchors.lap * stem.frames
    return anchors.lap * stem.frames + stem.tree.onsets[anchors.index]


cdef void anchors_pass(Anchors* anchors, const StemView* stem, bint loop) noexcept nogil:
    """Go on to the next anchor."""
    anchors.behind = anchors.ahead
    while anchors.ahead <= anchors.behind:
        anchors.index += 1
        if anchors.index >= stem.tree.onsets_count:
            anchors.index = -1
            anchors.lap += 1
        anchors.ahead = _position(anchors, stem, loop)


cdef void anchors_find(Anchors* anchors, const StemView* stem, bint loop, int64_t source) noexcept nogil:
    """Take `source` for the anchor behind, and find the first after it."""
    cdef int64_t low = 0, high = stem.tree.onsets_count, middle, within
    anchors.lap = <int64_t>floor(<double>source / stem.frames)
    if not loop:
        anchors.lap = min(max(anchors.lap, 0), 1)
    within = source - anchors.lap * stem.frames
    while low < high:
        middle = (low + high) // 2
        if stem.tree.onsets[middle] > within:
            high = middle
        else:
            low = middle + 1
    anchors.index = low
    anchors.behind = source
    if low == stem.tree.onsets_count:
        anchors.index = -1
        anchors.lap += 1
    anchors.ahead = _position(anchors, stem, loop)


cdef void elastic_start(Elastic* elastic, const StemView* stem, bint loop, bint sung,
                        int64_t source) noexcept nogil:
    """Begin at a frame whose centre is `source`, on the map."""
    elastic.sung = sung
    anchors_find(&elastic.anchors, stem, loop, source)
    elastic.source = source
    elastic.begun = source
    elastic.masks_count = 0
    elastic.fresh = False


cdef void _begin(Elastic* elastic, const StemView* stem) noexcept nogil:
    """The regions of the anchor ahead start afresh."""
    cdef const Anchors* anchors = &elastic.anchors
    if elastic.begun == anchors.ahead:
        return
    elastic.begun = anchors.ahead
    if anchors.index < 0 or elastic.masks_count == MASKS_MAX or stem.tree.grids == 0:
        elastic.fresh = True
        return
    elastic.masks[elastic.masks_count] = stem.tree.resets + anchors.index * MASK_BYTES
    elastic.masks_count += 1


cdef int64_t elastic_advance(Elastic* elastic, const StemView* stem, bint loop, double nominal, double rate,
                             double speed) noexcept nogil:
    """The source frame at the centre of the next frame, one HOP on; also what starts afresh there.

    Args:
        nominal: where the time map is at that centre, in source frames.
        rate: its slope there, source frames a stretched frame, above 0.
        speed: of the recording on the stretched time line: 1 / pitch ratio.
    """
    cdef Anchors* anchors = &elastic.anchors
    cdef int64_t even = elastic.source + HOP
    cdef double gap, left, share, before, after, deviation, aim
    elastic.masks_count = 0
    elastic.fresh = False
    while anchors.ahead <= nominal:
        _begin(elastic, stem)
        anchors_pass(anchors, stem, loop)
    if rate == 1.0 and speed == 1.0:
        elastic.source = <int64_t>floor(min(max(nominal, even - REST), even + REST) + 0.5)
        return elastic.source
    gap = min(<double>(anchors.ahead - anchors.behind), nominal - anchors.behind + rate * SECOND)
    left = (anchors.behind + gap - nominal) / rate
    share = _share * min(max(3.0 - rate, 0.0), 1.0) * min(gap, gap / rate)
    before = min(<double>BEFORE, 0.4 * share)
    after = min(<double>AFTER_SUNG if elastic.sung else <double>AFTER, share - before)
    deviation = DEVIATION_SUNG if elastic.sung else DEVIATION
    if anchors.ahead < _never() and left <= min(RESET, max(before, HOP // 2)):
        _begin(elastic, stem)
    if left <= before:
        aim = anchors.behind + gap - left
        if fabs(aim - even) < 0.75:
            aim = even
    else:
        aim = even if elastic.source < anchors.behind + ATTACK else elastic.source + HOP * speed
        if elastic.source >= anchors.behind + after or fabs(aim - nominal) > deviation:
            aim = anchors.behind + gap - before
            aim = elastic.source + (aim - elastic.source) * HOP / (left - before + HOP)
            aim = min(max(aim, nominal - 1.5 * deviation), nominal + 1.5 * deviation)
    elastic.source = <int64_t>floor(aim + 0.5)
    return elastic.source
