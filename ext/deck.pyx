"""Decks: the one time map that every stem of a track follows, and the frames planned along it.

The map is a row of steps of 64 output frames. Each step says where it starts in the source and on the tonal
lane (the stretched time line that pitch resamples), in fixed point, so that nothing ever drifts. Steps are
fixed only as far ahead as the frames need that sound now: `(N/2 + Hs) / min(p, 1)` frames. All of it depends
on the absolute sample alone, never on how a caller cuts its blocks.

Thread: [render], except `deck_init`, `deck_start` and `deck_free`.
"""
from libc.math cimport exp2, llround
from libc.stdint cimport int64_t

from remixd._kernel.elastic cimport elastic_advance, elastic_start, nowhere
from remixd._kernel.fft cimport HOP, OVERLAP
from remixd._kernel.resample cimport FIX, TAPS, resample
from remixd._kernel.slices cimport slices_read, slices_start
from remixd._kernel.stretch cimport (
    FRAME_COPY,
    FRAME_GRAIN,
    FRAME_ROTATE,
    Frame,
    Scratch,
    ring_free,
    ring_new,
    ring_open,
    stretch_frame,
    stretch_free,
    stretch_init,
    sum_finish,
    sum_frame,
)

cdef enum:
    ONE = 1 << FIX
    COPIES_MAX = 1 << 20
    ADVANCE_MAX = 4096      # frames further apart than a window have nothing to be in phase with


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


cdef int deck_init(Deck* deck, bint summed) except -1:
    """Allocate the stretchers of `stems_count` stems. Thread: [housekeeping].

    Args:
        summed: whether tonal stems share one ring, their gains acting in the spectrum; else each has its own,
            their frames taking turns.
    """
    cdef int i, j
    cdef Voice* voice
    if summed:
        deck.sum = ring_new()
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        if voice.lane != LANE_DRUMS:
            voice.shift = 0 if summed else i * (HOP // STEMS_MAX)
            stretch_init(&voice.stretch, summed)
        for j in range(4):
            voice.gains[j] = 1.0
    return 0


cdef void deck_free(Deck* deck) noexcept:
    """Free what `deck_init` allocated. Thread: [housekeeping]."""
    cdef int i
    for i in range(deck.stems_count):
        stretch_free(&deck.voices[i].stretch)
    ring_free(deck.sum)


cdef void deck_start(Deck* deck, int64_t start, double tempo, double pitch) noexcept:
    """Put the playhead on source frame `start`, at rest at a tempo ratio and a pitch in semitones."""
    cdef int i
    cdef Voice* voice
    deck.end_step = 0
    deck.end_source = start << FIX
    deck.end_stretched = 0
    deck.tempo = Glide(tempo, tempo, 0, 1)
    deck.pitch = Glide(pitch, pitch, 0, 1)
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        voice.step = 0
        if voice.lane == LANE_DRUMS:
            slices_start(&voice.slices, &voice.stem, deck.loop, start)
        elif tempo == 1.0 and pitch == 0.0:
            voice.next_frame = 2         # as if the music had always been playing
            voice.source = start + HOP - voice.shift
            voice.copies = OVERLAP
        else:
            voice.next_frame = -1
            voice.source = nowhere()
            voice.copies = 0


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


cdef int64_t _last_frame(const Deck* deck, const Voice* voice, int64_t quantum) noexcept nogil:
    """The last frame that one quantum of output needs. The map must hold the quantum's own step."""
    cdef const Step* step = &deck.steps[quantum % STEPS]
    cdef int64_t end = ((step.stretched + QUANTUM * step.stretched_rate) >> FIX) + TAPS // 2 + 1
    return (end + voice.shift) // HOP + OVERLAP // 2


cdef bint deck_wants_map(const Deck* deck, int64_t quantum) noexcept nogil:
    """Whether a step more must be fixed before `quantum` can be rendered."""
    cdef const Voice* voice
    cdef int i
    if deck.end_step <= quantum:
        return True
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        if voice.lane != LANE_DRUMS:
            if deck.end_stretched >> FIX <= _last_frame(deck, voice, quantum) * HOP - voice.shift:
                return True
    return False


cdef double _nominal(const Deck* deck, const Voice* voice, int64_t* at_step, double* rate) noexcept nogil:
    """Where the map is at the centre of the voice's next frame, in source frames, the step and the slope."""
    cdef const Step* step
    cdef int64_t centre = voice.next_frame * HOP - voice.shift, index = voice.step
    while index + 1 < deck.end_step and deck.steps[(index + 1) % STEPS].stretched <= centre << FIX:
        index += 1
    step = &deck.steps[index % STEPS]
    at_step[0] = index
    rate[0] = <double>step.source_rate / (<double>QUANTUM * step.stretched_rate)
    return <double>(step.source + llround(<double>((centre << FIX) - step.stretched) * rate[0])) / ONE


cdef bint _runs_whole(const Deck* deck, const Voice* voice, int64_t at_step) noexcept nogil:
    """Whether the map runs 1:1 on whole frames from the frame before up to `at_step`."""
    cdef int64_t i
    for i in range(voice.step, at_step + 1):
        if not (deck.steps[i % STEPS].source_whole and deck.steps[i % STEPS].stretched_whole):
            return False
    return True


cdef int64_t _source(Deck* deck, Voice* voice, double nominal, double rate, double speed, bint whole,
                     Frame* frame) noexcept nogil:
    """The source frame at the centre of the voice's next frame; also what starts afresh there."""
    cdef int64_t source = llround(nominal)
    cdef int i
    frame.masks_count = 0
    frame.fresh = False
    if whole and voice.copies > 0:
        return source
    if voice.source == nowhere():
        elastic_start(&voice.elastic, &voice.stem, deck.loop, voice.lane == LANE_VOCALS, source)
        return source
    if voice.copies > 0:
        elastic_start(&voice.elastic, &voice.stem, deck.loop, voice.lane == LANE_VOCALS, voice.source)
    source = elastic_advance(&voice.elastic, &voice.stem, deck.loop, nominal, rate, speed)
    frame.fresh = voice.elastic.fresh
    frame.masks_count = voice.elastic.masks_count
    for i in range(frame.masks_count):
        frame.masks[i] = voice.elastic.masks[i]
    return source


cdef void _plan(Deck* deck, Voice* voice, Frame* frame) noexcept nogil:
    """Decide what a stem does at its next frame."""
    cdef int64_t at_step = voice.step
    cdef double rate
    cdef double nominal = _nominal(deck, voice, &at_step, &rate)
    cdef double transpose = <double>deck.steps[at_step % STEPS].stretched_rate / ONE
    cdef bint whole = _runs_whole(deck, voice, at_step)
    frame.index = voice.next_frame
    frame.gains = voice.gains
    frame.source = _source(deck, voice, nominal, rate, 1.0 / transpose, whole, frame)
    frame.advance = frame.source - voice.source
    frame.copies_before = voice.copies
    frame.relax = 1.0
    frame.transpose = transpose
    frame.formants = voice.lane == LANE_VOCALS
    if not whole or frame.advance != HOP or frame.source != nominal:
        voice.relaxed = 0
        voice.copies = 0
        frame.kind = FRAME_ROTATE if 0 < frame.advance <= ADVANCE_MAX else FRAME_GRAIN
    elif voice.copies > 0 or voice.relaxed + 1 >= RELAX:
        voice.copies = min(voice.copies + 1, COPIES_MAX)
        frame.kind = FRAME_COPY
    else:
        voice.relaxed += 1
        frame.relax = <float>(RELAX - voice.relaxed) / <float>(RELAX - voice.relaxed + 1)
        frame.kind = FRAME_ROTATE
    frame.copies = voice.copies
    voice.source = frame.source
    voice.step = at_step
    voice.next_frame += 1


cdef void _take_gain(Voice* voice, float gain) noexcept nogil:
    cdef int i
    for i in range(3, 0, -1):
        voice.gains[i] = voice.gains[i - 1]
    voice.gains[0] = gain


cdef void _sum(Deck* deck, int64_t index, const float* gains, Scratch* scratch) noexcept nogil:
    """Work one frame of all stems that share a ring: the stems themselves only where all of them are."""
    cdef Frame[STEMS_MAX] frames
    cdef Voice* voice
    cdef int i, copies = COPIES_MAX, copies_before = COPIES_MAX
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        if voice.lane != LANE_DRUMS:
            _take_gain(voice, gains[i])
            _plan(deck, voice, &frames[i])
            copies = min(copies, frames[i].copies)
            copies_before = min(copies_before, frames[i].copies_before)
    for i in range(deck.stems_count):
        frames[i].index = index
        frames[i].copies = copies
        frames[i].copies_before = copies_before
    ring_open(deck.sum, &frames[0])
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        if voice.lane != LANE_DRUMS:
            sum_frame(&voice.stretch, &voice.stem, &frames[i], deck.loop, scratch, deck.sum)
    sum_finish(deck.sum, index, scratch)


cdef void _advance_sum(Deck* deck, int64_t quantum, const float* gains, Scratch* scratch) noexcept nogil:
    """`deck_advance` where stems share a ring: they are all at the same frame."""
    cdef const Voice* first = NULL
    cdef int i
    for i in range(deck.stems_count):
        if deck.voices[i].lane != LANE_DRUMS:
            first = &deck.voices[i]
    while first != NULL and first.next_frame <= _last_frame(deck, first, quantum):
        _sum(deck, first.next_frame, gains, scratch)


cdef void deck_advance(Deck* deck, int64_t quantum, const float* gains, Scratch* scratch) noexcept nogil:
    """Work the frames that `quantum` needs. `deck_wants_map` must be false.

    Args:
        gains: linear, a stem; used where stems share a ring.
    """
    cdef Frame frame
    cdef Voice* voice
    cdef int i
    if deck.sum != NULL:
        _advance_sum(deck, quantum, gains, scratch)
        return
    for i in range(deck.stems_count):
        voice = &deck.voices[i]
        if voice.lane == LANE_DRUMS:
            continue
        while voice.next_frame <= _last_frame(deck, voice, quantum):
            _plan(deck, voice, &frame)
            stretch_frame(&voice.stretch, &voice.stem, &frame, deck.loop, scratch)


cdef int64_t deck_lag(const Deck* deck, int64_t quantum) noexcept nogil:
    """Frames from a gain that is given to a frame in `quantum` to the middle of where it is heard."""
    cdef const Step* step = &deck.steps[quantum % STEPS]
    if deck.sum == NULL:
        return 0
    return <int64_t>(OVERLAP // 2 * HOP * <double>ONE / step.stretched_rate)


cdef void deck_read(Deck* deck, int stem, int64_t quantum, float* out) noexcept nogil:
    """One stem's QUANTUM frames of one quantum, interleaved stereo: each quantum once, in order.

    `deck_advance` must have run; a stem that shares a ring is read with `deck_read_sum`.
    """
    cdef const Step* step = &deck.steps[quantum % STEPS]
    cdef Voice* voice = &deck.voices[stem]
    if voice.lane == LANE_DRUMS:
        slices_read(&voice.slices, &voice.stem, deck.loop, <double>step.source / ONE,
                    <double>step.source_rate / (<double>QUANTUM * ONE), QUANTUM, out)
    else:
        resample(voice.stretch.out, step.stretched + (voice.shift << FIX), step.stretched_rate, QUANTUM, out)


cdef void deck_read_sum(const Deck* deck, int64_t quantum, float* out) noexcept nogil:
    """QUANTUM frames of all tonal stems together, at their gains."""
    cdef const Step* step = &deck.steps[quantum % STEPS]
    resample(deck.sum, step.stretched, step.stretched_rate, QUANTUM, out)


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
