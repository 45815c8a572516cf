"""Players: a track's stems, its rights and its beats, with two readers, so that one can fade into the other.

Made and freed by [housekeeping]; while it is on a deck the render thread alone touches its readers.
"""
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free

import numpy as np

from remixd._kernel.fft cimport FRAME
from remixd._kernel.reader cimport LANE_DRUMS, LANE_TONAL, LANE_VOCALS, reader_free, reader_init
from remixd._kernel.resample cimport RING
from remixd._kernel.stem cimport Stem, stem_touch
from remixd._kernel.strip cimport linear_gain

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef int[DIMENSIONS] _role_of_dimension = [-1, -1, 2, 0, 1, 3, -1, -1, -1]

BEATS_MAX = 1 << 17
LOW = (0.5, -12.0, -60.0, -60.0, -60.0, -60.0, -12.0, 0.0, 0.0)
HIGH = (2.0, 12.0, 6.0, 6.0, 6.0, 6.0, 12.0, 1.0, 1.0)


cdef int role_of(int dimension) noexcept nogil:
    """The role whose gain a dimension is; -1 for those that are no role's."""
    return _role_of_dimension[dimension]


cdef class Player:
    """A track made ready for a deck.

    Args:
        stems: one to eight `Stem`, of equal length.
        roles: the index of each stem's role in `units.STEM_ROLES`.
        key: what control calls it.
        loop: whether the music starts over at its end; else silence follows.
        low, high: what rights allow of each dimension of `mix.PLAYABLE`; every value is clamped to it.
            Everything, of those that are left out.
        vocals_limit_db: most that vocals may stand above the loudest other role; None for no limit.
        mashable: whether that other role may be another track's.
        generated: whether anything may be generated over it.
        separable: whether its stems may be handed out one by one; else they are silent there.
        summed: whether stems but drums are summed in the spectrum: cheaper, but their gains act with the
            frame, up to 64 ms late (more when transposed down).
        beats: source frames of the beats, rising, two at least; empty for none.
        levels: what begins at each: 1 a beat, 2 a bar, 3 a phrase, 4 a section.
        heard: whether these are beats of the music; a deck never follows seconds that stand in for beats.

    Raises ValueError if these do not fit together, MemoryError.
    """

    def __cinit__(self, list stems not None, list roles not None, *, uint32_t key=1, bint loop=True,
                  low=LOW, high=HIGH, vocals_limit_db=None, bint mashable=False, bint generated=True,
                  bint separable=True, bint summed=False, beats=(), levels=(), bint heard=True):
        cdef int i
        low, high = (*low, *LOW[len(low):]), (*high, *HIGH[len(high):])
        _check(stems, roles, low, high)
        self.stems = stems
        self.state = <PlayerState*>calloc(1, sizeof(PlayerState))
        if self.state == NULL:
            raise MemoryError("no memory for a player")
        self.state.key = key
        self.state.summed = summed
        self.state.mashable = mashable
        self.state.generated = generated
        self.state.separable = separable
        self._set_rights(low, high, vocals_limit_db)
        self._set_grid(beats, levels, heard)
        self._set_stems(roles, loop)
        for i in range(2):
            reader_init(&self.state.readers[i], summed)

    cdef int _set_rights(self, low, high, vocals_limit_db) except -1:
        cdef int i
        for i in range(DIMENSIONS):
            self.state.low[i] = low[i]
            self.state.high[i] = high[i]
            if role_of(i) >= 0:
                self.state.least[role_of(i)] = linear_gain(low[i])
                self.state.most[role_of(i)] = linear_gain(high[i])
        if vocals_limit_db is not None:
            self.state.vocals_limit = <float>(10.0 ** (vocals_limit_db / 20.0))
        return 0

    cdef int _set_grid(self, beats, levels, bint heard) except -1:
        self.frames = np.array(beats, np.float64)
        self.levels = np.array(levels, np.uint8)
        if self.frames.ndim != 1 or self.frames.shape != self.levels.shape or self.frames.size > BEATS_MAX:
            raise ValueError(f"a grid has up to {BEATS_MAX} beats, each with a level")
        if self.frames.size == 1 or not np.isfinite(self.frames).all() or (np.diff(self.frames) < 1.0).any():
            raise ValueError("a grid has no beats or two at least, and they rise")
        if ((self.levels < 1) | (self.levels > 4)).any():
            raise ValueError("levels are 1 to 4")
        self.state.grid.count = self.frames.size
        self.state.grid.frames = <const double*><size_t>self.frames.ctypes.data
        self.state.grid.levels = <const uint8_t*><size_t>self.levels.ctypes.data
        self.state.grid.heard = heard and self.frames.size > 0
        return 0

    cdef int _set_stems(self, list roles, bint loop) except -1:
        cdef int i, j
        cdef Reader* reader
        self.state.loop = loop
        self.state.length = (<Stem>self.stems[0]).view.frames
        for i in range(2):
            reader = &self.state.readers[i]
            reader.stems_count = len(roles)
            reader.loop = loop
            reader.length = self.state.length
            for j in range(reader.stems_count):
                reader.voices[j].stem = (<Stem>self.stems[j]).view
                reader.voices[j].lane = LANE_TONAL
                if roles[j] == DRUMS:
                    reader.voices[j].lane = LANE_DRUMS
                elif roles[j] == VOCALS:
                    reader.voices[j].lane = LANE_VOCALS
                self.state.role_of[j] = roles[j]
                self.state.role_present[roles[j]] = True
        return 0

    def __dealloc__(self):
        cdef int i
        if self.state != NULL:
            for i in range(2):
                reader_free(&self.state.readers[i])
            free(self.state)

    @property
    def key(self) -> int:
        """What control calls it."""
        return self.state.key

    @property
    def frames_count(self) -> int:
        """Frames of music."""
        return self.state.length

    def lock_memory(self) -> bool:
        """Keep its state in memory, never paged out; False if this process may not."""
        cdef int i, j
        cdef Reader* reader
        cdef float* ring
        cdef bint locked = mlock(self.state, sizeof(PlayerState)) == 0
        for i in range(2):
            reader = &self.state.readers[i]
            for j in range(reader.stems_count):
                if reader.voices[j].lane == LANE_DRUMS:
                    continue
                ring = reader.sum if self.state.summed else reader.voices[j].stretch.out
                locked = mlock(ring, RING * 2 * sizeof(float)) == 0 and locked
                locked = mlock(reader.voices[j].stretch.theta, FRAME * sizeof(uint32_t)) == 0 and locked
        return locked

    def touch(self, int64_t start, int64_t frames) -> None:
        """Bring `frames` source frames of every stem from `start` on into memory."""
        cdef int i
        cdef const Reader* reader = &self.state.readers[0]
        start = min(max(start, 0), self.state.length - 1)
        with nogil:
            for i in range(reader.stems_count):
                stem_touch(&reader.voices[i].stem, start, frames)


def _check(stems, roles, low, high):
    if not 1 <= len(stems) <= STEMS_MAX or len(roles) != len(stems):
        raise ValueError(f"a session plays 1 to {STEMS_MAX} stems, each with a role")
    for stem, role in zip(stems, roles, strict=True):
        if not isinstance(stem, Stem) or stem.frames != stems[0].frames:
            raise ValueError("the stems of a session are of equal length")
        if role != DRUMS and not stem.is_tonal:
            raise ValueError("a stem that is not drums needs the regions of its spectra")
    if any(not 0 <= role < ROLES for role in roles):
        raise ValueError(f"roles are 0 to {ROLES - 1}")
    for values in (low, high):
        if len(values) != DIMENSIONS or not all(isfinite(value) for value in values):
            raise ValueError(f"low and high have {DIMENSIONS} finite values")
    if not all(a <= b for a, b in zip(low, high, strict=True)) or low[0] < 0.5 or high[0] > 2.0:
        raise ValueError("low is at most high, and tempo within 0.5 and 2")
    if low[1] < -12.0 or high[1] > 12.0:
        raise ValueError("pitch is within -12 and 12 semitones")
    if any(low[i] > 0.0 or high[i] < 0.0 for i in range(BRIGHTNESS, DIMENSIONS)):
        raise ValueError("rights leave the tone of the artist's own mix")
