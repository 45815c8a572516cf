"""A track made ready to be played on a deck."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.grid cimport Grid
from remixd._kernel.reader cimport STEMS_MAX, Reader
from remixd._kernel.stem cimport StemView

cdef enum:
    ROLES = 4
    DIMENSIONS = 9
    TEMPO = 0               # dimensions, in the order of remixd.mix.PLAYABLE
    PITCH = 1
    DRUMS_GAIN = 3
    BRIGHTNESS = 6          # from here on they act on the session's whole mix, not deck by deck
    DRUMS = 0               # and roles, in the order of remixd.units.STEM_ROLES
    VOCALS = 2

cdef struct PlayerState:
    uint32_t key            # what control calls it; never used twice in a session
    int role_of[STEMS_MAX]
    bint role_present[ROLES]
    bint summed             # tonal stems' gains act in the spectrum, with their frames
    bint generated          # whether anything may be generated over it
    bint separable          # whether its stems may be handed out one by one
    bint mashable           # whether the band of other decks may carry its vocals
    float vocals_limit      # most that vocals may be of the loudest other role, linear; 0: no limit
    double low[DIMENSIONS]  # rights
    double high[DIMENSIONS]
    float[ROLES] least      # the same of each role, linear: mix and hand together stay within
    float[ROLES] most
    int64_t length          # source frames
    bint loop               # whether the music is a circle
    Grid grid
    Reader[2] readers       # one plays while the other fades out

cdef int role_of(int dimension) noexcept nogil

cdef class Player:
    cdef PlayerState* state
    cdef readonly list stems
    cdef object frames
    cdef object levels
    cdef int _set_rights(self, low, high, vocals_limit_db) except -1
    cdef int _set_stems(self, list roles, bint loop) except -1
    cdef int _set_grid(self, beats, levels, bint heard) except -1
