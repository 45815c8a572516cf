"""How a session stands: what a packet tells of it. Thread: [render]."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.checkpoint cimport session_keep
from remixd._kernel.deck cimport Deck, deck_loops, deck_position
from remixd._kernel.denormals cimport major_faults
from remixd._kernel.gains cimport deck_gains
from remixd._kernel.meter cimport METER_BLOCKS, meter_loudness, meter_reset_peaks
from remixd._kernel.racks cimport racks_latency
from remixd._kernel.reader cimport STEPS
from remixd._kernel.resample cimport FIX
from remixd._kernel.ring cimport (
    DECK_BACKWARDS,
    DECK_ENDED,
    DECK_FOLLOWING,
    DECK_LEADING,
    DECK_LOOPING,
    DECK_PLAYING,
    DECK_SLIPPING,
    DECK_VARISPEED,
    DeckReading,
    Packet,
)
from remixd._kernel.state cimport DECKS, NO_DECK


cdef int64_t session_position(const SessionState* session, int64_t sample) noexcept nogil:
    """The source position of the deck that is shown first at a sample, FIX fractional bits."""
    return deck_position(&session.decks[shown_deck(session)], sample)


cdef int shown_deck(const SessionState* session) noexcept nogil:
    """The deck that stands for the session: what leads, else the first that plays, else the first."""
    cdef int i
    if session.lead != NO_DECK and session.decks[session.lead].now != NULL:
        return session.lead
    for i in range(DECKS):
        if session.decks[i].now != NULL:
            return i
    return 0


cdef void deck_describe(const SessionState* session, int index, DeckReading* reading) noexcept nogil:
    """Write down how a deck stands at the session's clock."""
    cdef const Deck* deck = &session.decks[index]
    cdef int64_t quantum = max(session.quantum - 1, 0)
    reading.player = deck.player.key if deck.player != NULL else 0
    reading.flags = (
        (deck.now != NULL) * DECK_PLAYING + deck.ended * DECK_ENDED + deck_loops(deck) * DECK_LOOPING
        + deck.slipping * DECK_SLIPPING + deck.backwards * DECK_BACKWARDS + deck.varispeed * DECK_VARISPEED
        + deck.following * DECK_FOLLOWING + (session.lead == index) * DECK_LEADING
    )
    reading.position = deck_position(deck, max(session.clock - 1, 0))
    reading.tempo = deck.plan.tempo[quantum % STEPS]
    reading.loop_start = deck.loop_start >> FIX
    reading.loop_end = deck.loop_end >> FIX


cdef void session_describe(SessionState* session, Packet* packet) noexcept nogil:
    """Write into a packet how the session stands at its end, and begin new readings of the meters."""
    cdef const Deck* shown = &session.decks[shown_deck(session)]
    cdef int i
    packet.tempo = shown.tempo.value_to
    packet.pitch = shown.pitch.value_to
    deck_gains(session, shown_deck(session), shown.player, session.clock, packet.gain)
    packet.reports_lost = session.reports_lost
    packet.clips = session.bus.clips
    for i in range(DECKS):
        deck_describe(session, i, &packet.decks[i])
    packet.peak[0] = session.meter.peak[0]
    packet.peak[1] = session.meter.peak[1]
    packet.true_peak = session.meter.true_peak
    packet.momentary = meter_loudness(&session.meter, 4)
    packet.short_term = meter_loudness(&session.meter, METER_BLOCKS)
    packet.limiter_gain = session.bus.least_gain
    packet.nonfinite = session.bus.nonfinite
    packet.major_faults = major_faults()
    packet.racks_delay = <uint32_t>racks_latency(session.racks)
    packet.bypassed = session.racks.bypassed
    meter_reset_peaks(&session.meter)
    session.bus.least_gain = 1.0
    session_keep(session)
