"""Going: the parts that transport and loops are made of, and loops themselves.

A loop is a jump back that is begun by itself, again and again. A part too short for whole crossfades has
shorter ones; whatever its length, it keeps its period to the sample. Thread: [render].
"""
from libc.math cimport floor
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.deck cimport FADE, Deck, deck_ahead, deck_start
from remixd._kernel.follow cimport session_plan_to
from remixd._kernel.gains cimport deck_prime_gains
from remixd._kernel.grid cimport grid_beat, grid_frame
from remixd._kernel.mailbox cimport REASON_OUTSIDE, REASON_SHORT, REPORT_APPLIED, Command
from remixd._kernel.moves cimport session_refuse, session_report
from remixd._kernel.player cimport PlayerState
from remixd._kernel.reader cimport QUANTUM, STEPS, reader_position, step_rate
from remixd._kernel.resample cimport FIX
from remixd._kernel.trace cimport BLOCK_TRANSITION, MOMENT_TRANSITION, trace_moment

cdef enum:
    LOOP_LEAST = 480        # source frames: 10 ms
    SECONDS_BEAT = 24000    # frames of a beat where there is none
    ONE = 1 << FIX


cdef double _far = 2.7e11       # frames: no music is as long, and FIX more bits still fit


cdef int64_t fixed(double frame) noexcept nogil:
    """A source frame with FIX fractional bits; what is too far away for them, as far as they go."""
    return <int64_t>floor(min(max(frame, -_far), _far) * ONE + 0.5)


cdef double beats_on(const Deck* deck, double frame, double beats) noexcept nogil:
    """The source frame so many beats after another."""
    if deck.player.grid.count < 2:
        return frame + beats * SECONDS_BEAT
    return grid_frame(&deck.player.grid, grid_beat(&deck.player.grid, frame) + beats)


cdef int64_t soonest(const SessionState* session, const Deck* deck, int lead) noexcept nogil:
    """The first sample at which something that begins `lead` frames before can be done."""
    cdef int64_t faded = (deck.fade_end + QUANTUM - 1) // QUANTUM * QUANTUM
    return max(max(session.quantum * QUANTUM, faded) + lead, deck.settled)


cdef int64_t _settled(const SessionState* session, const Deck* deck) noexcept nogil:
    """The first sample at which a deck is at one place."""
    return max(max(session.quantum * QUANTUM, deck.fade_end), deck.settled)


cdef bint is_due(const SessionState* session, int64_t sample, int lead) noexcept nogil:
    return sample < (session.quantum + 1) * QUANTUM + lead


cdef void go_to(SessionState* session, Deck* deck, PlayerState* player, int64_t target, int64_t sample,
                int frames, bint alike) noexcept nogil:
    """Be at `target` at a sample, faded in over the frames before; where it is a circle, within it."""
    session_plan_to(session, sample)
    if player.loop:
        target %= player.length << FIX
        if target < 0:
            target += player.length << FIX
    deck_start(deck, player, target, sample, frames, alike, session.quantum, session.end_step)
    deck_prime_gains(session, <int>(deck - &session.decks[0]))
    if session.trace != NULL:
        session.trace.block.flags |= BLOCK_TRANSITION
        trace_moment(session.trace, MOMENT_TRANSITION, 0, sample, 0, <uint32_t>(deck - &session.decks[0]))


cdef void tell_done(SessionState* session, const Command* command, int64_t sample, int64_t position,
                    double value) noexcept nogil:
    cdef int64_t late = 0 if command.sample < 0 else max(sample - command.sample, 0)
    session_report(session, command, REPORT_APPLIED, sample, sample, position >> FIX, value, late, False)


cdef bint is_inside(const PlayerState* player, int64_t position) noexcept nogil:
    return 0 <= position < player.length << FIX


cdef bint set_loop(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    cdef int64_t sample = max(command.sample, _settled(session, deck))
    cdef int64_t here, start, end
    if not is_due(session, sample, 0):
        return False
    session_plan_to(session, sample)
    here = deck_ahead(deck, session.quantum, sample)
    start = here if command.extra < 0.0 else fixed(command.extra)
    if not is_inside(deck.player, start):
        session_refuse(session, command, REASON_OUTSIDE)
        return True
    end = min(fixed(beats_on(deck, <double>start / ONE, command.value)), deck.player.length << FIX)
    if end - start < LOOP_LEAST * <int64_t>ONE:
        session_refuse(session, command, REASON_SHORT)
        return True
    deck.loop_start = start
    deck.loop_end = end
    tell_done(session, command, sample, start, command.value)
    return True


cdef bint scale_loop(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    cdef int64_t sample = max(command.sample, _settled(session, deck))
    cdef double length = (deck.loop_end - deck.loop_start) * command.value
    if not is_due(session, sample, 0):
        return False
    if not LOOP_LEAST * <int64_t>ONE <= length <= deck.player.length << FIX:
        session_refuse(session, command, REASON_SHORT)
        return True
    deck.loop_end = min(deck.loop_start + <int64_t>length, deck.player.length << FIX)
    tell_done(session, command, sample, deck.loop_start, command.value)
    return True


cdef void wrap_loop(SessionState* session, Deck* deck) noexcept nogil:
    """Begin the jump back to the start of the loop, or, backwards, to its end, when it is due."""
    cdef int64_t length = deck.loop_end - deck.loop_start
    cdef int64_t rate = step_rate(deck.plan.tempo[session.quantum % STEPS])
    cdef int frames = <int>min(<int64_t>FADE, length * QUANTUM // rate // 2)
    cdef int64_t sample = soonest(session, deck, frames), here, first, past
    if not is_due(session, sample, frames):
        return
    session_plan_to(session, sample + QUANTUM)
    here = reader_position(deck.now, sample)
    rate = step_rate(deck.plan.tempo[(sample // QUANTUM) % STEPS])
    first = deck.loop_start - here if deck.backwards else here - deck.loop_end
    if first < 0:                                       # frames until it is past the end
        sample += (-first * QUANTUM + rate - 1) // rate
        if not is_due(session, sample, frames):
            return
        here = reader_position(deck.now, sample)
    past = deck.loop_start - here if deck.backwards else here - deck.loop_end
    past = max(past, 0) % length
    past = deck.loop_end - past if deck.backwards else deck.loop_start + past
    go_to(session, deck, deck.player, past, sample, frames, False)
