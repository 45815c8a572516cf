"""Marks: when the next beat, bar, phrase or section comes, for the commands that wait for one.

A command waits for a mark of the deck that leads; if none does, of its own deck; if that one rests, of the
first that plays. Its sample is fixed as late as it can be: just before the crossfade of a jump begins, and
for tempo and pitch where the plan ends, so that whatever bends the time until then is reckoned with.

Thread: [render].
"""
from libc.math cimport INFINITY, ceil
from libc.stdint cimport int64_t

from remixd._kernel.deck cimport FADE, Deck, deck_loops
from remixd._kernel.follow cimport session_plan_to
from remixd._kernel.grid cimport Grid, MARK_BAR, MARK_PHRASE, grid_next
from remixd._kernel.mailbox cimport REASON_FULL, REPORT_EXPIRED, Command
from remixd._kernel.moves cimport command_bends, session_refuse, session_report, session_route
from remixd._kernel.reader cimport QUANTUM, STEPS, reader_position, reader_wrap, step_rate
from remixd._kernel.resample cimport FIX
from remixd._kernel.state cimport DECKS, EVERY_DECK, NO_DECK
from remixd._kernel.waiting cimport waiting_drop

cdef enum:
    AHEAD = FADE + QUANTUM  # samples from the start of a quantum at which marks are looked for

cdef double _one = 1.0 / (1 << FIX)


cdef bint _counts(const Deck* deck) noexcept nogil:
    """Whether a deck plays and has a grid, even one of seconds."""
    return deck.now != NULL and deck.player.grid.count > 1 and not deck.backwards


cdef const Deck* _reference(const SessionState* session, const Command* command) noexcept nogil:
    """The deck whose marks a command waits for; NULL if there is none."""
    cdef int i
    if session.lead != NO_DECK and _counts(&session.decks[session.lead]):
        return &session.decks[session.lead]
    if command.deck != EVERY_DECK and _counts(&session.decks[command.deck]):
        return &session.decks[command.deck]
    for i in range(DECKS):
        if _counts(&session.decks[i]):
            return &session.decks[i]
    return NULL


cdef double _within(const Grid* grid, int level, double start, double length, double end,
                    double again) noexcept nogil:
    """How far after `start` a mark lies, if within `length`; at `end` the music goes on at `again`.

    Infinity if there is none.
    """
    cdef double first = min(start + length, end), found = grid_next(grid, level, start)
    if found < first:
        return found - start
    if start + length <= end:
        return INFINITY
    found = grid_next(grid, level, again)
    return found - again + end - start if found < again + start + length - end else INFINITY


cdef double _frames_to(const Deck* deck, int level, int64_t position, int64_t rate) noexcept nogil:
    """Output frames from a place to a mark within the step that begins there; infinity if there is none."""
    cdef double start = position * _one, length = rate * _one, again = 0.0
    cdef double end = deck.player.length if deck.player.loop else INFINITY
    if deck_loops(deck):
        end, again = deck.loop_end * _one, deck.loop_start * _one
        if start >= end:
            start = again + (start - end) % (end - again)
    return _within(&deck.player.grid, level, start, length, end, again) * QUANTUM / length


cdef double _own_frames_to(double beat, double pace, int level) noexcept nogil:
    """The same of the session's own beat: four to a bar, four bars to a phrase, two phrases to a section."""
    cdef double beats = 1.0
    if level == MARK_BAR:
        beats = 4.0
    elif level == MARK_PHRASE:
        beats = 16.0
    elif level > MARK_PHRASE:
        beats = 32.0
    cdef double to = (ceil(beat / beats - 1e-9) * beats - beat) / pace * QUANTUM
    return max(to, 0.0) if to < QUANTUM else INFINITY


cdef int64_t _sample_of(const SessionState* session, const Command* command, int64_t sample,
                        bint planned) noexcept nogil:
    """The sample at which a command's mark comes, if in the step that begins at `sample`; else -1.

    `planned` is whether that step is; else it is the first that is not.
    """
    cdef const Deck* deck = _reference(session, command)
    cdef int64_t step = sample // QUANTUM
    cdef double frames
    if deck == NULL:
        if session.pace == 0.0:
            return -1
        frames = session.beat - session.pace * (session.end_step - step)
        frames = _own_frames_to(frames, session.pace, command.when)
    elif planned:
        frames = _frames_to(deck, command.when, reader_position(deck.now, sample),
                            step_rate(deck.plan.tempo[step % STEPS]))
    else:
        frames = _frames_to(deck, command.when, reader_wrap(deck.now, deck.now.end_source),
                            step_rate(deck.plan.tempo[(step - 1) % STEPS]))
    if frames >= QUANTUM:
        return -1
    return sample + <int64_t>ceil(frames - 1e-6)


cdef bint _pass_on(SessionState* session, int at, int64_t sample) noexcept nogil:
    """Let a command whose mark is in sight wait for its sample; whether it is no longer here."""
    cdef Command command = session.for_marks.entries[at]
    if sample < max(command.sample, 0):
        return False
    waiting_drop(&session.for_marks, at)
    command.when = 0
    command.sample = sample
    if not session_route(session, &command):
        session_refuse(session, &command, REASON_FULL)
    return True


cdef void session_find_bends(SessionState* session) noexcept nogil:
    """Pass on what bends the plan at marks in the first step that is not planned: there, on its start."""
    cdef int64_t sample = session.end_step * QUANTUM
    cdef int at = 0
    while at < session.for_marks.count:
        if not (command_bends(&session.for_marks.entries[at])
                and _sample_of(session, &session.for_marks.entries[at], sample, False) >= 0
                and _pass_on(session, at, sample)):
            at += 1


cdef void session_find_marks(SessionState* session) noexcept nogil:
    """Pass on what waits for marks that come in sight; tell what has waited too long."""
    cdef int64_t sample = session.quantum * QUANTUM + AHEAD, found
    cdef const Command* command
    cdef int at = 0
    if session.for_marks.count == 0:
        return
    session_plan_to(session, sample + QUANTUM)
    while at < session.for_marks.count:
        command = &session.for_marks.entries[at]
        if 0 < command.expires <= session.quantum * QUANTUM:
            session_report(session, command, REPORT_EXPIRED, command.expires, command.expires, 0,
                           command.value, 0, False)
            waiting_drop(&session.for_marks, at)
            continue
        found = -1 if command_bends(command) else _sample_of(session, command, sample, True)
        if found < 0 or not _pass_on(session, at, found):
            at += 1
