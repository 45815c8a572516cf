"""Racks in a session: what commands do with them, and where in the mix they stand.

A role's racks work on its stems at their gains; a deck's on the sum of these, before its channel; the
master's on everything, before the limiter. Where a player's stems are summed in the spectrum, only its drums
can be told apart. Thread: [render].
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from remixd._kernel.deck cimport Deck
from remixd._kernel.describe cimport shown_deck
from remixd._kernel.follow cimport session_beat_at
from remixd._kernel.grid cimport grid_beat, grid_interval
from remixd._kernel.knob cimport knob_move
from remixd._kernel.mailbox cimport (
    COMMAND_RACK,
    REASON_DELAY,
    REASON_FULL,
    REASON_MISSING,
    REASON_SUMMED,
    REPORT_APPLIED,
    REPORT_BYPASSED,
    Command,
)
from remixd._kernel.moves cimport session_answer, session_refuse, session_report
from remixd._kernel.player cimport DRUMS, ROLES
from remixd._kernel.rack cimport Beat, RackState
from remixd._kernel.racks cimport (
    BANK,
    PARTS,
    PLACES,
    RACK_RAMP_LEAST,
    Bank,
    Racks,
    place_of,
    racks_at,
    racks_attach,
    racks_find,
    racks_on_parts,
    racks_process,
    racks_tend,
)
from remixd._kernel.reader cimport QUANTUM, STEPS, reader_position
from remixd._kernel.resample cimport FIX
from remixd._kernel.shelf cimport shelf_find
from remixd._kernel.state cimport EVERY_DECK, NO_DECK
from remixd._kernel.strip cimport RAMP_STRAIGHT
from remixd._kernel.trace cimport stamp

cdef enum:
    WHOLE_DECK = 0xFFFF     # as a part; so is ROLES

cdef double _one = 1.0 / (1 << FIX)
cdef double _idle_beats = 2.0 / 48000.0     # a frame, where nothing has a beat: 120 a minute


cdef bint rack_makes_sense(const Command* command) noexcept nogil:
    """Whether a command for a rack names a place and a rack that there may be."""
    if command.deck != EVERY_DECK and command.dimension > ROLES and command.dimension != WHOLE_DECK:
        return False
    return 0.0 < command.extra < 4294967296.0


cdef int _place(const Command* command) noexcept nogil:
    if command.deck == EVERY_DECK:
        return place_of(-1, -1)
    return place_of(command.deck, <int>command.dimension if command.dimension < ROLES else -1)


cdef int _why_not(const SessionState* session, const Command* command, const RackState* rack) noexcept nogil:
    """Why a rack that is not in use cannot be; 0 if it can."""
    cdef const Deck* deck
    if rack == NULL:
        return REASON_MISSING
    if session.racks.places[_place(command)].count == BANK:
        return REASON_FULL
    if command.deck != EVERY_DECK and command.dimension < ROLES and command.dimension != DRUMS:
        deck = &session.decks[command.deck]
        if deck.player != NULL and deck.player.summed:
            return REASON_SUMMED
    return 0


cdef void session_weigh(SessionState* session, const Command* command, int64_t start, int64_t position,
                        bint superseded) noexcept nogil:
    """Give a rack another weight from a sample of this quantum on, or as soon as it has something to give."""
    cdef Racks* racks = session.racks
    cdef uint32_t key = <uint32_t>command.extra
    cdef int64_t frames = max(<int64_t>command.ramp_frames, <int64_t>RACK_RAMP_LEAST), begin
    cdef float weight = <float>min(max(command.value, 0.0), 1.0)
    cdef RackState* rack = racks_find(racks, _place(command), key)
    cdef int reason
    if rack == NULL:
        rack = <RackState*>shelf_find(&racks.shelf, key)
        reason = _why_not(session, command, rack)
        if reason == 0 and not racks_attach(racks, _place(command), rack, start):
            reason = REASON_DELAY
        if reason:
            session_refuse(session, command, reason)
            return
    begin = max(start, rack.valid)
    knob_move(&rack.weight, weight, begin, frames, RAMP_STRAIGHT)
    session_report(session, command, REPORT_APPLIED, begin, begin + frames + QUANTUM - 1, position, weight,
                   0 if command.sample < 0 else start - command.sample, superseded)


cdef void _tell_faults(SessionState* session) noexcept nogil:
    """Tell of racks that have turned out faulty."""
    cdef Bank* bank
    cdef RackState* rack
    cdef Command place
    cdef int at, slot
    for at in range(PLACES):
        bank = &session.racks.places[at]
        for slot in range(bank.count):
            rack = bank.racks[slot]
            if rack.fault == 0 or rack.told:
                continue
            rack.told = True
            session.racks.bypassed += 1
            memset(&place, 0, sizeof(Command))
            place.kind = COMMAND_RACK
            place.deck = EVERY_DECK if at == 0 else (at - 1) // (1 + PARTS)
            place.dimension = WHOLE_DECK if at == 0 or (at - 1) % (1 + PARTS) == 0 else (
                (at - 1) % (1 + PARTS) - 1)
            place.value = rack.key
            session_answer(session, &place, REPORT_BYPASSED, rack.fault)


cdef void session_tend_racks(SessionState* session) noexcept nogil:
    """Before a quantum: tell what is wrong, give back what is no longer used, move delays."""
    if session.racks.count:
        _tell_faults(session)
    racks_tend(session.racks, session.quantum)


cdef Beat _beat(const SessionState* session, int index) noexcept nogil:
    """Where the beat of a deck is, or, for what is all decks' or has none, the session's."""
    cdef const Deck* deck = &session.decks[shown_deck(session) if index == NO_DECK else index]
    cdef int64_t sample = session.quantum * QUANTUM
    cdef Beat beat
    cdef double frame
    if deck.now != NULL and deck.player.grid.count > 0:
        frame = reader_position(deck.now, sample) * _one
        beat.beat = grid_beat(&deck.player.grid, frame)
        beat.beats_a_frame = deck.plan.tempo[session.quantum % STEPS]
        beat.beats_a_frame /= grid_interval(&deck.player.grid, frame)
    elif session.pace > 0.0:
        beat.beat = session_beat_at(session, sample)
        beat.beats_a_frame = session.pace / QUANTUM
    else:
        beat.beat = sample * _idle_beats
        beat.beats_a_frame = _idle_beats
    return beat


cdef void _process(SessionState* session, int place, int deck, int late, float* block) noexcept nogil:
    cdef Beat beat
    cdef uint64_t began = 0
    if session.trace != NULL and deck != NO_DECK:
        began = stamp(session.trace.cycles)
    beat.beat = 0.0
    beat.beats_a_frame = 0.0
    if racks_at(session.racks, place):
        beat = _beat(session, deck)
        beat.beat -= late * beat.beats_a_frame
    racks_process(session.racks, place, block, session.quantum, beat)
    if session.trace != NULL and deck != NO_DECK:
        session.trace.racked += stamp(session.trace.cycles) - began


cdef void deck_parts(SessionState* session, int deck, float* out, Parts* parts) noexcept nogil:
    """Where what a deck plays is added to: its parts, where they are told apart; else all to `out`."""
    cdef int part
    parts.count = 1
    for part in range(PARTS):
        parts.into[part] = out
    if racks_on_parts(session.racks, deck) or session.apart != NULL:
        memset(session.racks.parts, 0, sizeof(session.racks.parts))
        parts.count = PARTS
        for part in range(PARTS):
            parts.into[part] = session.racks.parts[part]


cdef void deck_sounds(SessionState* session, const Parts* parts, Parts* sounds) noexcept nogil:
    """As many places, silent, for what a deck plays before it is faded."""
    cdef int part
    sounds.count = parts.count
    memset(session.racks.sounds, 0, parts.count * sizeof(session.racks.sounds[0]))
    for part in range(PARTS):
        sounds.into[part] = session.racks.sounds[part if parts.count > 1 else 0]


cdef void deck_rack_parts(SessionState* session, int deck, const Parts* parts, float* out) noexcept nogil:
    """Add the parts of a deck, each through its racks, to `out`, if they were told apart."""
    cdef int part
    cdef Py_ssize_t i
    if parts.count == 1:
        return
    for part in range(PARTS):
        if racks_on_parts(session.racks, deck):
            _process(session, place_of(deck, part), deck, 0, parts.into[part])
        for i in range(2 * QUANTUM):
            out[i] += parts.into[part][i]
    if session.apart != NULL:
        memcpy(session.apart.deck, session.racks.parts, sizeof(session.apart.deck))


cdef void session_rack(SessionState* session, int deck, float* block) noexcept nogil:
    """A quantum of a deck, or, for NO_DECK, of the master, through its racks, in place."""
    cdef const Racks* racks = session.racks
    cdef int late = 0
    if racks.count == 0 and not racks.delaying:
        return
    if deck != NO_DECK:
        _process(session, place_of(deck, -1), deck, racks.places[place_of(deck, 0)].delay, block)
        return
    late = racks.places[place_of(0, -1)].delay + racks.places[place_of(0, 0)].delay
    _process(session, place_of(-1, -1), deck, late, block)
