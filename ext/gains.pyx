"""Gains: what the mix gives a role, times what the hand on its deck does, vocals within their rights.

Vocals that may not be heard alone are held to so much above the loudest other role of their deck, or, where
both works may be mashed up, of any deck that sounds; what fades out, by its own rights. Thread: [render].
"""
from libc.stdint cimport int64_t
from libc.string cimport memset

from remixd._kernel.channel cimport Channel
from remixd._kernel.deck cimport Deck
from remixd._kernel.isolator cimport BANDS
from remixd._kernel.player cimport PlayerState, ROLES, VOCALS
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.state cimport DECKS
from remixd._kernel.strip cimport ramp_fill, ramp_is_flat, ramp_value


cdef inline float _gain(const Deck* deck, const PlayerState* player, int role, int64_t sample) noexcept nogil:
    """What mix and hand make of a role together, within its rights."""
    cdef float gain = ramp_value(&deck.gains[role], sample) * ramp_value(&deck.levels[role], sample)
    if player == NULL:
        return gain
    return min(max(gain, player.least[role]), player.most[role])


cdef const PlayerState* _carrier(const SessionState* session, const PlayerState* player, int deck, int other,
                                 int64_t sample) noexcept nogil:
    """What on a deck may carry a player's vocals: its own band, or another's while it sounds; or NULL."""
    cdef const Deck* band = &session.decks[other]
    cdef const PlayerState* carrier = band.player
    if other == deck:
        return player
    if band.now == NULL:
        if sample >= band.sounding.start + band.sounding.frames:
            return NULL
        if band.before_player != NULL:
            carrier = band.before_player
    return carrier if carrier != NULL and carrier.mashable and player.mashable else NULL


cdef float _share(const SessionState* session, int deck, int other, int64_t sample) noexcept nogil:
    """How loud another deck comes through its channel, beside a deck whose vocals it may carry."""
    cdef const Channel* band = &session.decks[other].channel
    cdef float own = ramp_value(&session.decks[deck].channel.fader.ramp, sample), most = 0.0
    cdef int i
    for i in range(BANDS):
        most = max(most, ramp_value(&band.isolator.gains[i].ramp, sample))
    most = min(most, <float>1.0) * ramp_value(&session.decks[other].sounding, sample)
    return ramp_value(&band.fader.ramp, sample) * most / max(own, <float>1e-3)


cdef float _loudest(const SessionState* session, int deck, const PlayerState* player, int64_t sample,
                    bint* others) noexcept nogil:
    """The gain of the loudest role that may carry a player's vocals; `others` is whether there is any."""
    cdef const PlayerState* carrier
    cdef float loudest = 0.0, share
    cdef int role, other
    others[0] = False
    for other in range(DECKS):
        carrier = _carrier(session, player, deck, other, sample)
        if carrier == NULL:
            continue
        share = 1.0 if other == deck else _share(session, deck, other, sample)
        for role in range(ROLES):
            if role != VOCALS and carrier.role_present[role]:
                others[0] = True
                loudest = max(loudest, share * _gain(&session.decks[other], carrier, role, sample))
    return loudest


cdef bint _rests(const Deck* deck, int64_t sample) noexcept nogil:
    cdef int role
    for role in range(ROLES):
        if not (ramp_is_flat(&deck.gains[role], sample, QUANTUM)
                and ramp_is_flat(&deck.levels[role], sample, QUANTUM)):
            return False
    return True


cdef bint _is_lent(const SessionState* session, int deck, const PlayerState* player,
                   int64_t sample) noexcept nogil:
    """Whether any other deck's band may carry the vocals of a player."""
    cdef int other
    if player == NULL or not player.mashable:
        return False
    for other in range(DECKS):
        if other != deck and _carrier(session, player, deck, other, sample) != NULL:
            return True
    return False


cdef bint deck_gains_rest(const SessionState* session, int deck, int64_t sample) noexcept nogil:
    """Whether every gain of a deck stands still over a quantum."""
    cdef const Deck* here = &session.decks[deck]
    return _rests(here, sample) and not (
        _is_lent(session, deck, here.player, sample) or _is_lent(session, deck, here.before_player, sample)
    )


cdef void deck_gains(const SessionState* session, int deck, const PlayerState* player, int64_t sample,
                     float* out) noexcept nogil:
    """The linear gain of each role of what is on a deck at a sample, rights included."""
    cdef const Deck* here = &session.decks[deck]
    cdef bint others = False
    cdef float loudest
    cdef int role
    for role in range(ROLES):
        out[role] = _gain(here, player, role, sample)
    if player == NULL or player.vocals_limit <= 0.0:
        return
    loudest = _loudest(session, deck, player, sample, &others)
    if others:
        out[VOCALS] = min(out[VOCALS], player.vocals_limit * loudest)


cdef void _limit_vocals(const SessionState* session, int deck, const PlayerState* player, int64_t sample,
                        int first, int last, float* ramps) noexcept nogil:
    """Hold vocals within so much of what carries them, at frames [first, last) of a quantum."""
    cdef float[QUANTUM] loudest
    cdef float* gains
    cdef bint others = False, lent = _is_lent(session, deck, player, sample)
    cdef int role
    cdef Py_ssize_t i
    memset(loudest, 0, sizeof(loudest))
    for role in range(ROLES):
        if role != VOCALS and player.role_present[role]:
            others = True
            gains = ramps + role * QUANTUM
            for i in range(first, last):
                loudest[i] = gains[i] if gains[i] > loudest[i] else loudest[i]
    if lent:
        for i in range(first, last):
            loudest[i] = _loudest(session, deck, player, sample + i, &others)
    if not others:
        return
    gains = ramps + VOCALS * QUANTUM
    for i in range(first, last):
        loudest[i] *= player.vocals_limit
        gains[i] = loudest[i] if loudest[i] < gains[i] else gains[i]


cdef void _multiply(const PlayerState* player, int role, const float* levels, int first, int last,
                    float* gains) noexcept nogil:
    """Put the hand's levels on a role's gains, within the rights of what is played."""
    cdef float least = 0.0, most = 4.0
    cdef Py_ssize_t i
    if player != NULL:
        least, most = player.least[role], player.most[role]
    for i in range(first, last):
        gains[i] *= levels[i]
        gains[i] = least if gains[i] < least else gains[i]
        gains[i] = most if gains[i] > most else gains[i]


cdef void _fill(const SessionState* session, int deck, const PlayerState* player, int64_t sample, int first,
                int last, float* ramps) noexcept nogil:
    """The gain of each role of what is on a deck, or fades out there, into ROLES rows of QUANTUM."""
    cdef const Deck* here = &session.decks[deck]
    cdef float[QUANTUM] levels
    cdef float* gains
    cdef int role
    for role in range(ROLES):
        gains = ramps + role * QUANTUM
        ramp_fill(&here.gains[role], sample, first, last, gains)
        if here.levels[role].gain_from == 1.0 == here.levels[role].gain_to:
            continue
        ramp_fill(&here.levels[role], sample, first, last, levels)
        _multiply(player, role, levels, first, last, gains)
    if player != NULL and player.vocals_limit > 0.0:
        _limit_vocals(session, deck, player, sample, first, last, ramps)


cdef void deck_fill_gains(SessionState* session, int deck, int64_t sample, int first,
                          int last) noexcept nogil:
    """The gain of each role of a deck at frames [first, last) of the quantum that begins at `sample`."""
    cdef const Deck* here = &session.decks[deck]
    _fill(session, deck, here.player, sample, first, last, &session.ramps[deck][0][0])
    if here.before_player != NULL and here.before_player != here.player:
        _fill(session, deck, here.before_player, sample, first, last, &session.ramps_before[deck][0][0])


cdef void deck_prime_gains(SessionState* session, int deck) noexcept nogil:
    """Let the frames of what a deck has just begun to read have the gains that are now."""
    cdef Deck* here = &session.decks[deck]
    cdef float[ROLES] gains
    cdef int i, j
    deck_gains(session, deck, here.player, session.quantum * QUANTUM, gains)
    for i in range(here.now.stems_count):
        for j in range(4):
            here.now.voices[i].gains[j] = gains[here.player.role_of[i]] if here.player.summed else 1.0
