"""Readers: the one time map that every stem of a track follows, and the frames planned along it.

The map is a row of steps of 64 output frames. Each step says where it starts in the source and on the tonal
lane (the stretched time line that pitch resamples), in fixed point, so that nothing ever drifts. Steps are
fixed only as far ahead as the frames need that sound now: `(N/2 + Hs) / min(p, 1)` frames. All of it depends
on the absolute sample alone, never on how a caller cuts its blocks.

It can also read as a turntable does, pitch going with the speed, and backwards: then there are no frames.
Thread: [render], except `reader_init` and `reader_free`.
"""
from libc.math cimport exp2, llround
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memmove

from remixd._kernel.elastic cimport elastic_advance, elastic_start, nowhere
from remixd._kernel.fft cimport FRAME, HOP, OVERLAP
from remixd._kernel.resample cimport FIX, RING, TAPS, read_stem, resample
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
    stretch_reset,
    sum_finish,
    sum_frame,
)

cdef enum:
    ONE = 1 << FIX
    COPIES_MAX = 1 << 20
    ADVANCE_MAX = 4096      # frames further apart than a window have nothing to be in phase with


cdef int reader_init(Reader* reader, bint summed) except -1:
    """Allocate the stretchers of `stems_count` stems. Thread: [housekeeping].

    Args:
        summed: whether tonal stems share one ring, their gains acting in the spectrum; else each has its own,
            their frames taking turns.
    """
    cdef int i, j
    cdef Voice* voice
    if summed:
        reader.sum = ring_new()
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        if voice.lane != LANE_DRUMS:
            voice.shift = 0 if summed else i * (HOP // STEMS_MAX)
            stretch_init(&voice.stretch, summed)
        for j in range(4):
            voice.gains[j] = 1.0
    return 0


cdef void reader_free(Reader* reader) noexcept:
    """Free what `reader_init` allocated. Thread: [housekeeping]."""
    cdef int i
    for i in range(reader.stems_count):
        stretch_free(&reader.voices[i].stretch)
    ring_free(reader.sum)


cdef int64_t step_rate(double tempo) noexcept nogil:
    """Source frames of one step at a tempo ratio, FIX fractional bits."""
    return QUANTUM * <int64_t>ONE if tempo == 1.0 else llround(tempo * QUANTUM * ONE)


cdef void _start_voice(Reader* reader, Voice* voice, int64_t at_step) noexcept nogil:
    """Let a stem begin with a step: at rest as if it had always been playing, else from nothing."""
    cdef const Step* step = &reader.steps[at_step % STEPS]
    cdef int64_t place = step.stretched >> FIX, hop
    voice.step = at_step
    if voice.lane == LANE_DRUMS:
        slices_start(&voice.slices, &voice.stem, reader.loop, (step.source + ONE // 2) >> FIX)
        return
    hop = (place + voice.shift) // HOP
    stretch_reset(&voice.stretch)
    voice.relaxed = 0
    if step.source_whole and step.stretched_whole:
        voice.next_frame = hop + 2
        voice.source = (step.source >> FIX) + (hop + 1) * HOP - voice.shift - place
        voice.copies = OVERLAP
    else:
        voice.next_frame = hop - 1
        voice.source = nowhere()
        voice.copies = 0


cdef void reader_start(Reader* reader, int64_t source, bint varispeed, bint backwards, const Plan* plan,
                       int64_t step, int64_t end_step) noexcept nogil:
    """Read from `source` on, FIX fractional bits, at the start of `step`.

    Args:
        varispeed, backwards: how it is read.
        plan: of the deck, known for [step, end_step), which is one step at least.
    """
    cdef int i
    reader.varispeed = varispeed or backwards
    reader.backwards = backwards
    reader.end_step = step
    reader.end_source = source
    reader.end_stretched = 0
    reader.source_landing = 0
    reader.stretched_landing = 0
    while reader.end_step < end_step:
        reader_extend(reader, plan)
    if reader.varispeed:
        return
    for i in range(reader.stems_count):
        _start_voice(reader, &reader.voices[i], step)


cdef void _copy_voice(Voice* voice, const Voice* other) noexcept nogil:
    """Be where another voice of the same stem is, with rings of its own."""
    cdef float* out = voice.stretch.out
    cdef uint32_t* theta = voice.stretch.theta
    voice[0] = other[0]
    voice.stretch.out = out
    voice.stretch.theta = theta
    if voice.lane != LANE_DRUMS:
        memcpy(out, other.stretch.out, RING * 2 * sizeof(float))
        memcpy(theta, other.stretch.theta, FRAME * sizeof(uint32_t))


cdef void reader_continue(Reader* reader, const Reader* other, int64_t step) noexcept nogil:
    """Go on along another reader's map from a step on, and, stem by stem, in its phases.

    What only this reader plays starts afresh; so does all of it where stems share a ring.
    """
    cdef Voice* voice
    cdef int i, j
    reader.varispeed = other.varispeed
    reader.backwards = other.backwards
    reader.end_step = other.end_step
    reader.end_source = other.end_source
    reader.end_stretched = other.end_stretched
    reader.source_landing = other.source_landing
    reader.stretched_landing = other.stretched_landing
    memcpy(reader.steps, other.steps, sizeof(reader.steps))
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        for j in range(other.stems_count):
            if reader.sum == NULL == other.sum and voice.lane == other.voices[j].lane and (
                voice.stem.pcm == other.voices[j].stem.pcm
            ):
                _copy_voice(voice, &other.voices[j])
                break
        else:
            _start_voice(reader, voice, step)


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


cdef void reader_extend(Reader* reader, const Plan* plan) noexcept nogil:
    """Fix one more step of the map, as the deck planned it."""
    cdef Step* step = &reader.steps[reader.end_step % STEPS]
    cdef double tempo = plan.tempo[reader.end_step % STEPS]
    cdef double pitch = plan.pitch[reader.end_step % STEPS]
    step.source = reader.end_source
    step.stretched = reader.end_stretched
    step.source_rate = step_rate(tempo)
    if tempo == 1.0:
        step.source_rate += _land(step.source, &reader.source_landing, 1)
    else:
        reader.source_landing = 0
    if pitch == 0.0:
        step.stretched_rate = ONE + _land(step.stretched, &reader.stretched_landing, QUANTUM) // QUANTUM
    else:
        reader.stretched_landing = 0
        step.stretched_rate = llround(exp2(pitch / 12.0) * ONE)
    step.source_whole = step.source_rate == QUANTUM * <int64_t>ONE and step.source & (ONE - 1) == 0
    step.stretched_whole = step.stretched_rate == ONE and step.stretched & (ONE - 1) == 0
    if reader.backwards:
        step.source_rate = -step.source_rate
    reader.end_source += step.source_rate
    reader.end_stretched += QUANTUM * step.stretched_rate
    reader.end_step += 1


cdef int64_t _last_frame(const Reader* reader, const Voice* voice, int64_t quantum) noexcept nogil:
    """The last frame that one quantum of output needs. The map must hold the quantum's own step."""
    cdef const Step* step = &reader.steps[quantum % STEPS]
    cdef int64_t end = ((step.stretched + QUANTUM * step.stretched_rate) >> FIX) + TAPS // 2 + 1
    return (end + voice.shift) // HOP + OVERLAP // 2


cdef bint reader_wants_map(const Reader* reader, int64_t quantum) noexcept nogil:
    """Whether a step more must be fixed before `quantum` can be rendered."""
    cdef const Voice* voice
    cdef int i
    if reader.end_step <= quantum:
        return True
    if reader.varispeed:
        return False
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        if voice.lane != LANE_DRUMS:
            if reader.end_stretched >> FIX <= _last_frame(reader, voice, quantum) * HOP - voice.shift:
                return True
    return False


cdef double _nominal(const Reader* reader, const Voice* voice, int64_t* at_step, double* rate) noexcept nogil:
    """Where the map is at the centre of the voice's next frame, in source frames, the step and the slope."""
    cdef const Step* step
    cdef int64_t centre = voice.next_frame * HOP - voice.shift, index = voice.step
    while index + 1 < reader.end_step and reader.steps[(index + 1) % STEPS].stretched <= centre << FIX:
        index += 1
    step = &reader.steps[index % STEPS]
    at_step[0] = index
    rate[0] = <double>step.source_rate / (<double>QUANTUM * step.stretched_rate)
    return <double>(step.source + llround(<double>((centre << FIX) - step.stretched) * rate[0])) / ONE


cdef bint _runs_whole(const Reader* reader, const Voice* voice, int64_t at_step) noexcept nogil:
    """Whether the map runs 1:1 on whole frames from the frame before up to `at_step`."""
    cdef int64_t i
    for i in range(voice.step, at_step + 1):
        if not (reader.steps[i % STEPS].source_whole and reader.steps[i % STEPS].stretched_whole):
            return False
    return True


cdef int64_t _source(Reader* reader, Voice* voice, double nominal, double rate, double speed, bint whole,
                     Frame* frame) noexcept nogil:
    """The source frame at the centre of the voice's next frame; also what starts afresh there."""
    cdef int64_t source = llround(nominal)
    frame.masks_count = 0
    frame.fresh = False
    if whole and voice.copies > 0:
        return source
    if voice.source == nowhere():
        elastic_start(&voice.elastic, &voice.stem, reader.loop, voice.lane == LANE_VOCALS, source)
        return source
    if voice.copies > 0:
        elastic_start(&voice.elastic, &voice.stem, reader.loop, voice.lane == LANE_VOCALS, voice.source)
    source = elastic_advance(&voice.elastic, &voice.stem, reader.loop, nominal, rate, speed)
    frame.fresh = voice.elastic.fresh
    frame.masks_count = voice.elastic.masks_count
    memcpy(frame.masks, voice.elastic.masks, frame.masks_count * sizeof(frame.masks[0]))
    return source


cdef void _plan(Reader* reader, Voice* voice, Frame* frame) noexcept nogil:
    """Decide what a stem does at its next frame."""
    cdef int64_t at_step = voice.step
    cdef double rate
    cdef double nominal = _nominal(reader, voice, &at_step, &rate)
    cdef double transpose = <double>reader.steps[at_step % STEPS].stretched_rate / ONE
    cdef bint whole = _runs_whole(reader, voice, at_step)
    frame.index = voice.next_frame
    frame.gains = voice.gains
    frame.source = _source(reader, voice, nominal, rate, 1.0 / transpose, whole, frame)
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
    memmove(&voice.gains[1], &voice.gains[0], 3 * sizeof(float))
    voice.gains[0] = gain


cdef void _sum(Reader* reader, int64_t index, const float* gains, Scratch* scratch) noexcept nogil:
    """Work one frame of all stems that share a ring: the stems themselves only where all of them are."""
    cdef Frame[STEMS_MAX] frames
    cdef Voice* voice
    cdef int i, copies = COPIES_MAX, copies_before = COPIES_MAX
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        if voice.lane != LANE_DRUMS:
            _take_gain(voice, gains[i])
            _plan(reader, voice, &frames[i])
            copies = min(copies, frames[i].copies)
            copies_before = min(copies_before, frames[i].copies_before)
    for i in range(reader.stems_count):
        frames[i].index = index
        frames[i].copies = copies
        frames[i].copies_before = copies_before
    ring_open(reader.sum, &frames[0])
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        if voice.lane != LANE_DRUMS:
            sum_frame(&voice.stretch, &voice.stem, &frames[i], reader.loop, scratch, reader.sum)
    sum_finish(reader.sum, index, scratch)


cdef void _advance_sum(Reader* reader, int64_t quantum, const float* gains, Scratch* scratch) noexcept nogil:
    """`reader_advance` where stems share a ring: they are all at the same frame."""
    cdef const Voice* first = NULL
    cdef int i
    for i in range(reader.stems_count):
        if reader.voices[i].lane != LANE_DRUMS:
            first = &reader.voices[i]
    while first != NULL and first.next_frame <= _last_frame(reader, first, quantum):
        _sum(reader, first.next_frame, gains, scratch)


cdef void reader_advance(Reader* reader, int64_t quantum, const float* gains,
                         Scratch* scratch) noexcept nogil:
    """Work the frames that `quantum` needs. `reader_wants_map` must be false.

    Args:
        gains: linear, a stem; used where stems share a ring.
    """
    cdef Frame frame
    cdef Voice* voice
    cdef int i
    if reader.varispeed:
        return
    if reader.sum != NULL:
        _advance_sum(reader, quantum, gains, scratch)
        return
    for i in range(reader.stems_count):
        voice = &reader.voices[i]
        if voice.lane == LANE_DRUMS:
            continue
        while voice.next_frame <= _last_frame(reader, voice, quantum):
            _plan(reader, voice, &frame)
            stretch_frame(&voice.stretch, &voice.stem, &frame, reader.loop, scratch)


cdef int64_t reader_lag(const Reader* reader, int64_t quantum) noexcept nogil:
    """Frames from a gain that is given to a frame in `quantum` to the middle of where it is heard."""
    cdef const Step* step = &reader.steps[quantum % STEPS]
    if reader.sum == NULL:
        return 0
    return <int64_t>(OVERLAP // 2 * HOP * <double>ONE / step.stretched_rate)


cdef void reader_read(Reader* reader, int stem, int64_t quantum, float* out) noexcept nogil:
    """One stem's QUANTUM frames of one quantum, interleaved stereo: each quantum once, in order.

    `reader_advance` must have run; a stem that shares a ring is read with `reader_read_sum`.
    """
    cdef const Step* step = &reader.steps[quantum % STEPS]
    cdef Voice* voice = &reader.voices[stem]
    if reader.varispeed:
        read_stem(&voice.stem, step.source, step.source_rate // QUANTUM, reader.loop, out)
    elif voice.lane == LANE_DRUMS:
        slices_read(&voice.slices, &voice.stem, reader.loop, <double>step.source / ONE,
                    <double>step.source_rate / (<double>QUANTUM * ONE), QUANTUM, out)
    else:
        resample(voice.stretch.out, step.stretched + (voice.shift << FIX), step.stretched_rate, QUANTUM, out)


cdef void reader_read_sum(const Reader* reader, int64_t quantum, float* out) noexcept nogil:
    """QUANTUM frames of all tonal stems together, at their gains."""
    cdef const Step* step = &reader.steps[quantum % STEPS]
    resample(reader.sum, step.stretched, step.stretched_rate, QUANTUM, out)


cdef int64_t reader_wrap(const Reader* reader, int64_t position) noexcept nogil:
    """A source position, FIX fractional bits; where the music is a circle, within it."""
    if not reader.loop:
        return position
    position %= reader.length << FIX
    return position + (reader.length << FIX) if position < 0 else position


cdef int64_t reader_position(const Reader* reader, int64_t sample) noexcept nogil:
    """Source position at an output sample whose step the map still holds, FIX fractional bits."""
    cdef const Step* step = &reader.steps[(sample // QUANTUM) % STEPS]
    return reader_wrap(reader, step.source + step.source_rate * (sample % QUANTUM) // QUANTUM)
