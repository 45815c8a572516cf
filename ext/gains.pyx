"""Gains: what the mix gives a role, times what the hand on its deck does, vocals within their rights.

Vocals that may not be heard alone are held to so much above the loudest other role of their deck, or, where
both works may be mashed up, of any deck that sounds. Thread: [render].
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


cdef inline float _gain(const Deck* deck, int role, int64_t sample) noexcept nogil:
    """What mix and hand make of a role together, within its rights."""
    cdef float gain = ramp_value(&deck.gains[role], sample) * ramp_value(&deck.levels[role], sample)
    if deck.player == NULL:
        return gain
    return min(max(gain, deck.player.least[role]), deck.player.most[role])


cdef bint _lends(const SessionState* session, int deck, int other) noexcept nogil:
    """Whether another deck's band may carry the vocals of a deck."""
    cdef const Deck* band = &session.decks[other]
    if other == deck or band.now == NULL or band.player == NULL:
        return False
    return session.decks[deck].player.mashable and band.player.mashable


cdef float _share(const SessionState* session, int deck, int other, int64_t sample) noexcept nogil:
    """How loud another deck comes through its channel, beside a deck whose vocals it may carry."""
    cdef const Channel* band = &session.decks[other].channel
    cdef float own = ramp_value(&session.decks[deck].channel.fader.ramp, sample), most = 0.0
    cdef int i
    for i in range(BANDS):
        most = max(most, ramp_value(&band.isolator.gains[i].ramp, sample))
    return ramp_value(&band.fader.ramp, sample) * min(most, <float>1.0) / max(own, <float>1e-3)


cdef float _loudest(const SessionState* session, int deck, int64_t sample, bint* others) noexcept nogil:
    """The gain of the loudest role that may carry a deck's vocals; `others` is whether there is any."""
    cdef float loudest = 0.0, share
    cdef int role, other
    others[0] = False
    for other in range(DECKS):
        if other != deck and not _lends(session, deck, other):
            continue
        share = 1.0 if other == deck else _share(session, deck, other, sample)
        for role in range(ROLES):
            if role != VOCALS and session.decks[other].player.role_present[role]:
                others[0] = True
                loudest = max(loudest, share * _gain(&session.decks[other], role, sample))
    return loudest


cdef bint _rests(const Deck* deck, int64_t sample) noexcept nogil:
    cdef int role
    for role in range(ROLES):
        if not (ramp_is_flat(&deck.gains[role], sample, QUANTUM)
                and ramp_is_flat(&deck.levels[role], sample, QUANTUM)):
            return False
    return True


cdef bint _is_lent(const SessionState* session, int deck) noexcept nogil:
    """Whether any other deck's band may carry the vocals of a deck."""
    cdef int other
    if session.decks[deck].player == NULL or not session.decks[deck].player.mashable:
        return False
    for other in range(DECKS):
        if _lends(session, deck, other):
            return True
    return False


cdef bint deck_gains_rest(const SessionState* session, int deck, int64_t sample) noexcept nogil:
    """Whether every gain of a deck stands still over a quantum."""
    return _rests(&session.decks[deck], sample) and not _is_lent(session, deck)


cdef void deck_gains(const SessionState* session, int deck, int64_t sample, float* out) noexcept nogil:
    """The linear gain of each role at a sample, rights included."""
    cdef const Deck* here = &session.decks[deck]
    cdef bint others = False
    cdef float loudest
    cdef int role
    for role in range(ROLES):
        out[role] = _gain(here, role, sample)
    if here.player == NULL or here.player.vocals_limit <= 0.0:
        return
    loudest = _loudest(session, deck, sample, &others)
    if others:
        out[VOCALS] = min(out[VOCALS], here.player.vocals_limit * loudest)


cdef void _limit_vocals(SessionState* session, int deck, int64_t sample, int first,
                        int last) noexcept nogil:
    """Hold vocals within so much of what carries them, at frames [first, last) of a quantum."""
    cdef const PlayerState* player = session.decks[deck].player
    cdef float[QUANTUM] loudest
    cdef float* gains
    cdef bint others = False, lent = _is_lent(session, deck)
    cdef int role
    cdef Py_ssize_t i
    memset(loudest, 0, sizeof(loudest))
    for role in range(ROLES):
        if role != VOCALS and player.role_present[role]:
            others = True
            gains = session.ramps[deck][role]
            for i in range(first, last):
                loudest[i] = gains[i] if gains[i] > loudest[i] else loudest[i]
    if lent:
        for i in range(first, last):
            loudest[i] = _loudest(session, deck, sample + i, &others)
    if not others:
        return
    gains = session.ramps[deck][VOCALS]
    for i in range(first, last):
        loudest[i] *= player.vocals_limit
        gains[i] = loudest[i] if loudest[i] < gains[i] else gains[i]


cdef void _multiply(const Deck* deck, int role, const float* levels, int first, int last,
                    float* gains) noexcept nogil:
    """Put the hand's levels on a role's gains, within its rights."""
    cdef float least = 0.0, most = 4.0
    cdef Py_ssize_t i
    if deck.player != NULL:
        least, most = deck.player.least[role], deck.player.most[role]
    for i in range(first, last):
        gains[i] *= levels[i]
        gains[i] = least if gains[i] < least else gains[i]
        gains[i] = most if gains[i] > most else gains[i]


cdef void deck_fill_gains(SessionState* session, int deck, int64_t sample, int first,
                          int last) noexcept nogil:
    """The gain of each role of a deck at frames [first, last) of the quantum that begins at `sample`."""
    cdef const Deck* here = &session.decks[deck]
    cdef float[QUANTUM] levels
    cdef float* gains
    cdef int role
    for role in range(ROLES):
        gains = session.ramps[deck][role]
        ramp_fill(&here.gains[role], sample, first, last, gains)
        if here.levels[role].gain_from == 1.0 == here.levels[role].gain_to:
            continue
        ramp_fill(&here.levels[role], sample, first, last, levels)
        _multiply(here, role, levels, first, last, gains)
    if here.player != NULL and here.player.vocals_limit > 0.0:
        _limit_vocals(session, deck, sample, first, last)


cdef void deck_prime_gains(SessionState* session, int deck) noexcept nogil:
    """Let the frames of what a deck has just begun to read have the gains that are now."""
    cdef Deck* here = &session.decks[deck]
    cdef float[ROLES] gains
    cdef int i, j
    deck_gains(session, deck, session.quantum * QUANTUM, gains)
    for i in range(here.now.stems_count):
        for j in range(4):
            here.now.voices[i].gains[j] = gains[here.player.role_of[i]] if here.player.summed else 1.0
