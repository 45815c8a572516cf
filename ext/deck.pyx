"""Decks: the one time map that every stem of a track follows, and the frames planned along it.

The map is a row of steps of 64 output frames. Each step says where it starts in the source and on the tonal
lane (the stretched time line that pitch resamples), in fixed point, so that nothing ever drifts. Steps are
fixed only as far ahead as the frames need that sound now: `(N/2 + Hs) / min(p, 1)` frames. All of it depends
on the absolute sample alone, never on how a caller cuts its blocks.

Thread: [render], except `deck_init`, `deck_start` and `deck_free`.
"""
from libc.math cimport exp2, llround
from libc.stdint cimport int64_t

from remixd._kernel.stretch cimport (
    FIX,
    FRAME,
    FRAME_COPY,
    FRAME_GRAIN,
    FRAME_ROTATE,
    Frame,
    HOP,
    Scratch,
    TAPS,
    stretch_frame,
    stretch_free,
    stretch_init,
    stretch_read,
)

cdef enum:
    OVERLAP = FRAME // HOP
    ONE = 1 << FIX
    COPIES_MAX = 1 << 20


cdef int64_t NOWHERE = -(<int64_t>1 << 50)     # no frame before: any advance from here is a jump


cdef double glide_value(const Glide* glide, int64_t step) noexcept nogil:
    """The value during one step; from `start + steps - 1` on exactly `value_to`."""
    cdef int64_t done = step - glide.start + 1
    if done >= glide.steps:
        return glide.value_to
    if done <= 0:
        return glide.value_from
    return glide.value_from + (glide.value_to - glide.value_from) * done / glide.steps


cdef void glide_to(Glide* glide, double value, int64_t start, int64_t steps) noexcept nogil:
    """Retarget the glide: from wherever it is at `start`, on to `value`."""
    glide.value_from = glide_value(glide, start - 1)
    glide.value_to = value
    glide.start = start
    glide.steps = steps


cdef int deck_init(Deck* deck) except -1:
    """Allocate the stretchers of `stems_count` stems. Thread: [housekeeping]."""
    cdef int i
    for i in range(deck.stems_count):
        stretch_init(&deck.stretches[i])
        deck.lanes[deck.lane_of[i]].used = True
    deck.lanes[LANE_FLAT].kind = LANE_FLAT
    deck.lanes[LANE_TONAL].kind = LANE_TONAL
    return 0


cdef void deck_free(Deck* deck) noexcept:
    """Free what `deck_init` allocated. Thread: [housekeeping]."""
    cdef int i
    for i in range(deck.stems_count):
        stretch_free(&deck.stretches[i])


cdef void deck_start(Deck* deck, int64_t start, double tempo, double pitch) noexcept:
    """Put the playhead on source frame `start`, at rest at a tempo ratio and a pitch in semitones."""
    cdef int kind
    cdef Lane* lane
    deck.end_step = 0
    deck.end_source = start << FIX
    deck.end_stretched = 0
    deck.tempo = Glide(tempo, tempo, 0, 1)
    deck.pitch = Glide(pitch, pitch, 0, 1)
    for kind in range(2):
        lane = &deck.lanes[kind]
        lane.step = 0
        if tempo == 1.0 and (kind == LANE_FLAT or pitch == 0.0):
            lane.next_frame = 2         # as if the music had always been playing
            lane.source = start + HOP
            lane.copies = OVERLAP
        else:
            lane.next_frame = -1
            lane.source = NOWHERE
            lane.copies = 0


cdef int64_t _land(int64_t position, int* landing, int64_t grain) noexcept nogil:
    """What to add in one step so that `position` comes to rest on a whole frame, in LANDING steps."""
    cdef int64_t off = ((position + ONE // 2) & ~<int64_t>(ONE - 1)) - position
    if off == 0:
        landing[0] = 0
        return 0
    if landing[0] == 0:
        landing[0] = LANDING
    cdef int64_t share = off if landing[0] == 1 else off // (landing[0] * grain) * grain
    landing[0] -= 1
    return share


cdef void deck_extend(Deck* deck) noexcept nogil:
    """Fix one more step of the map."""
    cdef Step* step = &deck.steps[deck.end_step % STEPS]
    cdef double tempo = glide_value(&deck.tempo, deck.end_step)
    cdef double pitch = glide_value(&deck.pitch, deck.end_step)
    step.source = deck.end_source
    step.stretched = deck.end_stretched
    if tempo == 1.0:
        step.source_rate = QUANTUM * <int64_t>ONE + _land(step.source, &deck.source_landing, 1)
    else:
        deck.source_landing = 0
        step.source_rate = llround(tempo * QUANTUM * ONE)
    if pitch == 0.0:
        step.stretched_rate = ONE + _land(step.stretched, &deck.stretched_landing, QUANTUM) // QUANTUM
    else:
        deck.stretched_landing = 0
        step.stretched_rate = llround(exp2(pitch / 12.0) * ONE)
    step.source_whole = step.source_rate == QUANTUM * <int64_t>ONE and step.source & (ONE - 1) == 0
    step.stretched_whole = step.stretched_rate == ONE and step.stretched & (ONE - 1) == 0
    deck.end_source += step.source_rate
    deck.end_stretched += QUANTUM * step.stretched_rate
    deck.end_step += 1


cdef int64_t _last_frame(const Deck* deck, const Lane* lane, int64_t quantum) noexcept nogil:
    """The last frame that one quantum of output needs. The map must hold the quantum's own step."""
    cdef const Step* step = &deck.steps[quantum % STEPS]
    cdef int64_t end = (quantum + 1) * QUANTUM - 1
    if lane.kind == LANE_TONAL:
        end = ((step.stretched + QUANTUM * step.stretched_rate) >> FIX) + TAPS // 2 + 1
    return end // HOP + OVERLAP // 2


cdef bint deck_wants_map(const Deck* deck, int64_t quantum) noexcept nogil:
    """Whether a step more must be fixed before `quantum` can be rendered."""
    if deck.end_step <= quantum:
        return True
    if deck.lanes[LANE_FLAT].used:
        if deck.end_step * QUANTUM <= _last_frame(deck, &deck.lanes[LANE_FLAT], quantum) * HOP:
            return True
    if deck.lanes[LANE_TONAL].used:
        if deck.end_stretched >> FIX <= _last_frame(deck, &deck.lanes[LANE_TONAL], quantum) * HOP:
            return True
    return False


cdef int64_t _centre(const Deck* deck, const Lane* lane, int64_t* at_step) noexcept nogil:
    """Source frame, rounded, at the centre of the lane's next frame, and the step that it lies in."""
    cdef const Step* step
    cdef int64_t centre = lane.next_frame * HOP, index = lane.step, source
    if lane.kind == LANE_FLAT:
        index = max(centre // QUANTUM, 0)
        step = &deck.steps[index % STEPS]
        source = step.source + step.source_rate * (centre // QUANTUM - index)
    else:
        while index + 1 < deck.end_step and deck.steps[(index + 1) % STEPS].stretched <= centre << FIX:
            index += 1
        step = &deck.steps[index % STEPS]
        source = step.source + llround(
            <double>step.source_rate * <double>((centre << FIX) - step.stretched)
            / (<double>QUANTUM * step.stretched_rate)
        )
    at_step[0] = index
    return (source + ONE // 2) >> FIX


cdef void _plan(const Deck* deck, Lane* lane, Frame* frame) noexcept nogil:
    """Decide what every stem of the lane does at its next frame."""
    cdef int64_t at_step = lane.step, i
    cdef bint whole = True
    frame.index = lane.next_frame
    frame.source = _centre(deck, lane, &at_step)
    frame.advance = frame.source - lane.source
    frame.copies_before = lane.copies
    frame.relax = 1.0
    frame.cutoff = FRAME
    for i in range(lane.step, at_step + 1):
        whole = whole and deck.steps[i % STEPS].source_whole
        whole = whole and (lane.kind == LANE_FLAT or deck.steps[i % STEPS].stretched_whole)
    if not whole or frame.advance != HOP:
        lane.relaxed = 0
        lane.copies = 0
        frame.kind = FRAME_ROTATE if 0 < frame.advance <= FRAME else FRAME_GRAIN
    elif lane.copies > 0 or lane.relaxed + 1 >= RELAX:
        lane.copies = min(lane.copies + 1, COPIES_MAX)
        frame.kind = FRAME_COPY
    else:
        lane.relaxed += 1
        frame.relax = <float>(RELAX - lane.relaxed) / <float>(RELAX - lane.relaxed + 1)
        frame.kind = FRAME_ROTATE
    frame.copies = lane.copies
    if lane.kind == LANE_TONAL and deck.steps[at_step % STEPS].stretched_rate > ONE:
        frame.cutoff = <int>(<int64_t>(FRAME // 2) * ONE // deck.steps[at_step % STEPS].stretched_rate)
    lane.source = frame.source
    lane.step = at_step
    lane.next_frame += 1


cdef void deck_advance(Deck* deck, int64_t quantum, Scratch* scratch) noexcept nogil:
    """Work the frames that `quantum` needs. `deck_wants_map` must be false."""
    cdef Frame frame
    cdef Lane* lane
    cdef int kind, i
    for kind in range(2):
        lane = &deck.lanes[kind]
        if not lane.used:
            continue
        while lane.next_frame <= _last_frame(deck, lane, quantum):
            _plan(deck, lane, &frame)
            for i in range(deck.stems_count):
                if deck.lane_of[i] == kind:
                    stretch_frame(&deck.stretches[i], &deck.stems[i], &frame, deck.loop, scratch)


cdef void deck_read(const Deck* deck, int stem, int64_t quantum, float* out) noexcept nogil:
    """One stem's QUANTUM frames of one quantum, interleaved stereo. `deck_advance` must have run."""
    cdef const Step* step = &deck.steps[quantum % STEPS]
    if deck.lane_of[stem] == LANE_FLAT:
        stretch_read(&deck.stretches[stem], (quantum * QUANTUM) << FIX, ONE, QUANTUM, out)
    else:
        stretch_read(&deck.stretches[stem], step.stretched, step.stretched_rate, QUANTUM, out)


cdef int64_t deck_end_position(const Deck* deck) noexcept nogil:
    """Source position at the open end of the map, FIX fractional bits."""
    return deck.end_source % (deck.length << FIX) if deck.loop else deck.end_source


cdef int64_t deck_position(const Deck* deck, int64_t sample) noexcept nogil:
    """Source position at an output sample whose step the map still holds, FIX fractional bits."""
    cdef const Step* step = &deck.steps[(sample // QUANTUM) % STEPS]
    cdef int64_t position = step.source + step.source_rate * (sample % QUANTUM) // QUANTUM
    if deck.loop:
        position %= deck.length << FIX
    return position
