"""The tone of a session's whole mix, as wishes and the rights of all that plays leave it.

Decks play into one mix, so what moves it is held to the narrowest range that rights leave it on any deck that
plays. Where a deck begins or ends, it goes on from there, in 10 ms; nothing moves faster. Thread: [render].
"""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.mailbox cimport Command
from remixd._kernel.player cimport BRIGHTNESS, PlayerState
from remixd._kernel.state cimport DECKS
from remixd._kernel.strip cimport RAMP_STRAIGHT, Ramp, ramp_value
from remixd._kernel.tone cimport TONES, tone_knob, tone_move, tone_start

cdef double[TONES] _low = [-12.0, 0.0, 0.0]
cdef double[TONES] _high = [12.0, 1.0, 1.0]


cdef double _allowed(const SessionState* session, int which) noexcept nogil:
    """What the mix gives one of the tones, within the rights of all that plays."""
    cdef int dimension = BRIGHTNESS + which, i
    cdef double low = _low[which], high = _high[which]
    cdef const PlayerState* player
    for i in range(DECKS):
        player = session.decks[i].player
        if session.decks[i].now != NULL and player != NULL:
            low = max(low, player.low[dimension])
            high = min(high, player.high[dimension])
    return min(max(session.mix[dimension], low), high)


cdef void session_begin_tone(SessionState* session, int64_t sample) noexcept nogil:
    """Let every tone be where its ramp is at a sample before which nothing was heard."""
    cdef Ramp ramp
    cdef float value
    cdef int which
    for which in range(TONES):
        ramp = tone_knob(&session.tone, which).ramp
        value = <float>_allowed(session, which)
        if value == ramp.gain_to:
            value = ramp_value(&ramp, sample - 1)
        else:
            ramp = Ramp(value, value, sample, 0, RAMP_STRAIGHT, 0.0, 0.0, 0.0)
        tone_start(&session.tone, which, value)
        tone_knob(&session.tone, which).ramp = ramp         # nothing is lost of one that is under way


cdef void session_hold_tone(SessionState* session, int64_t sample) noexcept nogil:
    """Go where what plays in the quantum from `sample` on lets it go; to neutral all rights do."""
    cdef const double* mix = &session.mix[BRIGHTNESS]
    cdef float value
    cdef int which
    if session.tone.rests and mix[0] == 0.0 and mix[1] == 0.0 and mix[2] == 0.0:
        return
    for which in range(TONES):
        value = <float>_allowed(session, which)
        if value != tone_knob(&session.tone, which).ramp.gain_to:
            tone_move(&session.tone, which, value, sample, TONE_RAMP_LEAST)


cdef double session_turn_tone(SessionState* session, const Command* command, int64_t start) noexcept nogil:
    """Move a tone, from a sample of this quantum on; the value that is given."""
    cdef int which = command.dimension - BRIGHTNESS
    cdef double value
    session.mix[command.dimension] = command.value
    value = _allowed(session, which)
    tone_move(&session.tone, which, <float>value, start, max(command.ramp_frames, <uint32_t>TONE_RAMP_LEAST))
    return value
