"""Where the beats of a track are: beat numbers and source frames, one from the other."""
from libc.stdint cimport uint8_t

cdef enum:
    MARK_BEAT = 1
    MARK_BAR = 2
    MARK_PHRASE = 3
    MARK_SECTION = 4

cdef struct Grid:
    const double* frames    # of every beat, source frames, ascending
    const uint8_t* levels   # what begins there: MARK_BEAT and above
    int count               # 0: no grid
    bint heard              # whether these are beats of the music; else seconds stand in for them

cdef double grid_beat(const Grid* grid, double frame) noexcept nogil
cdef double grid_frame(const Grid* grid, double beat) noexcept nogil
cdef double grid_interval(const Grid* grid, double frame) noexcept nogil
cdef double grid_next(const Grid* grid, int level, double frame) noexcept nogil
