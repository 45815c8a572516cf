"""Sessions: decks, gains, bus; any number of frames a call.

A session renders whole quanta of 64 frames into a small buffer and hands out of it what is asked for, so the
same bits come out however the blocks are cut. Its clock counts output frames: the limiter's delay is
rendered ahead of the clock, so that sample n of the output is sample n of the mix.

Thread: [render] for the C functions; the Python class is for offline rendering, tests, and [housekeeping].
"""
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from remixd._kernel.bus cimport LIMITER_DELAY, bus_init, bus_process
from remixd._kernel.channel cimport channel_is_neutral, channel_process
from remixd._kernel.deck cimport (
    Deck,
    deck_fades,
    deck_loops,
    deck_position,
    deck_start,
    deck_wants_map,
)
from remixd._kernel.denormals cimport flush_to_zero, major_faults, restore
from remixd._kernel.echo cimport echo_free, echo_init, echo_process
from remixd._kernel.follow cimport session_extend
from remixd._kernel.gains cimport deck_fill_gains, deck_gains, deck_gains_rest
from remixd._kernel.mailbox cimport COMMAND_MIX, Command, Mailbox, command_fill, queue_pop
from remixd._kernel.marks cimport session_find_marks
from remixd._kernel.meter cimport METER_BLOCKS, meter_loudness, meter_process, meter_reset_peaks
from remixd._kernel.moves cimport deck_init, session_move_strips, session_post
from remixd._kernel.player cimport DIMENSIONS, Player, PlayerState, ROLES
from remixd._kernel.reader cimport (
    LANE_DRUMS,
    QUANTUM,
    Reader,
    STEMS_MAX,
    STEPS,
    reader_advance,
    reader_read,
    reader_read_sum,
)
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
    deck_entry,
)
from remixd._kernel.shelf cimport SHELF, shelf_collect, shelf_put, shelf_take
from remixd._kernel.state cimport DECKS, EVERY_DECK, NO_DECK, SessionState
from remixd._kernel.stretch cimport scratch_free, scratch_init
from remixd._kernel.strip cimport add_ramped, add_scaled
from remixd._kernel.transport cimport session_move_decks

from remixd._kernel.mailbox import size_bytes

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    REPORTS = 1024


cdef void _stem_gains(const PlayerState* player, const float* gains, float* out) noexcept nogil:
    cdef int i
    for i in range(player.readers[0].stems_count):
        out[i] = gains[player.role_of[i]]


cdef void _read(SessionState* session, int deck, Reader* reader, const PlayerState* player, bint flat,
                const float* gains) noexcept nogil:
    """What a reader plays in a quantum, at the gains of its stems, into `sound`."""
    cdef int i
    cdef bint summed = player.summed and not reader.varispeed, silent
    cdef float[STEMS_MAX] stem_gains
    _stem_gains(player, gains, stem_gains)
    reader_advance(reader, session.quantum, stem_gains, session.scratch)
    memset(session.sound, 0, sizeof(session.sound))
    if summed:
        reader_read_sum(reader, session.quantum, session.sound)
    for i in range(reader.stems_count):
        silent = flat and gains[player.role_of[i]] == 0.0
        if reader.voices[i].lane != LANE_DRUMS and (silent or summed):
            continue                                    # drums read on, heard or not
        reader_read(reader, i, session.quantum, session.stem)
        if silent:
            continue
        if flat:
            add_scaled(session.sound, session.stem, gains[player.role_of[i]], QUANTUM)
        else:
            add_ramped(session.sound, session.stem, session.ramps[deck][player.role_of[i]], QUANTUM)


cdef void _mix_deck(SessionState* session, int index, int filled) noexcept nogil:
    """A deck's quantum, into `session.deck`; `filled` frames of its ramps are there already."""
    cdef Deck* deck = &session.decks[index]
    cdef int64_t sample = session.quantum * QUANTUM
    cdef float[ROLES] gains
    cdef float[QUANTUM] rising
    cdef float[QUANTUM] falling
    cdef bint flat = filled == 0 and deck_gains_rest(session, index, sample)
    cdef bint fading = sample < deck.fade_end
    deck_gains(session, index, sample, gains)
    if not flat:
        deck_fill_gains(session, index, sample, filled, QUANTUM)
    if fading:
        deck_fades(deck, sample, rising, falling)
    memset(session.deck, 0, sizeof(session.deck))
    if deck.now != NULL:
        _read(session, index, deck.now, deck.player, flat, gains)
        if fading:
            add_ramped(session.deck, session.sound, rising, QUANTUM)
        else:
            add_scaled(session.deck, session.sound, 1.0, QUANTUM)
    if deck.before != NULL:
        _read(session, index, deck.before, deck.before_player, flat, gains)
        add_ramped(session.deck, session.sound, falling, QUANTUM)


cdef void _sum_decks(SessionState* session, const int* filled) noexcept nogil:
    """Every deck through its channel, and the echo of what they send, into `block`."""
    cdef Deck* deck
    cdef int64_t sample = session.quantum * QUANTUM
    cdef bint sending = False
    cdef int i
    memset(session.block, 0, sizeof(session.block))
    for i in range(DECKS):
        deck = &session.decks[i]
        if deck.now == NULL and deck.before == NULL:
            continue
        _mix_deck(session, i, filled[i])
        if not channel_is_neutral(&deck.channel, sample):
            if not sending:
                memset(session.send, 0, sizeof(session.send))
                sending = True
            channel_process(&deck.channel, session.deck, sample, session.send)
        add_scaled(session.block, session.deck, 1.0, QUANTUM)
    if sending or not session.echo.idle:
        if not sending:
            memset(session.send, 0, sizeof(session.send))
        echo_process(&session.echo, session.send, session.block, QUANTUM)
    else:
        session.echo.clock += QUANTUM


cdef void _begin(SessionState* session) noexcept nogil:
    """Let what was loaded at the start play from sample 0 on, without a fade."""
    cdef Deck* deck = &session.decks[0]
    cdef int i, j
    cdef float[ROLES] gains
    session_extend(session)
    if deck.player == NULL:
        return
    deck_start(deck, deck.player, deck.rest, 0, 0, False, 0, session.end_step)
    deck_gains(session, 0, 0, gains)
    for i in range(deck.now.stems_count):
        for j in range(4):
            deck.now.voices[i].gains[j] = gains[deck.player.role_of[i]] if deck.player.summed else 1.0


cdef bint _wants_map(const SessionState* session) noexcept nogil:
    cdef int i
    for i in range(DECKS):
        if deck_wants_map(&session.decks[i], session.quantum):
            return True
    return False


cdef void _render_quantum(SessionState* session) noexcept nogil:
    """The next quantum, limited, into `block`."""
    cdef int[DECKS] filled
    if session.quantum == 0:
        _begin(session)
    if session.end_step == session.quantum:
        session_extend(session)
    session_find_marks(session)
    session_move_decks(session)
    while _wants_map(session):
        session_extend(session)
    session_move_strips(session, session.quantum * QUANTUM, filled)
    _sum_decks(session, filled)
    bus_process(&session.bus, session.block, QUANTUM)
    meter_process(&session.meter, session.block, QUANTUM)
    session.quantum += 1
    session.block_used = 0


cdef void session_render(SessionState* session, int64_t frames, float* out) noexcept nogil:
    """The next `frames` frames, interleaved stereo. Never allocates, locks or fails."""
    cdef unsigned before = flush_to_zero()
    cdef int64_t here
    while session.quantum * QUANTUM < LIMITER_DELAY:    # the limiter's delay, rendered ahead of the clock
        _render_quantum(session)
        session.block_used = <int>min(LIMITER_DELAY - (session.quantum - 1) * QUANTUM, QUANTUM)
    while frames > 0:
        if session.block_used == QUANTUM:
            _render_quantum(session)
        here = min(frames, QUANTUM - session.block_used)
        memcpy(out, session.block + 2 * session.block_used, here * 2 * sizeof(float))
        session.block_used += <int>here
        session.clock += here
        out += 2 * here
        frames -= here
    restore(before)


cdef void session_drain(SessionState* session, Queue* commands) noexcept nogil:
    """Take every command that waits in a mailbox."""
    cdef Command command
    while queue_pop(commands, &command):
        session_post(session, &command)


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


cdef void _describe_deck(const SessionState* session, int index, DeckReading* reading) noexcept nogil:
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
    deck_gains(session, shown_deck(session), session.clock, packet.gain)
    packet.reports_lost = session.reports_lost
    for i in range(DECKS):
        _describe_deck(session, i, &packet.decks[i])
    packet.peak[0] = session.meter.peak[0]
    packet.peak[1] = session.meter.peak[1]
    packet.true_peak = session.meter.true_peak
    packet.momentary = meter_loudness(&session.meter, 4)
    packet.short_term = meter_loudness(&session.meter, METER_BLOCKS)
    packet.limiter_gain = session.bus.least_gain
    packet.nonfinite = session.bus.nonfinite
    packet.major_faults = major_faults()
    meter_reset_peaks(&session.meter)
    session.bus.least_gain = 1.0


cdef class Session:
    """Decks that play into one bus. A session of one track plays it at once, on deck 0.

    Args:
        stems, roles: of the track, as for `Player`; none leave every deck empty.
        start: the first source frame to play.
        mix: the first value of each dimension of `mix.PLAYABLE`, in that order.
        reports: a `Mailbox` for reports; without one they are kept in the session, `take_reports`.
        key: what control and the host call it.
        rights: the rest of what `Player` takes: loop, low, high, vocals_limit_db, summed, beats, levels ...

    Raises ValueError if these do not fit together, MemoryError. Thread: one at a time, but for what is
    marked [housekeeping].
    """

    def __cinit__(self, list stems=None, list roles=None, *, int64_t start=0, mix=(1, 0, 0, 0, 0, 0),
                  Mailbox reports=None, uint32_t key=0, **rights):
        cdef int i
        if len(mix) != DIMENSIONS or not all(isfinite(value) for value in mix):
            raise ValueError(f"a mix has {DIMENSIONS} finite values")
        self.state = <SessionState*>calloc(1, sizeof(SessionState))
        if self.state == NULL:
            raise MemoryError("no memory for a session")
        self.players = {}
        self.memory = Mailbox(bytearray(size_bytes(REPORTS)), REPORTS) if reports is None else reports
        self.state.reports = &(<Mailbox>self.memory).queue
        self.state.key = key
        self.state.lead = NO_DECK
        bus_init(&self.state.bus)
        echo_init(&self.state.echo)
        scratch_init(&self.own_scratch)
        self.state.scratch = &self.own_scratch
        for i in range(DIMENSIONS):
            self.state.mix[i] = mix[i]
        for i in range(DECKS):
            deck_init(&self.state.decks[i], self.state)
        if stems is not None:
            self._play(Player(stems, roles, **rights), start)

    cdef int _play(self, Player player, int64_t start) except -1:
        """Have a player on deck 0 from sample 0 on."""
        cdef Deck* deck = &self.state.decks[0]
        if not 0 <= start < player.state.length:
            raise ValueError(f"the start, frame {start}, is outside the music")
        self.shelve(player)
        shelf_take(&self.state.shelf, player.state)
        deck.player = player.state
        deck.rest = start << FIX
        deck_init(deck, self.state)
        return 0

    def __dealloc__(self):
        if self.state != NULL:
            echo_free(&self.state.echo)
            free(self.state)
        scratch_free(&self.own_scratch)

    def shelve(self, Player player not None) -> None:
        """Lay a player down for a command to load. Raises ValueError if its key lies there, or there is no
        room. Thread: [housekeeping].
        """
        if player.key in self.players:
            raise ValueError(f"player {player.key} is there already")
        if not shelf_put(&self.state.shelf, player.state):
            raise ValueError(f"a session has room for {SHELF} players")
        self.players[player.key] = player

    def collect(self) -> list[int]:
        """Free the players that are no longer used; their keys. Thread: [housekeeping]."""
        cdef PlayerState* player = NULL
        cdef list gone = []
        while shelf_collect(&self.state.shelf, &player):
            gone.append(player.key)
            del self.players[player.key]
        return gone

    def lock_memory(self) -> bool:
        """Keep the session's state in memory, never paged out; False if this process may not."""
        cdef bint locked = mlock(self.state, sizeof(SessionState)) == 0
        for player in self.players.values():
            locked = player.lock_memory() and locked
        return locked

    def touch_ahead(self, int64_t frames) -> None:
        """Bring the next `frames` source frames of every stem that plays into memory. Thread: [housekeeping]."""
        cdef int i
        for player in self.players.values():
            for i in range(DECKS):
                if self.state.decks[i].player == (<Player>player).state:
                    player.touch(self.state.playheads[i], frames)

    @property
    def stems(self) -> list:
        """The stems of all players."""
        return [stem for player in self.players.values() for stem in player.stems]

    @property
    def key(self) -> int:
        """What control and the host call it."""
        return self.state.key

    @property
    def clock(self) -> int:
        """Output frames rendered so far."""
        return self.state.clock

    @property
    def position(self) -> float:
        """Source position at the clock, in frames, of the deck that is shown; 0 before the first render."""
        if self.state.end_step == 0:
            return 0.0
        return session_position(self.state, self.state.clock) / <double>(1 << FIX)

    @property
    def nonfinite(self) -> int:
        """Samples that had to be silenced."""
        return self.state.bus.nonfinite

    def post(self, uint64_t command_id, uint16_t dimension, double value, int64_t sample=-1,
             uint32_t ramp_frames=480, uint16_t kind=COMMAND_MIX, uint8_t deck=EVERY_DECK, uint8_t when=0,
             int64_t expires=0, double extra=0.0) -> bool:
        """Take a command; False if too many wait, or it makes no sense (a refusal is reported)."""
        cdef Command command
        command_fill(&command, command_id, self.state.key, kind, dimension, sample, value, ramp_frames, deck,
                     when, 0, expires, extra)
        return session_post(self.state, &command) != 0

    def take_reports(self) -> list:
        """Reports since the last call, oldest first."""
        return self.memory.take_reports()

    def decks(self) -> list:
        """How each deck stands, a `DeckEntry` each."""
        cdef DeckReading reading
        cdef int i
        cdef list found = []
        for i in range(DECKS):
            _describe_deck(self.state, i, &reading)
            found.append(deck_entry(&reading))
        return found

    def render(self, int64_t frames):
        """The next `frames` frames as a new array, float32 (frames, 2)."""
        if frames < 0:
            raise ValueError(f"cannot render {frames} frames")
        out = np.empty((frames, 2), dtype=np.float32)
        cdef float[:, ::1] view = out
        if frames:
            with nogil:
                session_render(self.state, frames, &view[0, 0])
        return out
