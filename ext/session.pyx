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

from remixd._kernel.apart cimport PAIRS, Apart, apart_follow, apart_init, apart_turn, apart_write
from remixd._kernel.bus cimport LIMITER_DELAY, bus_init, bus_process
from remixd._kernel.checkpoint cimport (
    Checkpoint,
    CheckpointMemory,
    checkpoint_take,
    session_pass,
    session_restore,
    session_skip,
)
from remixd._kernel.deck cimport Deck, deck_start, deck_wants_map
from remixd._kernel.denormals cimport flush_to_zero, restore
from remixd._kernel.describe cimport deck_describe, session_position
from remixd._kernel.echo cimport echo_free, echo_init
from remixd._kernel.follow cimport session_extend
from remixd._kernel.gains cimport deck_prime_gains
from remixd._kernel.mailbox cimport COMMAND_MIX, Command, Mailbox, command_fill, queue_pop
from remixd._kernel.marks cimport session_find_marks
from remixd._kernel.meter cimport meter_process
from remixd._kernel.mixing cimport session_mix
from remixd._kernel.moves cimport deck_init, session_move_strips, session_post
from remixd._kernel.player cimport DIMENSIONS, TEMPO, Player
from remixd._kernel.racks cimport SessionRacks
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.resample cimport FIX
from remixd._kernel.ring cimport DeckReading, PacketRing, deck_entry
from remixd._kernel.sampler cimport layer_init
from remixd._kernel.shelf cimport shelf_collect, shelf_put, shelf_take, shelf_withdraw
from remixd._kernel.state cimport DECKS, EVERY_DECK, NO_DECK, SessionState
from remixd._kernel.stretch cimport scratch_free, scratch_init
from remixd._kernel.tone cimport tone_free, tone_init, tone_process
from remixd._kernel.toning cimport session_begin_tone
from remixd._kernel.trace cimport MOMENT_TAKEN, TraceRing, trace_moment, trace_quantum, trace_taken
from remixd._kernel.transport cimport session_move_decks

from remixd._kernel.checkpoint import quantum_of
from remixd._kernel.mailbox import size_bytes

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    REPORTS = 1024
    PLAYERS = 16            # that a session may hold


cdef void _begin(SessionState* session) noexcept nogil:
    """Let what was loaded at the start play from sample 0 on, without a fade."""
    cdef Deck* deck = &session.decks[0]
    session_extend(session)
    if deck.player == NULL:
        return
    deck_start(deck, deck.player, deck.rest, 0, 0, False, 0, session.end_step)
    deck_prime_gains(session, 0)


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
        session_begin_tone(session, 0)
    if session.end_step == session.quantum:
        session_extend(session)
    session_find_marks(session)
    session_move_decks(session)
    while _wants_map(session):
        session_extend(session)
    session_move_strips(session, session.quantum * QUANTUM, filled)
    session_mix(session, filled)
    if session.apart != NULL:
        apart_turn(session.apart, session.quantum * QUANTUM)
    tone_process(&session.tone, session.block, session.quantum * QUANTUM)
    bus_process(&session.bus, session.block, QUANTUM)
    meter_process(&session.meter, session.block, QUANTUM)
    if session.trace != NULL:
        trace_quantum(session.trace)
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
        if session.apart != NULL:
            apart_write(session.apart, session.block_used, here, session.clock,
                        session_position(session, session.clock))
        session.block_used += <int>here
        session.clock += here
        out += 2 * here
        frames -= here
    restore(before)


cdef void session_drain(SessionState* session, Queue* commands) noexcept nogil:
    """Take every command that waits in a mailbox; not what is posted meanwhile, without end."""
    cdef Command command
    cdef int taken = 0
    while taken <= <int>commands.mask and queue_pop(commands, &command):
        if session.trace != NULL:
            trace_moment(session.trace, MOMENT_TAKEN, command.kind, session.clock, command.id, command.deck)
        session_post(session, &command)
        taken += 1
    if session.trace != NULL:
        trace_taken(session.trace, taken)


cdef void session_prime(SessionState* session, int64_t clock) noexcept nogil:
    """Render the limiter's delay ahead of a clock that stands at the session's quantum."""
    cdef unsigned before = flush_to_zero()
    _render_quantum(session)
    session.block_used = QUANTUM
    session.clock = clock
    session.kept.written = clock
    restore(before)


cdef class Session:
    """Decks that play into one bus. A session of one track plays it at once, on deck 0.

    Args:
        stems, roles: of the track, as for `Player`; none leave every deck empty.
        start: the first source frame to play.
        mix: the first value of each dimension of `mix.PLAYABLE`, in that order; neutral where none is given.
        reports: a `Mailbox` for reports; without one they are kept in the session, `take_reports`.
        apart: where its stems go one by one, 5 pairs a packet: the roles in the order of `STEM_ROLES`, then
            what is generated; each is (frames, 2).
        checkpoints: where it writes down how it stands, so that another engine can go on.
        trace: where it writes down what is done when.
        key: what control and the host call it.
        rights: the rest of what `Player` takes: loop, low, high, vocals_limit_db, summed, beats, levels ...

    Raises ValueError if these do not fit together, MemoryError. Thread: one at a time, but for what is
    marked [housekeeping].
    """

    def __cinit__(self, list stems=None, list roles=None, *, int64_t start=0, mix=(),
                  Mailbox reports=None, CheckpointMemory checkpoints=None, PacketRing apart=None,
                  TraceRing trace=None, uint32_t key=0, **rights):
        cdef int i
        if len(mix) > DIMENSIONS or not all(isfinite(value) for value in mix):
            raise ValueError(f"a mix has up to {DIMENSIONS} finite values")
        self.state = <SessionState*>calloc(1, sizeof(SessionState))
        if self.state == NULL:
            raise MemoryError("no memory for a session")
        self.players = {}
        self.patterns, self.fading = {}, []
        self.racks = SessionRacks()
        self.state.racks = &self.racks.state
        self.memory = Mailbox(bytearray(size_bytes(REPORTS)), REPORTS) if reports is None else reports
        self.state.reports = &(<Mailbox>self.memory).queue
        if checkpoints is not None:
            self.kept = checkpoints
            self.state.kept = checkpoints.view
        if apart is not None:
            self._part(apart)
        if trace is not None:
            self.trace_ring = trace
            self.state.trace = &trace.trace
        self.state.key = key
        self.state.lead = NO_DECK
        bus_init(&self.state.bus)
        echo_init(&self.state.echo)
        tone_init(&self.state.tone)
        scratch_init(&self.own_scratch)
        self.state.scratch = &self.own_scratch
        self.state.mix[TEMPO] = 1.0
        for i in range(len(mix)):
            self.state.mix[i] = mix[i]
        for i in range(DECKS):
            deck_init(&self.state.decks[i], self.state)
            layer_init(&self.state.layers[i])
        if stems is not None:
            self._play(Player(stems, roles, **rights), start)

    cdef int _part(self, PacketRing ring) except -1:
        """Have the stems go into a ring, too."""
        if ring.ring.frames % PAIRS:
            raise ValueError(f"a ring of stems has {PAIRS} pairs in each packet")
        self.state.apart = <Apart*>calloc(1, sizeof(Apart))
        if self.state.apart == NULL:
            raise MemoryError("no memory for a session's stems")
        self.stems_ring = ring
        apart_init(self.state.apart, &ring.ring)
        return 0

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
            tone_free(&self.state.tone)
            free(self.state.apart)
            free(self.state)
        scratch_free(&self.own_scratch)

    def checkpoint(self) -> bytes:
        """How the session stands now: what `restore` takes."""
        cdef Checkpoint kept
        memset(&kept, 0, sizeof(Checkpoint))
        checkpoint_take(self.state, &kept)
        return (<char*>&kept)[:sizeof(Checkpoint)]

    def restore(self, bytes checkpoint not None) -> None:
        """Stand as another session did; its players lie on the shelf. Before anything is rendered.

        Raises ValueError for what is no checkpoint of this version. Then `post` what has been commanded
        since, and `skip_to` where the clock is now.
        """
        cdef int i
        if self.state.quantum or self.state.clock:
            raise ValueError("the session has begun")
        quantum_of(checkpoint)
        session_restore(self.state, <const Checkpoint*><const char*>checkpoint)
        if self.state.apart != NULL:
            for i in range(DECKS):
                apart_follow(self.state.apart, i, &self.state.decks[i].channel)

    def pass_to(self, int64_t clock) -> None:
        """Go on to a later sample without sound, so that more can be posted. After `restore`, before
        `skip_to`; rounded down to a multiple of 64.
        """
        with nogil:
            session_pass(self.state, clock // QUANTUM)

    def skip_to(self, int64_t clock) -> None:
        """Go on to a later sample, a multiple of 64, without sound, and fade in there. After `restore`."""
        if clock % QUANTUM or clock // QUANTUM < self.state.quantum:
            raise ValueError(f"the clock cannot go to {clock}")
        with nogil:
            session_skip(self.state, clock // QUANTUM)
            session_prime(self.state, clock)

    def shelve(self, Player player not None) -> None:
        """Lay a player down for a command to load. Raises ValueError if its key lies there, or there is no
        room. Thread: [housekeeping].
        """
        if player.key in self.players:
            raise ValueError(f"player {player.key} is there already")
        if not shelf_put(&self.state.shelf, player.state.key, player.state, PLAYERS):
            raise ValueError(f"a session has room for {PLAYERS} players")
        self.players[player.key] = player

    def collect(self) -> list[int]:
        """Free the players that are no longer used; their keys. Thread: [housekeeping]."""
        cdef uint32_t key = 0
        cdef list gone = []
        while shelf_collect(&self.state.shelf, &key):
            gone.append(key)
            del self.players[key]
        return gone

    def withdraw(self, uint32_t key) -> bool:
        """Free a player that lies ready, once no command can come that loads it; whether there was one.

        Thread: [housekeeping].
        """
        if not shelf_withdraw(&self.state.shelf, key):
            return False
        del self.players[key]
        return True

    def lock_memory(self) -> bool:
        """Keep the session's state in memory, never paged out; False if this process may not."""
        cdef bint locked = mlock(self.state, sizeof(SessionState)) == 0
        if self.state.apart != NULL:
            locked = mlock(self.state.apart, sizeof(Apart)) == 0 and locked
        for player in self.players.values():
            locked = player.lock_memory() and locked
        return locked

    def touch_ahead(self, int64_t frames, int64_t after_jump=0, places=()) -> None:
        """Bring the next `frames` source frames of what plays into memory. Thread: [housekeeping].

        And `after_jump` of them from where its loop begins and from each of `places`, (player, source frame).
        """
        cdef int i
        for player in self.players.values():
            for i in range(DECKS):
                if self.state.decks[i].player == (<Player>player).state:
                    player.touch(self.state.playheads[i], frames)
                    player.touch(self.state.decks[i].loop_start >> FIX, after_jump)
        for key, start in places:
            if key in self.players:
                self.players[key].touch(start, after_jump)

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
             int64_t expires=0, double extra=0.0, uint8_t shape=0) -> bool:
        """Take a command; False if too many wait, or it makes no sense (a refusal is reported)."""
        cdef Command command
        command_fill(&command, command_id, self.state.key, kind, dimension, sample, value, ramp_frames, deck,
                     when, shape, expires, extra)
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
            deck_describe(self.state, i, &reading)
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
