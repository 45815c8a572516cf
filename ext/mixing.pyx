"""Mixing: every deck's stems at their gains and its layer, through its channel, and the echo, in one block.

Thread: [render].
"""
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.apart cimport apart_add
from remixd._kernel.channel cimport channel_is_neutral, channel_process
from remixd._kernel.deck cimport Deck, deck_fades
from remixd._kernel.echo cimport echo_process
from remixd._kernel.gains cimport deck_fill_gains, deck_gains, deck_gains_rest
from remixd._kernel.layer cimport layer_add
from remixd._kernel.player cimport ROLES, PlayerState
from remixd._kernel.racking cimport Parts, deck_parts, deck_rack_parts, deck_sounds, session_rack
from remixd._kernel.racks cimport Racks, place_of, racks_on_deck
from remixd._kernel.reader cimport (
    LANE_DRUMS,
    QUANTUM,
    Reader,
    STEMS_MAX,
    reader_advance,
    reader_read,
    reader_read_sum,
)
from remixd._kernel.state cimport DECKS, NO_DECK
from remixd._kernel.strip cimport add_ramped, add_scaled
from remixd._kernel.trace cimport stamp

cdef enum:
    RINGING = 4800          # frames for which a channel's filters may sound on


cdef void _stem_gains(const PlayerState* player, const float* gains, float* out) noexcept nogil:
    cdef int i
    for i in range(player.readers[0].stems_count):
        out[i] = gains[player.role_of[i]]


cdef const float* _ramp(const SessionState* session, int deck, const PlayerState* player,
                        int role) noexcept nogil:
    """The gains of a role of what is on a deck, or fades out there."""
    if player != session.decks[deck].player:
        return session.ramps_before[deck][role]
    return session.ramps[deck][role]


cdef void _read(SessionState* session, int deck, Reader* reader, const PlayerState* player, bint flat,
                const float* gains, const Parts* out) noexcept nogil:
    """Add what a reader plays in a quantum, at the gains of its stems, to the deck's parts."""
    cdef float* into
    cdef int i
    cdef bint summed = player.summed and not reader.varispeed, silent
    cdef float[STEMS_MAX] stem_gains
    memset(stem_gains, 0, sizeof(stem_gains))
    if summed:
        _stem_gains(player, gains, stem_gains)
    reader_advance(reader, session.quantum, stem_gains, session.scratch)
    if summed:
        reader_read_sum(reader, session.quantum, session.stem)
        add_scaled(out.into[ROLES], session.stem, 1.0, QUANTUM)
    for i in range(reader.stems_count):
        silent = flat and gains[player.role_of[i]] == 0.0
        if reader.voices[i].lane != LANE_DRUMS and (silent or summed):
            continue                                    # drums read on, heard or not
        reader_read(reader, i, session.quantum, session.stem)
        if silent:
            continue
        into = out.into[player.role_of[i]]
        if flat:
            add_scaled(into, session.stem, gains[player.role_of[i]], QUANTUM)
        else:
            add_ramped(into, session.stem, _ramp(session, deck, player, player.role_of[i]), QUANTUM)


cdef void _read_faded(SessionState* session, int deck, Reader* reader, const PlayerState* player, bint flat,
                      const float* gains, const float* fade, const Parts* out) noexcept nogil:
    """The same, as it fades in or out."""
    cdef Parts sounds
    cdef int part
    deck_sounds(session, out, &sounds)
    _read(session, deck, reader, player, flat, gains, &sounds)
    for part in range(out.count):
        add_ramped(out.into[part], sounds.into[part], fade, QUANTUM)


cdef void _mix_deck(SessionState* session, int index, int filled, float* out) noexcept nogil:
    """Add a deck's quantum to `out`; `filled` frames of its ramps are there already."""
    cdef Parts parts
    cdef Deck* deck = &session.decks[index]
    cdef int64_t sample = session.quantum * QUANTUM
    cdef float[ROLES] gains
    cdef float[QUANTUM] rising
    cdef float[QUANTUM] falling
    cdef bint flat = filled == 0 and deck_gains_rest(session, index, sample)
    cdef bint fading = sample < deck.fade_end
    if not flat:
        deck_fill_gains(session, index, sample, filled, QUANTUM)
    if fading:
        deck_fades(deck, sample, rising, falling)
    deck_gains(session, index, deck.player, sample, gains)
    deck_parts(session, index, out, &parts)
    if deck.now != NULL and fading:
        _read_faded(session, index, deck.now, deck.player, flat, gains, rising, &parts)
    elif deck.now != NULL:
        _read(session, index, deck.now, deck.player, flat, gains, &parts)
    if deck.before != NULL:
        deck_gains(session, index, deck.before_player, sample, gains)
        _read_faded(session, index, deck.before, deck.before_player, flat, gains, falling, &parts)
    layer_add(session, index, parts.into[ROLES])
    deck_rack_parts(session, index, &parts, out)


cdef void _take_apart(SessionState* session, int index) noexcept nogil:
    """Take the parts of a deck that was mixed, before its channel, for those who hear them one by one."""
    cdef const Deck* deck = &session.decks[index]
    cdef const Racks* racks = session.racks
    cdef int late = racks.places[place_of(index, -1)].delay + racks.places[place_of(-1, -1)].delay
    if session.apart != NULL:
        apart_add(session.apart, index, &deck.channel, session.quantum * QUANTUM, late,
                  _may_part(deck.player) and _may_part(deck.before_player))


cdef inline bint _may_part(const PlayerState* player) noexcept nogil:
    return player == NULL or (player.separable and not player.summed)


cdef void session_mix(SessionState* session, const int* filled) noexcept nogil:
    """Every deck through its channel, and the echo of what they send, into `block`."""
    cdef Deck* deck
    cdef int64_t sample = session.quantum * QUANTUM
    cdef bint sending = False, racked
    cdef int i
    memset(session.block, 0, sizeof(session.block))
    for i in range(DECKS):
        deck = &session.decks[i]
        racked = racks_on_deck(session.racks, i)
        if not racked and deck.now == NULL and deck.before == NULL and sample >= deck.fade_end + RINGING:
            continue
        if not racked and channel_is_neutral(&deck.channel, sample):
            _mix_deck(session, i, filled[i], session.block)
            _take_apart(session, i)
            continue
        if not sending:
            memset(session.send, 0, sizeof(session.send))
            sending = True
        memset(session.deck, 0, sizeof(session.deck))
        _mix_deck(session, i, filled[i], session.deck)
        _take_apart(session, i)
        session_rack(session, i, session.deck)
        channel_process(&deck.channel, session.deck, sample, session.send)
        add_scaled(session.block, session.deck, 1.0, QUANTUM)
    if sending or not session.echo.idle:
        if not sending:
            memset(session.send, 0, sizeof(session.send))
        echo_process(&session.echo, session.send, session.block, QUANTUM)
    else:
        session.echo.clock += QUANTUM
    if session.trace != NULL:
        session.trace.mixed = stamp(session.trace.cycles)
    session_rack(session, NO_DECK, session.block)
