"""Loading: what is on a deck is changed while the session plays.

Housekeeping has laid the player down on the shelf; what is no longer heard is given back to it.
Thread: [render].
"""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.deck cimport FADE, Deck, deck_ahead, deck_stop
from remixd._kernel.follow cimport session_forget, session_plan_to
from remixd._kernel.loops cimport fixed, go_to, is_due, is_inside, soonest, tell_done
from remixd._kernel.mailbox cimport COMMAND_LOAD, REASON_MISSING, REASON_OUTSIDE, Command
from remixd._kernel.moves cimport deck_take_mix, session_refuse
from remixd._kernel.player cimport PlayerState
from remixd._kernel.resample cimport FIX
from remixd._kernel.shelf cimport shelf_find, shelf_give, shelf_take
from remixd._kernel.state cimport SessionState


cdef void _unwind(Deck* deck) noexcept nogil:
    """Forget loops, slip and direction: other music is on the deck."""
    deck.loop_start = 0
    deck.loop_end = 0
    deck.slipping = False
    deck.backwards = False


cdef void _put(SessionState* session, Deck* deck, PlayerState* player) noexcept nogil:
    """Have other music on a deck that rests; what was there is given back unless it still fades out."""
    if deck.player != NULL and deck.before_player != deck.player:
        shelf_give(&session.shelf, deck.player)
    deck.player = player
    if player != NULL:
        shelf_take(&session.shelf, player)
        deck_take_mix(session, deck)


cdef bint load_deck(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    """Load a deck, or eject what is on it: it rests then."""
    cdef int64_t sample = max(command.sample, soonest(session, deck, 0))
    cdef PlayerState* player = NULL
    if not is_due(session, sample, 0 if deck.now != NULL else FADE):
        return False
    if command.kind == COMMAND_LOAD:
        player = <PlayerState*>shelf_find(&session.shelf, <uint32_t>command.extra)
        if player == NULL:
            session_refuse(session, command, REASON_MISSING)
            return True
        if not is_inside(player, fixed(command.value)):
            session_refuse(session, command, REASON_OUTSIDE)
            return True
    deck.settled = sample
    if deck.now != NULL:
        session_plan_to(session, sample)
        deck_stop(deck, sample)
    _unwind(deck)
    _put(session, deck, player)
    deck.rest = fixed(command.value) if player != NULL else 0
    deck.ended = False
    session_forget(session, command.deck)
    tell_done(session, command, sample, deck.rest, command.value)
    return True


cdef bint swap_player(SessionState* session, Deck* deck, const Command* command) noexcept nogil:
    """Go on at the same place in other stems, or another language, of the same music."""
    cdef int lead = FADE if deck.now != NULL else 0
    cdef int64_t sample = max(command.sample, soonest(session, deck, lead)), here
    cdef PlayerState* player = <PlayerState*>shelf_find(&session.shelf, <uint32_t>command.extra)
    if not is_due(session, sample, FADE):
        return False
    session_plan_to(session, sample)
    here = deck_ahead(deck, session.quantum, sample)
    if player == NULL:
        session_refuse(session, command, REASON_MISSING)
    elif not is_inside(player, here):
        session_refuse(session, command, REASON_OUTSIDE)
    else:
        if deck.now == NULL:
            deck.settled = sample
            _put(session, deck, player)
        else:
            shelf_take(&session.shelf, player)
            go_to(session, deck, player, here, sample, FADE, True)
            deck_take_mix(session, deck)
        if deck.loop_end > player.length << FIX:
            deck.loop_end = 0
        tell_done(session, command, sample, here, command.value)
    return True
