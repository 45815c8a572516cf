"""Sessions: deck, strips, bus; any number of frames a call.

A session renders whole quanta of 64 frames into a small buffer and hands out of it what is asked for, so the
same bits come out however the blocks are cut. Its clock counts output frames: the limiter's delay is
rendered ahead of the clock, so that sample n of the output is sample n of the mix.

Thread: [render] for the C functions; the Python class is for offline rendering, tests, and [housekeeping].
"""
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from remixd._kernel.bus cimport LIMITER_DELAY, bus_init, bus_process
from remixd._kernel.deck cimport (
    Deck,
    LANE_DRUMS,
    LANE_TONAL,
    LANE_VOCALS,
    QUANTUM,
    STEMS_MAX,
    deck_advance,
    deck_extend,
    deck_free,
    deck_init,
    deck_position,
    deck_read,
    deck_read_sum,
    deck_start,
    deck_wants_map,
)
from remixd._kernel.denormals cimport flush_to_zero, major_faults, restore
from remixd._kernel.fft cimport FRAME
from remixd._kernel.mailbox cimport COMMAND_MIX, Command, Mailbox, queue_pop
from remixd._kernel.meter cimport METER_BLOCKS, meter_loudness, meter_process, meter_reset_peaks
from remixd._kernel.moves cimport (
    linear_gain,
    role_of,
    session_fill_gains,
    session_gains,
    session_move_map,
    session_move_strips,
    session_post,
)
from remixd._kernel.resample cimport FIX, RING
from remixd._kernel.ring cimport Packet
from remixd._kernel.state cimport DIMENSIONS, DRUMS, PITCH, ROLES, SessionState, VOCALS
from remixd._kernel.stem cimport Stem, stem_touch
from remixd._kernel.stretch cimport Stretch, scratch_free, scratch_init
from remixd._kernel.strip cimport add_ramped, add_scaled, ramp_is_flat

from remixd._kernel.mailbox import size_bytes

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    REPORTS = 1024


cdef void _advance(SessionState* session) noexcept nogil:
    """Work the frames that the next quantum needs."""
    cdef Deck* deck = &session.deck
    cdef float gains[ROLES]
    cdef float[STEMS_MAX] stem_gains
    cdef int i
    if session.summed:
        session_gains(session, session.quantum * QUANTUM, gains)
        for i in range(deck.stems_count):
            stem_gains[i] = gains[session.role_of[i]]
    deck_advance(deck, session.quantum, stem_gains, session.scratch)


cdef void _mix(SessionState* session, int filled) noexcept nogil:
    """The stems of a quantum, at their gains, into `block`; `filled` frames of `ramps` are there already."""
    cdef Deck* deck = &session.deck
    cdef int64_t sample = session.quantum * QUANTUM
    cdef float gains[ROLES]
    cdef bint flat = filled == 0, silent
    cdef int i
    for i in range(ROLES):
        flat = flat and ramp_is_flat(&session.gains[i], sample, QUANTUM)
    if flat:
        session_gains(session, sample, gains)
    else:
        session_fill_gains(session, sample, filled, QUANTUM)
    memset(session.block, 0, sizeof(session.block))
    if session.summed:
        deck_read_sum(deck, session.quantum, session.block)
    for i in range(deck.stems_count):
        silent = flat and gains[session.role_of[i]] == 0.0
        if deck.voices[i].lane != LANE_DRUMS and (silent or session.summed):
            continue                                    # drums read on, heard or not
        deck_read(deck, i, session.quantum, session.stem)
        if silent:
            continue
        if flat:
            add_scaled(session.block, session.stem, gains[session.role_of[i]], QUANTUM)
        else:
            add_ramped(session.block, session.stem, session.ramps[session.role_of[i]], QUANTUM)


cdef void _render_quantum(SessionState* session) noexcept nogil:
    """The next quantum, limited, into `block`."""
    cdef int filled
    while deck_wants_map(&session.deck, session.quantum):
        session_move_map(session)
        deck_extend(&session.deck)
    filled = session_move_strips(session, session.quantum * QUANTUM)
    _advance(session)
    _mix(session, filled)
    bus_process(&session.bus, session.block, QUANTUM)
    meter_process(&session.meter, session.block, QUANTUM)
    session.playhead = deck_position(&session.deck, session.quantum * QUANTUM) >> FIX
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


cdef void session_describe(SessionState* session, Packet* packet) noexcept nogil:
    """Write into a packet how the session stands at its end, and begin new readings of the meters."""
    packet.tempo = session.deck.tempo.value_to
    packet.pitch = session.deck.pitch.value_to
    session_gains(session, session.clock, packet.gain)
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
    """One track, playing.

    Args:
        stems: one to eight `Stem`, of equal length.
        roles: the index of each stem's role in `units.STEM_ROLES`.
        start: the first source frame to play.
        loop: whether the music starts over at its end; else silence follows.
        mix: the first value of each dimension of `mix.PLAYABLE`, in that order.
        low, high: what rights allow of each dimension; every value is clamped to it, always.
        vocals_limit_db: most that vocals may stand above the loudest other role; None for no limit.
        summed: whether stems but drums are summed in the spectrum: cheaper, but their gains act with the
            frame, up to 64 ms late (more when transposed down).
        reports: a `Mailbox` for reports; without one they are kept in the session, `take_reports`.

    Raises ValueError if these do not fit together, MemoryError. Thread: one at a time.
    """

    def __cinit__(self, list stems not None, list roles not None, *, int64_t start=0, bint loop=True,
                  mix=(1, 0, 0, 0, 0, 0), low=(0.5, -12, -60, -60, -60, -60), high=(2, 12, 6, 6, 6, 6),
                  vocals_limit_db=None, bint summed=False, Mailbox reports=None, uint32_t key=0):
        _check(stems, roles, start, mix, low, high)
        self.stems = stems
        self.state = <SessionState*>calloc(1, sizeof(SessionState))
        if self.state == NULL:
            raise MemoryError("no memory for a session")
        self.memory = Mailbox(bytearray(size_bytes(REPORTS)), REPORTS) if reports is None else reports
        self.state.reports = &(<Mailbox>self.memory).queue
        self.state.key = key
        self.state.summed = summed
        self._set_mix(mix, low, high)
        if vocals_limit_db is not None:
            self.state.vocals_limit = <float>(10.0 ** (vocals_limit_db / 20.0))
        bus_init(&self.state.bus)
        self._set_deck(roles, loop)
        deck_start(&self.state.deck, start, min(max(mix[0], low[0]), high[0]),
                   min(max(mix[1], low[1]), high[1]))

    cdef int _set_mix(self, mix, low, high) except -1:
        cdef int i, role
        cdef double level_db
        for i in range(DIMENSIONS):
            self.state.low[i] = low[i]
            self.state.high[i] = high[i]
            if i > PITCH:
                level_db = min(max(mix[i], low[i]), high[i])
                role = role_of(i)
                self.state.gains[role].gain_from = linear_gain(level_db)
                self.state.gains[role].gain_to = linear_gain(level_db)
        return 0

    cdef int _set_deck(self, list roles, bint loop) except -1:
        cdef int i, j
        cdef float gains[ROLES]
        cdef Deck* deck = &self.state.deck
        deck.stems_count = len(roles)
        deck.loop = loop
        for i in range(deck.stems_count):
            deck.voices[i].stem = (<Stem>self.stems[i]).view
            deck.voices[i].lane = LANE_TONAL
            if roles[i] == DRUMS:
                deck.voices[i].lane = LANE_DRUMS
            elif roles[i] == VOCALS:
                deck.voices[i].lane = LANE_VOCALS
            deck.length = deck.voices[i].stem.frames
            self.state.role_of[i] = roles[i]
            self.state.role_present[roles[i]] = True
        deck_init(deck, self.state.summed)
        if self.state.summed:
            session_gains(self.state, 0, gains)
            for i in range(deck.stems_count):
                for j in range(4):
                    deck.voices[i].gains[j] = gains[self.state.role_of[i]]
        scratch_init(&self.own_scratch)
        self.state.scratch = &self.own_scratch
        return 0

    def __dealloc__(self):
        if self.state != NULL:
            deck_free(&self.state.deck)
            free(self.state)
        scratch_free(&self.own_scratch)

    def lock_memory(self) -> bool:
        """Keep the session's state in memory, never paged out; False if this process may not."""
        cdef int i
        cdef Stretch* stretch
        cdef float* ring
        cdef bint locked = mlock(self.state, sizeof(SessionState)) == 0
        for i in range(self.state.deck.stems_count):
            if self.state.deck.voices[i].lane == LANE_DRUMS:
                continue
            stretch = &self.state.deck.voices[i].stretch
            ring = self.state.deck.sum if self.state.summed else stretch.out
            locked = mlock(ring, RING * 2 * sizeof(float)) == 0 and locked
            locked = mlock(stretch.theta, FRAME * sizeof(uint32_t)) == 0 and locked
        return locked

    def touch_ahead(self, int64_t frames) -> None:
        """Bring the next `frames` source frames of every stem into memory. Thread: [housekeeping]."""
        cdef int i
        cdef int64_t start = self.state.playhead
        with nogil:
            for i in range(self.state.deck.stems_count):
                stem_touch(&self.state.deck.voices[i].stem, start, frames)

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
        """Source position at the clock, in frames; 0 before the first render."""
        if self.state.deck.end_step == 0:
            return 0.0
        return deck_position(&self.state.deck, self.state.clock) / <double>(1 << FIX)

    @property
    def nonfinite(self) -> int:
        """Samples that had to be silenced."""
        return self.state.bus.nonfinite

    def post(self, uint64_t command_id, uint16_t dimension, double value, int64_t sample=-1,
             uint32_t ramp_frames=480) -> bool:
        """Take a mix command; False if too many wait, or it makes no sense (a refusal is reported)."""
        cdef Command command
        memset(&command, 0, sizeof(Command))
        command.id = command_id
        command.session = self.state.key
        command.kind = COMMAND_MIX
        command.dimension = dimension
        command.value = value
        command.sample = sample
        command.ramp_frames = ramp_frames
        return session_post(self.state, &command) != 0

    def take_reports(self) -> list:
        """Reports since the last call, oldest first."""
        return self.memory.take_reports()

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


def _check(stems, roles, start, mix, low, high):
    if not 1 <= len(stems) <= STEMS_MAX or len(roles) != len(stems):
        raise ValueError(f"a session plays 1 to {STEMS_MAX} stems, each with a role")
    for stem, role in zip(stems, roles, strict=True):
        if not isinstance(stem, Stem) or stem.frames != stems[0].frames:
            raise ValueError("the stems of a session are of equal length")
        if role != DRUMS and not stem.is_tonal:
            raise ValueError("a stem that is not drums needs the regions of its spectra")
    if any(not 0 <= role < ROLES for role in roles):
        raise ValueError(f"roles are 0 to {ROLES - 1}")
    if not 0 <= start < stems[0].frames:
        raise ValueError(f"the start, frame {start}, is outside the music")
    for values in (mix, low, high):
        if len(values) != DIMENSIONS or not all(isfinite(value) for value in values):
            raise ValueError(f"mix, low and high have {DIMENSIONS} finite values")
    if not all(a <= b for a, b in zip(low, high, strict=True)) or low[0] < 0.5 or high[0] > 2.0:
        raise ValueError("low is at most high, and tempo within 0.5 and 2")
    if low[1] < -12.0 or high[1] > 12.0:
        raise ValueError("pitch is within -12 and 12 semitones")
