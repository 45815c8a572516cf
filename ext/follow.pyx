"""The plan: what the tempo and pitch of each deck will be, step by step, for all decks together.

A session has one beat: that of the deck that leads, or, where none does, its own at a steady pace. A deck
that follows plays a beat of its own for each of the session's, so its tempo is that of the session over
that of its track at that place; what it is off by is taken up at 70 % a beat, by at most 5 % of the tempo.
Where it plays fewer beats, any of the session's may be its next. While the deck that leads repeats a part
of a beat or plays backwards, the beat goes on as if it did not. Positions here are exact, so there is
nothing to ignore but rounding.

Thread: [render].
"""
from libc.math cimport INFINITY, fabs, floor, log
from libc.stdint cimport int64_t

from remixd._kernel.deck cimport deck_extend, deck_loops, glide_value
from remixd._kernel.grid cimport grid_beat, grid_interval
from remixd._kernel.mailbox cimport COMMAND_LEAD, COMMAND_PACE, REASON_NONE, REASON_NO_BEAT, Command
from remixd._kernel.marks cimport session_find_bends
from remixd._kernel.moves cimport session_move_map
from remixd._kernel.player cimport TEMPO
from remixd._kernel.reader cimport QUANTUM, STEPS, reader_position, reader_wrap
from remixd._kernel.resample cimport FIX
from remixd._kernel.state cimport DECKS, EVERY_DECK, NO_DECK

cdef enum:
    RATE_HZ = 48000

cdef double _gain = 0.7         # of the error, a beat
cdef double _most = 0.05        # of the tempo
cdef double _exact = 2.4        # frames off that are left alone: 50 us
cdef double _one = 1.0 / (1 << FIX)


cdef bint deck_has_beat(const Deck* deck) noexcept nogil:
    """Whether it has a track whose beats are heard."""
    return deck.player != NULL and deck.player.grid.heard


cdef bint _leads(const SessionState* session) noexcept nogil:
    """Whether a deck leads now."""
    return (session.lead != NO_DECK and session.decks[session.lead].now != NULL
            and deck_has_beat(&session.decks[session.lead]))


cdef bint _goes_on(const Deck* lead) noexcept nogil:
    """Whether its beats come one after the other."""
    cdef double looped
    if lead.backwards or not deck_loops(lead):
        return not lead.backwards
    looped = (lead.loop_end - lead.loop_start) * _one
    looped /= grid_interval(&lead.player.grid, lead.loop_start * _one)
    return fabs(_wrapped(looped)) <= 0.01


cdef double _wrapped(double beats) noexcept nogil:
    """Beats to the nearest beat: -.5 to .5."""
    return beats - floor(beats + 0.5)


cdef double session_beat_at(const SessionState* session, int64_t sample) noexcept nogil:
    """The session's beat at a sample that is planned."""
    cdef const Deck* lead
    if _leads(session) and _goes_on(&session.decks[session.lead]):
        lead = &session.decks[session.lead]
        return grid_beat(&lead.player.grid, reader_position(lead.now, sample) * _one)
    return session.beat - session.pace * (session.end_step * QUANTUM - sample) / QUANTUM


cdef double beat_error(const SessionState* session, const Deck* deck, double beat,
                       double frame) noexcept nogil:
    """By how many of its beats a deck at a source frame is behind the session's beat."""
    cdef double error = beat * deck.share - grid_beat(&deck.player.grid, frame)
    return _wrapped(error) if deck.share >= 1.0 else _wrapped(error / deck.share) * deck.share


cdef double _end_frame(const Deck* deck) noexcept nogil:
    """The source frame at which a deck is where the plan ends."""
    return (reader_wrap(deck.now, deck.now.end_source) if deck.now != NULL else deck.rest) * _one


cdef void _take_pace(SessionState* session, const Deck* deck) noexcept nogil:
    """Let the session's own beat be the one that a deck plays now."""
    cdef double frame = _end_frame(deck)
    cdef double tempo = glide_value(&deck.tempo, session.end_step)
    session.pace = QUANTUM * tempo / grid_interval(&deck.player.grid, frame)
    session.beat = grid_beat(&deck.player.grid, frame)


cdef void _choose_share(const SessionState* session, Deck* deck, double tempo) noexcept nogil:
    """Choose how many beats it plays to one of the session's: what bends it least from a tempo."""
    cdef double[5] shares = [1.0, 2.0, 0.5, 4.0, 0.25]
    cdef double interval = grid_interval(&deck.player.grid, _end_frame(deck)), bend, least = INFINITY
    cdef int i
    for i in range(5):
        bend = fabs(log(session.pace * shares[i] * interval / (QUANTUM * tempo)))
        if bend < least:
            least = bend
            deck.share = shares[i]


cdef void _take_lead(SessionState* session, int index) noexcept nogil:
    """Let a deck lead from now on; those that follow keep to their tempo as well as its beat allows."""
    cdef Deck* deck
    cdef int i
    session.lead = index
    _take_pace(session, &session.decks[index])
    for i in range(DECKS):
        deck = &session.decks[i]
        if i != index and deck.following and deck_has_beat(deck):
            _choose_share(session, deck, glide_value(&deck.tempo, session.end_step))


cdef void session_forget(SessionState* session, int index) noexcept nogil:
    """Other music is on a deck: it leads no more, and follows as suits the music."""
    cdef Deck* deck = &session.decks[index]
    if session.lead == index:
        session.lead = NO_DECK
    if deck.following and deck_has_beat(deck) and session.pace > 0.0:
        _choose_share(session, deck, 1.0)


cdef int session_follow(SessionState* session, const Command* command) noexcept nogil:
    """Follow or lead, or not; or the session's own beat. The reason why not, if it cannot be."""
    cdef Deck* deck
    cdef int i
    if command.kind == COMMAND_PACE:
        session.pace = min(max(command.value, 20.0), 400.0) / 60.0 * QUANTUM / RATE_HZ
        session.lead = NO_DECK
        return REASON_NONE
    if command.kind == COMMAND_LEAD and (command.deck == EVERY_DECK or command.value == 0.0):
        if command.deck == EVERY_DECK or command.deck == session.lead:
            session.lead = NO_DECK
        return REASON_NONE
    deck = &session.decks[command.deck]
    if command.value == 0.0:
        deck.following = False
        return REASON_NONE
    if not deck_has_beat(deck):
        return REASON_NO_BEAT
    if command.kind == COMMAND_LEAD:
        deck.following = False
        _take_lead(session, command.deck)
        return REASON_NONE
    for i in range(DECKS):
        if session.lead == NO_DECK and i != command.deck and session.decks[i].now != NULL and (
            deck_has_beat(&session.decks[i])
        ):
            _take_lead(session, i)
    if session.pace == 0.0:
        _take_pace(session, deck)
    _choose_share(session, deck, 1.0)
    deck.following = True
    return REASON_NONE


cdef void _keep_beat(SessionState* session) noexcept nogil:
    """Take the beat and the pace of the deck that leads at the end of the plan."""
    cdef Deck* lead
    cdef double frame
    if not _leads(session):
        return
    lead = &session.decks[session.lead]
    frame = _end_frame(lead)
    session.pace = QUANTUM * glide_value(&lead.tempo, session.end_step)
    session.pace /= grid_interval(&lead.player.grid, frame)
    if _goes_on(lead):
        session.beat = grid_beat(&lead.player.grid, frame)


cdef double _followed(const SessionState* session, const Deck* deck) noexcept nogil:
    """The tempo at which a deck keeps to the session's beat, within its rights."""
    cdef double frame = _end_frame(deck), interval, tempo, error
    interval = grid_interval(&deck.player.grid, frame)
    tempo = session.pace * deck.share * interval / QUANTUM
    error = beat_error(session, deck, session.beat, frame)
    if fabs(error) * interval > _exact and deck.now != NULL and not deck.backwards:
        tempo *= 1.0 + min(max(_gain * error, -_most), _most)
    elif fabs(tempo - 1.0) < 1e-9:
        tempo = 1.0
    return min(max(tempo, deck.player.low[TEMPO]), deck.player.high[TEMPO])


cdef void session_replan(const SessionState* session, Deck* deck) noexcept nogil:
    """Let a deck that rests keep to the session's beat in what is planned already, too."""
    cdef double tempo = _followed(session, deck)
    cdef int64_t step
    for step in range(session.quantum, session.end_step):
        deck.plan.tempo[step % STEPS] = tempo


cdef void session_extend(SessionState* session) noexcept nogil:
    """Plan one step more, for every deck; commands that are due there bend it."""
    cdef int64_t step = session.end_step
    cdef Deck* deck
    cdef double tempo
    cdef int i
    if session.for_marks.count > 0:
        session_find_bends(session)
    session_move_map(session)
    _keep_beat(session)
    for i in range(DECKS):
        deck = &session.decks[i]
        tempo = glide_value(&deck.tempo, step)
        if deck.following and i != session.lead and deck_has_beat(deck) and session.pace > 0.0:
            tempo = _followed(session, deck)
            deck.tempo.value_from = tempo               # where it goes on when it no longer follows
            deck.tempo.value_to = tempo
        deck_extend(deck, step, tempo, glide_value(&deck.pitch, step))
    session.beat += session.pace
    session.end_step += 1


cdef void session_plan_to(SessionState* session, int64_t sample) noexcept nogil:
    """Plan as far as a sample, and the step it lies in."""
    while session.end_step <= sample // QUANTUM + 1:
        session_extend(session)
