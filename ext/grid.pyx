"""Beat grids: a track's beats, numbered from 0, as source frames; before the first and after the last the
nearest interval goes on.

Thread: [render].
"""
from libc.math cimport INFINITY, floor


cdef int _at(const Grid* grid, double frame) noexcept nogil:
    """The interval, 0 to count - 2, in which a frame lies, or which is nearest to it."""
    cdef int low = 0, high = grid.count - 1, middle
    while high - low > 1:
        middle = (low + high) // 2
        if grid.frames[middle] > frame:
            high = middle
        else:
            low = middle
    return low


cdef double grid_beat(const Grid* grid, double frame) noexcept nogil:
    """The beat number at a source frame, with its fraction. The grid has two beats at least."""
    cdef int i = _at(grid, frame)
    return i + (frame - grid.frames[i]) / (grid.frames[i + 1] - grid.frames[i])


cdef double grid_frame(const Grid* grid, double beat) noexcept nogil:
    """The source frame of a beat number with a fraction."""
    cdef int i = <int>min(max(floor(beat), 0.0), <double>(grid.count - 2))
    return grid.frames[i] + (beat - i) * (grid.frames[i + 1] - grid.frames[i])


cdef double grid_interval(const Grid* grid, double frame) noexcept nogil:
    """Source frames of the beat in which a frame lies."""
    cdef int i = _at(grid, frame)
    return grid.frames[i + 1] - grid.frames[i]


cdef double grid_next(const Grid* grid, int level, double frame) noexcept nogil:
    """The first mark of at least `level` that is not before a source frame; infinity if there is none."""
    cdef int i = _at(grid, frame)
    while i < grid.count:
        if grid.levels[i] >= level and grid.frames[i] >= frame:
            return grid.frames[i]
        i += 1
    return INFINITY
