"""Checkpoints: a session's transport, map, mix and channels, flat, so that another engine can go on with it.

A session writes one into shared memory twice a second, in one of two places in turn, each under a sequence
number. Restored, it goes through the time since then without sound, commands included, and fades in where its
clock is by then: a function of the checkpoint, the commands and that clock alone, so that a replay can do the
same. What waits for its sample or mark is not in it: whoever sent it has it.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from remixd._kernel.deck cimport FADE, Deck, deck_release, deck_start
from remixd._kernel.follow cimport session_extend
from remixd._kernel.gains cimport deck_prime_gains
from remixd._kernel.marks cimport session_find_marks
from remixd._kernel.moves cimport session_move_strips
from remixd._kernel.player cimport DIMENSIONS, PlayerState
from remixd._kernel.racks cimport racks_keep, racks_restore
from remixd._kernel.reader cimport QUANTUM, reader_position, reader_wrap
from remixd._kernel.ring cimport (
    DECK_BACKWARDS,
    DECK_ENDED,
    DECK_FOLLOWING,
    DECK_PLAYING,
    DECK_SLIPPING,
    DECK_VARISPEED,
)
from remixd._kernel.shelf cimport shelf_find, shelf_give, shelf_take
from remixd._kernel.tone cimport TONES, Tone, tone_knob
from remixd._kernel.toning cimport session_begin_tone
from remixd._kernel.trace cimport BLOCK_CHECKPOINT, MOMENT_CHECKPOINT, trace_moment
from remixd._kernel.transport cimport session_move_decks

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    static inline uint64_t remixd_checkpoint_load(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
    }
    static inline void remixd_checkpoint_store(uint64_t *p, uint64_t v) {
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_release);
    }
    static inline void remixd_checkpoint_open(uint64_t *p) {
        atomic_store_explicit((_Atomic uint64_t *)p, 0, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
    }
    static inline uint64_t remixd_checkpoint_recheck(const uint64_t *p) {
        atomic_thread_fence(memory_order_acquire);
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_relaxed);
    }
    """
    uint64_t load_acquire "remixd_checkpoint_load"(const uint64_t* p) noexcept nogil
    void store_release "remixd_checkpoint_store"(uint64_t* p, uint64_t v) noexcept nogil
    void open_place "remixd_checkpoint_open"(uint64_t* p) noexcept nogil
    uint64_t recheck "remixd_checkpoint_recheck"(const uint64_t* p) noexcept nogil

cdef enum:
    VERSION = 3
    HEADER_BYTES = 64
    EVERY = 24000           # frames between two checkpoints

cdef uint64_t MAGIC = 0x314B4843584D4552  # "REMXCHK1"

cdef int64_t PLACE_BYTES = 64 + (sizeof(Checkpoint) + 63) // 64 * 64
SIZE_BYTES = HEADER_BYTES + 2 * PLACE_BYTES


cdef void _take_deck(const Deck* deck, int64_t quantum, bint planned, DeckCheckpoint* kept) noexcept nogil:
    cdef int i
    kept.player = deck.player.key if deck.player != NULL else 0
    kept.flags = (
        (deck.now != NULL) * DECK_PLAYING + deck.ended * DECK_ENDED + deck.slipping * DECK_SLIPPING
        + deck.backwards * DECK_BACKWARDS + deck.varispeed * DECK_VARISPEED + deck.following * DECK_FOLLOWING
    )
    kept.position = deck.rest
    if deck.now != NULL:
        kept.position = reader_wrap(deck.now, deck.now.end_source)
        if planned:
            kept.position = reader_position(deck.now, quantum * QUANTUM)
    kept.tempo = deck.tempo
    kept.pitch = deck.pitch
    for i in range(ROLES):
        kept.gains[i] = deck.gains[i]
        kept.levels[i] = deck.levels[i]
    kept.channel = deck.channel
    kept.loop_start = deck.loop_start
    kept.loop_end = deck.loop_end
    kept.slip = deck.slip
    kept.share = deck.share


cdef void checkpoint_take(const SessionState* session, Checkpoint* checkpoint) noexcept nogil:
    """Write down how a session stands before its next quantum. Nothing is planned for it: that would move
    what is commanded next, and a replay knows nothing of checkpoints.
    """
    cdef int i
    checkpoint.version = VERSION
    checkpoint.quantum = session.quantum
    checkpoint.told = session.reports_told
    memcpy(checkpoint.mix, session.mix, sizeof(checkpoint.mix))
    for i in range(TONES):
        checkpoint.tone[i] = tone_knob(<Tone*>&session.tone, i).ramp
    checkpoint.lead = session.lead
    checkpoint.beat = session.beat - session.pace * (session.end_step - session.quantum)
    checkpoint.pace = session.pace
    for i in range(DECKS):
        _take_deck(&session.decks[i], session.quantum, session.end_step > session.quantum,
                   &checkpoint.decks[i])
    racks_keep(session.racks, checkpoint.racks)


cdef void session_keep(SessionState* session) noexcept nogil:
    """Write a checkpoint into shared memory, if it is time and there is any; the first one at once.

    Thread: [render].
    """
    cdef CheckpointView* view = &session.kept
    cdef uint64_t turn
    cdef uint64_t* place
    if view.newest == NULL or (session.clock < view.written + EVERY and load_acquire(view.newest)):
        return
    turn = load_acquire(view.newest) + 1
    place = <uint64_t*>(view.places + (turn % 2) * PLACE_BYTES)
    open_place(place)
    checkpoint_take(session, <Checkpoint*>(<uint8_t*>place + 64))
    store_release(place, turn)
    store_release(view.newest, turn)
    view.written = session.clock
    if session.trace != NULL:
        session.trace.block.flags |= BLOCK_CHECKPOINT
        trace_moment(session.trace, MOMENT_CHECKPOINT, 0, session.clock, 0, 0)


cdef void _restore_deck(SessionState* session, int index, const DeckCheckpoint* kept) noexcept nogil:
    cdef Deck* deck = &session.decks[index]
    cdef PlayerState* player = NULL
    cdef int i
    if kept.player:
        player = <PlayerState*>shelf_find(&session.shelf, kept.player)
    deck.player = player
    deck.rest = kept.position
    deck.tempo = kept.tempo
    deck.pitch = kept.pitch
    for i in range(ROLES):
        deck.gains[i] = kept.gains[i]
        deck.levels[i] = kept.levels[i]
    deck.channel = kept.channel
    deck.loop_start = kept.loop_start
    deck.loop_end = kept.loop_end
    deck.slip = kept.slip
    deck.share = kept.share
    deck.ended = (kept.flags & DECK_ENDED) != 0
    deck.slipping = (kept.flags & DECK_SLIPPING) != 0
    deck.backwards = (kept.flags & DECK_BACKWARDS) != 0
    deck.varispeed = (kept.flags & DECK_VARISPEED) != 0
    deck.following = (kept.flags & DECK_FOLLOWING) != 0
    if player == NULL:
        return
    shelf_take(&session.shelf, player)
    if kept.flags & DECK_PLAYING:
        deck_start(deck, player, deck.rest, session.quantum * QUANTUM, 0, False, session.quantum,
                   session.end_step)


cdef void session_restore(SessionState* session, const Checkpoint* checkpoint) noexcept nogil:
    """Stand as a checkpoint says. What it plays lies on the shelf; what does not, is not loaded."""
    cdef int i
    session.quantum = checkpoint.quantum
    session.end_step = checkpoint.quantum
    memcpy(session.mix, checkpoint.mix, sizeof(checkpoint.mix))
    for i in range(TONES):
        tone_knob(&session.tone, i).ramp = checkpoint.tone[i]
    for i in range(DECKS):
        session.decks[i].tempo = checkpoint.decks[i].tempo
        session.decks[i].pitch = checkpoint.decks[i].pitch
        session.decks[i].following = False
    session.lead = -1
    session.pace = 0.0
    session_extend(session)
    for i in range(DECKS):
        _restore_deck(session, i, &checkpoint.decks[i])
    session.lead = <int>checkpoint.lead
    session.pace = checkpoint.pace
    session.beat = checkpoint.beat + checkpoint.pace
    racks_restore(session.racks, checkpoint.racks, session.quantum)


cdef void session_pass(SessionState* session, int64_t quantum) noexcept nogil:
    """Go on to a quantum without sound: what is due until then is done."""
    cdef int[DECKS] filled
    while session.quantum < quantum:
        if session.end_step == session.quantum:
            session_extend(session)
        session_find_marks(session)
        session_move_decks(session)
        session_move_strips(session, session.quantum * QUANTUM, filled)
        session.quantum += 1
        session.clock = session.quantum * QUANTUM


cdef void session_skip(SessionState* session, int64_t quantum) noexcept nogil:
    """Go on to a quantum without sound; then what plays begins there, and fades in."""
    cdef Deck* deck
    cdef PlayerState* gone
    cdef int i
    session_pass(session, quantum)
    while session.end_step <= session.quantum:
        session_extend(session)
    for i in range(DECKS):
        deck = &session.decks[i]
        gone = deck_release(deck, session.quantum + FADE)
        if gone != NULL:
            shelf_give(&session.shelf, gone)
        deck.before = NULL
        if deck.now != NULL:
            deck.rest = reader_position(deck.now, session.quantum * QUANTUM)
            deck.now = NULL
            deck_start(deck, deck.player, deck.rest, session.quantum * QUANTUM, 0, False, session.quantum,
                       session.end_step)
            deck.fade_end = session.quantum * QUANTUM + FADE
            deck.fade_frames = FADE
            deck_prime_gains(session, i)
    session_begin_tone(session, session.quantum * QUANTUM)


cdef class CheckpointMemory:
    """Two checkpoints in a writable buffer, such as a shared memory map.

    Args:
        memory: SIZE_BYTES, 8-byte aligned.
        create: make it; else open one that exists.

    Raises ValueError if the buffer holds none of this version. Thread: [control], [housekeeping].
    """

    def __cinit__(self, unsigned char[::1] memory not None, bint create=False):
        cdef uint64_t* header = <uint64_t*>&memory[0]
        if memory.shape[0] < SIZE_BYTES or <uintptr_t>&memory[0] % 8:
            raise ValueError("the buffer is too small for checkpoints, or not aligned")
        if create:
            memset(header, 0, SIZE_BYTES)
            header[1] = SIZE_BYTES
            header[0] = MAGIC
        if header[0] != MAGIC or header[1] != SIZE_BYTES:
            raise ValueError("the buffer does not hold checkpoints of this version")
        self.memory = memory
        self.view.newest = header + 2
        self.view.places = <uint8_t*>header + HEADER_BYTES
        self.view.written = 0

    def read(self) -> bytes | None:
        """The newest checkpoint; None if there is none yet. Thread: any reader."""
        cdef uint64_t turn
        cdef uint64_t* place
        cdef int _tries
        for _tries in range(8):
            turn = load_acquire(self.view.newest)
            if turn == 0:
                return None
            place = <uint64_t*>(self.view.places + (turn % 2) * PLACE_BYTES)
            copy = (<char*>place + 64)[:sizeof(Checkpoint)]
            if recheck(place) == turn:
                return copy
        return None


def quantum_of(bytes checkpoint not None) -> int:
    """The quantum of 64 frames that a checkpoint stands before. Raises ValueError for what is none."""
    cdef const Checkpoint* kept = <const Checkpoint*><const char*>checkpoint
    if len(checkpoint) != sizeof(Checkpoint) or kept.version != VERSION:
        raise ValueError("not a checkpoint of this version")
    return kept.quantum


def told_of(bytes checkpoint not None) -> int:
    """The serial of the newest report that had been made when a checkpoint was taken: what it tells of is in
    the checkpoint. Raises ValueError for what is no checkpoint.
    """
    quantum_of(checkpoint)
    return (<const Checkpoint*><const char*>checkpoint).told


def mix_of(bytes checkpoint not None) -> list[float]:
    """What was last given to every deck, in the order of `mix.PLAYABLE`. Raises ValueError likewise."""
    cdef int i
    quantum_of(checkpoint)
    return [(<const Checkpoint*><const char*>checkpoint).mix[i] for i in range(DIMENSIONS)]
