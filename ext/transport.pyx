"""Transport: what decks are told to do is done on its sample, and told.

A jump takes effect at a sample: its crossfade is over there, so it must be begun FADE frames earlier; one
that comes too late for that, or while another is under way, is that much late, and says so. Loops and the end
of the music are jumps and rests of the same kind. Where a deck rests nobody hears what is done, so it is done
as early, and what then plays begins there; where it plays, no jump overtakes what will stop it.

Thread: [render].
"""
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.deck cimport (
    FADE,
    Deck,
    deck_advance,
    deck_ahead,
    deck_loops,
    deck_release,
    deck_stop,
    deck_tick,
)
from remixd._kernel.follow cimport (
    beat_error,
    deck_has_beat,
    session_beat_at,
    session_follow,
    session_plan_to,
    session_replan,
)
from remixd._kernel.grid cimport grid_beat, grid_frame, grid_interval
from remixd._kernel.layer cimport layer_sting, layer_take
from remixd._kernel.loading cimport load_deck, swap_player
from remixd._kernel.loops cimport (
    beats_on,
    fixed,
    go_to,
    is_due,
    is_inside,
    scale_loop,
    set_loop,
    soonest,
    tell_done,
    wrap_loop,
)
from remixd._kernel.mailbox cimport (
    COMMAND_ALIGN,
    COMMAND_EJECT,
    COMMAND_EXIT,
    COMMAND_JUMP,
    COMMAND_KEYLOCK,
    COMMAND_LEAD,
    COMMAND_LOAD,
    COMMAND_LOOP,
    COMMAND_PACE,
    COMMAND_PATTERN,
    COMMAND_PAUSE,
    COMMAND_PLAY,
    COMMAND_REVERSE,
    COMMAND_SCALE,
    COMMAND_SEEK,
    COMMAND_SLIP,
    COMMAND_STINGER,
    COMMAND_SWAP,
    COMMAND_SYNC,
    REASON_EMPTY,
    REASON_NONE,
    REASON_NO_BEAT,
    REASON_OUTSIDE,
    REPORT_APPLIED,
    REPORT_ENDED,
    Command,
)
from remixd._kernel.moves cimport session_refuse, session_report
from remixd._kernel.player cimport PlayerState
from remixd._kernel.reader cimport QUANTUM, STEPS, Reader, reader_position, reader_wrap
from remixd._kernel.resample cimport FIX
from remixd._kernel.shelf cimport shelf_give
from remixd._kernel.state cimport DECKS
from remixd._kernel.strip cimport ramp_to
from remixd._kernel.waiting cimport waiting_drop, waiting_is_superseded

cdef enum:
    ONE = 1 << FIX
    TAIL = 4096             # frames after the end in which a stretcher may still sound


cdef int64_t _aligned(const SessionState* session, const Deck* deck, int64_t position,
                      int64_t sample) noexcept nogil:
    """The place nearest to a position at which the deck's beat is the session's at a sample."""
    cdef double frame = <double>position / ONE
    cdef double error = beat_error(session, deck, session_beat_at(session, sample), frame)
    cdef int64_t moved = fixed(grid_frame(&deck.player.grid, grid_beat(&deck.player.grid, frame) + error))
    if moved < 0:
        moved += <int64_t>(grid_interval(&deck.player.grid, 0.0) * ONE)
    return moved


cdef int _target(SessionState* session, Deck* deck, const Command* command, int64_t sample,
                 int64_t* target) noexcept nogil:
    """Where a command leads a deck at a sample, FIX fractional bits; or the reason why nowhere."""
    cdef int64_t here
    cdef const Reader* circle = &deck.player.readers[0]
    session_plan_to(session, sample)
    here = deck_ahead(deck, session.quantum, sample)
    target[0] = here
    if command.kind == COMMAND_SEEK:
        target[0] = fixed(command.value)
    elif command.kind == COMMAND_JUMP:
        target[0] = reader_wrap(circle, fixed(beats_on(deck, <double>here / ONE, command.value)))
    elif command.kind == COMMAND_ALIGN:
        if not deck_has_beat(deck):
            return REASON_NO_BEAT
        target[0] = _aligned(session, deck, here, sample)
    elif command.kind == COMMAND_SLIP or command.kind == COMMAND_EXIT:
        target[0] = reader_wrap(circle, deck.slip + deck_advance(deck, session.quantum, sample))
    return REASON_NONE if is_inside(deck.player, target[0]) else REASON_OUTSIDE


cdef int64_t _out_of_loop(Deck* deck, const Command* command, int64_t target) noexcept nogil:
    """Leave the loop for a place past its end; what is only aligned stays in it. The place to go to."""
    cdef int64_t length = deck.loop_end - deck.loop_start
    if not deck_loops(deck) or (target >= deck.loop_start if deck.backwards else target < deck.loop_end):
        return target
    if command.kind == COMMAND_ALIGN:
        return target + length if deck.backwards else target - length
    deck.loop_start = 0
    deck.loop_end = 0
    return target


cdef bint _leap(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    """Go where a command leads; False if it is not time yet."""
    cdef int lead = FADE if deck.now != NULL else 0
    cdef int64_t sample = max(command.sample, soonest(session, deck, lead)), target
    cdef int reason
    if not is_due(session, sample, FADE):
        return False
    reason = _target(session, deck, command, sample, &target)
    if reason != REASON_NONE:
        session_refuse(session, command, reason)
        return True
    target = _out_of_loop(deck, command, target)
    if deck.now != NULL:
        go_to(session, deck, deck.player, target, sample, FADE, False)
    else:
        deck.rest = target
        deck.settled = sample
        deck.ended = False
    tell_done(session, command, sample, target, command.value)
    return True


cdef bint _play(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    cdef int64_t sample = max(command.sample, soonest(session, deck, FADE))
    if deck.now != NULL:
        sample = max(command.sample, session.quantum * QUANTUM)
        session_plan_to(session, sample)
        tell_done(session, command, sample, deck_ahead(deck, session.quantum, sample), 1.0)
        return True
    if not is_due(session, sample, FADE):
        return False
    session_plan_to(session, sample)
    if deck.ended and not deck.backwards:
        deck.rest = 0
    elif deck.ended and deck.rest == 0:
        deck.rest = (deck.player.length - 1) << FIX
    if deck.following and deck_has_beat(deck) and session.pace > 0.0:
        session_replan(session, deck)
        deck.rest = _aligned(session, deck, deck.rest, sample)
    go_to(session, deck, deck.player, deck.rest, sample, FADE, False)
    tell_done(session, command, sample, deck.rest, 1.0)
    return True


cdef bint _pause(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    cdef int64_t sample = max(command.sample, soonest(session, deck, 0))
    if not is_due(session, sample, 0):
        return False
    if deck.now != NULL:
        session_plan_to(session, sample)
        deck_stop(deck, sample)
    tell_done(session, command, sample, deck.rest, 0.0)
    return True


cdef bint _turn(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    """Backwards or not, key lock or not: the same place, read in another way."""
    cdef bint on = command.value != 0.0
    cdef bint* flag = &deck.backwards if command.kind == COMMAND_REVERSE else &deck.varispeed
    cdef bint wanted = on if command.kind == COMMAND_REVERSE else not on
    cdef bint neutral = (deck.plan.tempo[session.quantum % STEPS] == 1.0
                         and deck.plan.pitch[session.quantum % STEPS] == 0.0)
    cdef int64_t sample = max(command.sample, soonest(session, deck, FADE)), here
    if flag[0] != wanted and deck.now != NULL:
        if not is_due(session, sample, FADE):
            return False
        session_plan_to(session, sample)
        here = deck_ahead(deck, session.quantum, sample)
        flag[0] = wanted
        go_to(session, deck, deck.player, here, sample, FADE,
              neutral and command.kind == COMMAND_KEYLOCK)
        tell_done(session, command, sample, here, command.value)
        return True
    flag[0] = wanted
    sample = max(command.sample, session.quantum * QUANTUM)
    tell_done(session, command, sample, deck.rest, command.value)
    return True


cdef bint _slip(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    if command.value == 0.0 and deck.slipping and deck.now != NULL:
        if not _leap(session, deck, command):
            return False
        deck.slipping = False
        return True
    cdef int64_t sample = max(command.sample, session.quantum * QUANTUM)
    if not is_due(session, sample, 0):
        return False
    if not deck.slipping:                               # told twice, it goes on from where it was
        deck.slip = deck_ahead(deck, session.quantum, session.quantum * QUANTUM)
    deck.slipping = command.value != 0.0
    session_plan_to(session, sample)
    tell_done(session, command, sample, deck_ahead(deck, session.quantum, sample), command.value)
    return True


cdef bint _exit_loop(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    cdef int64_t sample = max(command.sample, session.quantum * QUANTUM)
    if deck.slipping and deck_loops(deck) and deck.now != NULL:
        if not _leap(session, deck, command):
            return False
        deck.slipping = False
    else:
        if not is_due(session, sample, 0):
            return False
        tell_done(session, command, sample, deck_ahead(deck, session.quantum, session.quantum * QUANTUM), 0.0)
    deck.loop_start = 0
    deck.loop_end = 0
    return True


cdef bint _sync(SessionState* session, const Command* command) noexcept nogil:
    """Follow or lead, or not: it bends the plan where that ends."""
    cdef int64_t bend = session.end_step * QUANTUM, here
    cdef const Deck* deck = &session.decks[command.deck % DECKS]
    cdef int reason
    if command.sample >= (session.quantum + 1) * QUANTUM:
        return False
    reason = session_follow(session, command)
    if reason != REASON_NONE:
        session_refuse(session, command, reason)
    else:
        here = deck.rest if deck.now == NULL else deck.now.end_source
        tell_done(session, command, bend, here, command.value)
    return True


cdef bint _act(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    """Do what a command says; False if it is not time yet."""
    if command.kind == COMMAND_LOAD or command.kind == COMMAND_EJECT:
        return load_deck(session, deck, command)
    if command.kind in (COMMAND_SYNC, COMMAND_LEAD, COMMAND_PACE):
        return _sync(session, command)
    if deck.player == NULL:
        session_refuse(session, command, REASON_EMPTY)
        return True
    if command.kind == COMMAND_PATTERN:
        return layer_take(session, command)
    if command.kind == COMMAND_STINGER:
        return layer_sting(session, command)
    if command.kind == COMMAND_PLAY:
        return _play(session, deck, command)
    if command.kind == COMMAND_PAUSE:
        return _pause(session, deck, command)
    if command.kind == COMMAND_LOOP:
        return set_loop(session, deck, command)
    if command.kind == COMMAND_SCALE:
        return scale_loop(session, deck, command)
    if command.kind == COMMAND_EXIT:
        return _exit_loop(session, deck, command)
    if command.kind == COMMAND_SLIP:
        return _slip(session, deck, command)
    if command.kind == COMMAND_SWAP:
        return swap_player(session, deck, command)
    if command.kind == COMMAND_REVERSE or command.kind == COMMAND_KEYLOCK:
        return _turn(session, deck, command)
    return _leap(session, deck, command)


cdef void _end(SessionState* session, int index) noexcept nogil:
    """Let a deck rest whose music is over."""
    cdef Deck* deck = &session.decks[index]
    cdef int64_t here = reader_position(deck.now, session.quantum * QUANTUM)
    cdef Command ended
    if deck.player.loop or -TAIL * <int64_t>ONE < here < (deck.player.length + TAIL) << FIX:
        return
    memset(&ended, 0, sizeof(Command))
    ended.deck = index
    deck.now = NULL
    ramp_to(&deck.sounding, 0.0, session.quantum * QUANTUM, FADE)
    deck.ended = True
    deck.rest = 0 if deck.backwards else (deck.player.length - 1) << FIX
    session_report(session, &ended, REPORT_ENDED, session.quantum * QUANTUM, session.quantum * QUANTUM,
                   deck.rest >> FIX, 0.0, 0, False)


cdef void session_move_decks(SessionState* session) noexcept nogil:
    """Do what is due in the quantum that is rendered next."""
    cdef const Command* command
    cdef PlayerState* gone
    cdef Deck* deck
    cdef int64_t sample = session.quantum * QUANTUM
    cdef int i, at = 0
    cdef bint[DECKS] held
    memset(held, 0, sizeof(held))
    for i in range(DECKS):
        if session.decks[i].before_player == NULL:
            continue
        gone = deck_release(&session.decks[i], session.quantum)
        if gone != NULL:
            shelf_give(&session.shelf, gone)
    while at < session.for_decks.count:
        command = &session.for_decks.entries[at]
        if command.sample >= sample + QUANTUM + FADE:
            break
        deck = &session.decks[command.deck % DECKS]
        if held[command.deck % DECKS]:
            at += 1
            continue
        if command.kind == COMMAND_SEEK and waiting_is_superseded(&session.for_decks, at, command.sample):
            session_report(session, command, REPORT_APPLIED, max(command.sample, sample),
                           max(command.sample, sample), 0, command.value, 0, True)
        elif not _act(session, deck, command):
            held[command.deck % DECKS] = command.kind in (COMMAND_LOAD, COMMAND_EJECT, COMMAND_PAUSE)
            at += 1
            continue
        waiting_drop(&session.for_decks, at)
    for i in range(DECKS):
        deck = &session.decks[i]
        if deck.player == NULL and deck.before == NULL:
            continue
        if deck.now != NULL and deck_loops(deck):
            wrap_loop(session, deck)
        deck_tick(deck, session.quantum)
        if deck.now != NULL and deck.before == NULL:
            _end(session, i)
        session.playheads[i] = deck.heard[session.quantum % STEPS] >> FIX
