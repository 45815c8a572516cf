"""Decks: from one place of the music to another without a click.

A deck plays through one reader. To go elsewhere a second one is started there, so early that it has faded in
when the jump is due: what begins at the target, such as a downbeat, is heard in full, and on its sample.
Different sounds cross at equal power, the same sound at equal gain; both fades are smooth at their ends.

Thread: [render].
"""
from libc.math cimport M_PI, exp2, sin
from libc.stdint cimport int64_t

from remixd._kernel.fft cimport HOP, OVERLAP
from remixd._kernel.reader cimport (
    reader_continue,
    reader_extend,
    reader_position,
    reader_start,
    reader_wants_map,
    reader_wrap,
    step_rate,
)
from remixd._kernel.strip cimport ramp_to

cdef float[FADE + 1] _alike     # equal gain
cdef float[FADE + 1] _apart     # equal power


cdef void _make_fades() noexcept:
    cdef int i
    cdef double x
    for i in range(FADE + 1):
        x = <double>i / FADE
        x = x * x * (3.0 - 2.0 * x)
        _alike[i] = <float>x
        _apart[i] = <float>sin(M_PI / 2.0 * x)


_make_fades()


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


cdef bint deck_loops(const Deck* deck) noexcept nogil:
    """Whether a part of the music is played again and again."""
    return deck.loop_end > deck.loop_start


cdef void deck_extend(Deck* deck, int64_t step, double tempo, double pitch) noexcept nogil:
    """Plan one step more, and fix it in the maps of what sounds."""
    deck.plan.tempo[step % STEPS] = tempo
    deck.plan.pitch[step % STEPS] = pitch
    if deck.now != NULL:
        reader_extend(deck.now, &deck.plan)
    if deck.before != NULL:
        reader_extend(deck.before, &deck.plan)


cdef bint deck_wants_map(const Deck* deck, int64_t quantum) noexcept nogil:
    """Whether a step more must be planned before `quantum` can be rendered."""
    if deck.now != NULL and reader_wants_map(deck.now, quantum):
        return True
    return deck.before != NULL and reader_wants_map(deck.before, quantum)


cdef int64_t deck_ahead(const Deck* deck, int64_t quantum, int64_t sample) noexcept nogil:
    """Where what plays now will be at a sample that is planned, if nothing is done; FIX fractional bits.

    A loop is not taken: it goes on past its end.
    """
    if deck.now == NULL:
        return deck.rest
    return reader_position(deck.now, sample)


cdef int64_t deck_position(const Deck* deck, int64_t sample) noexcept nogil:
    """The source position heard at a sample rendered before or now, FIX fractional bits."""
    cdef int64_t position = deck.heard[(sample // QUANTUM) % STEPS]
    cdef int64_t rate = step_rate(deck.plan.tempo[(sample // QUANTUM) % STEPS])
    if deck.now == NULL:
        return position
    if deck.backwards:
        rate = -rate
    return reader_wrap(deck.now, position + rate * (sample % QUANTUM) // QUANTUM)


cdef int64_t deck_lag(const Deck* deck, int64_t quantum) noexcept nogil:
    """Frames from a gain that is given to a frame in `quantum` to the middle of where it is heard."""
    cdef const PlayerState* player = deck.player
    if player == NULL or not player.summed or deck.now == NULL or deck.now.varispeed:
        return 0
    return <int64_t>(OVERLAP // 2 * HOP / exp2(deck.plan.pitch[quantum % STEPS] / 12.0))


cdef int64_t deck_advance(const Deck* deck, int64_t quantum, int64_t sample) noexcept nogil:
    """Source frames from the start of a quantum to a sample, as planned, FIX fractional bits."""
    cdef int64_t total = 0, step = quantum
    while (step + 1) * QUANTUM <= sample:
        total += step_rate(deck.plan.tempo[step % STEPS])
        step += 1
    return total + step_rate(deck.plan.tempo[step % STEPS]) * (sample - step * QUANTUM) // QUANTUM


cdef bint _same_line(const Reader* one, const Reader* other) noexcept nogil:
    """Whether a place on one is the same place on the other, however often it has gone round."""
    return one.loop == other.loop and (not one.loop or one.length == other.length)


cdef void deck_start(Deck* deck, PlayerState* player, int64_t target, int64_t sample, int frames,
                     bint alike, int64_t quantum, int64_t end_step) noexcept nogil:
    """Be at a source position at a sample, faded in over the `frames` before it.

    Args:
        player: what plays; what played before, if anything does, fades out meanwhile.
        target: FIX fractional bits.
        sample: its fade begins in `quantum`, and it is planned: before `end_step`.
        alike: whether both are the same sound, or nearly so, at the same place.
    """
    cdef Reader* reader = &player.readers[0]
    cdef int64_t advance = deck_advance(deck, quantum, sample)
    if reader == deck.now:
        reader = &player.readers[1]
    deck.before = deck.now
    deck.before_player = deck.player
    deck.player = player
    deck.now = reader
    deck.fade_end = sample
    deck.fade_frames = frames
    deck.fade_alike = alike
    deck.ended = False
    if deck.before == NULL:
        ramp_to(&deck.sounding, 1.0, sample - frames, frames)
    if alike and deck.before != NULL and _same_line(deck.before, reader) and not deck.before.varispeed and (
        not deck.varispeed
    ):
        reader_continue(reader, deck.before, quantum)
    else:
        reader_start(reader, target + advance if deck.backwards else target - advance, deck.varispeed,
                     deck.backwards, &deck.plan, quantum, end_step)


cdef void deck_stop(Deck* deck, int64_t sample) noexcept nogil:
    """Rest from a sample on, fading out over FADE frames."""
    deck.rest = reader_position(deck.now, sample)
    deck.before = deck.now
    deck.before_player = deck.player
    deck.now = NULL
    ramp_to(&deck.sounding, 0.0, sample, FADE)
    deck.fade_end = sample + FADE
    deck.fade_frames = FADE
    deck.fade_alike = False


cdef PlayerState* deck_release(Deck* deck, int64_t quantum) noexcept nogil:
    """Forget what has faded out before a quantum; a player that is no longer used is given back."""
    cdef PlayerState* gone = NULL
    if deck.before_player == NULL or quantum * QUANTUM < deck.fade_end:
        return NULL
    if deck.before_player != deck.player:
        gone = deck.before_player
    deck.before = NULL
    deck.before_player = NULL
    return gone


cdef void deck_tick(Deck* deck, int64_t quantum) noexcept nogil:
    """Note where a quantum is heard, before it is rendered."""
    cdef int64_t sample = quantum * QUANTUM
    if deck.before != NULL and deck.now != NULL:
        deck.heard[quantum % STEPS] = reader_position(deck.before, sample)
    elif deck.now != NULL:
        deck.heard[quantum % STEPS] = reader_position(deck.now, sample)
    else:
        deck.heard[quantum % STEPS] = deck.rest
    if deck.slipping:
        deck.slip += step_rate(deck.plan.tempo[quantum % STEPS])


cdef inline float _fade(const float* table, int64_t done, int frames) noexcept nogil:
    """A table of FADE + 1 read over `frames` frames, in straight lines from entry to entry."""
    cdef float place
    cdef int at
    if done <= 0:
        return 0.0
    if done >= frames:
        return 1.0
    if frames == FADE:
        return table[done]
    place = <float>(done * FADE) / <float>frames
    at = <int>place
    return table[at] + (table[at + 1] - table[at]) * (place - <float>at)


cdef void deck_fades(const Deck* deck, int64_t sample, float* rising, float* falling) noexcept nogil:
    """The gains of a quantum of what fades in and what fades out, QUANTUM of each."""
    cdef const float* table = &_alike[0] if deck.fade_alike else &_apart[0]
    cdef int64_t done
    cdef int i
    for i in range(QUANTUM):
        done = sample + i - (deck.fade_end - deck.fade_frames) + 1
        rising[i] = _fade(table, done, deck.fade_frames)
        falling[i] = 1.0 - rising[i] if deck.fade_alike else _fade(table, deck.fade_frames - done,
                                                                   deck.fade_frames)
