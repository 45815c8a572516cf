"""The shelf on which housekeeping lays players for the render thread, and finds them again."""
from libc.stdint cimport uint32_t

from remixd._kernel.player cimport PlayerState

cdef enum:
    SHELF = 16

cdef struct Shelf:
    uint32_t[SHELF] states
    PlayerState* players[SHELF]

cdef bint shelf_put(Shelf* shelf, PlayerState* player) noexcept nogil
cdef bint shelf_collect(Shelf* shelf, PlayerState** player) noexcept nogil
cdef bint shelf_withdraw(Shelf* shelf, uint32_t key) noexcept nogil
cdef PlayerState* shelf_find(Shelf* shelf, uint32_t key) noexcept nogil
cdef void shelf_take(Shelf* shelf, const PlayerState* player) noexcept nogil
cdef void shelf_give(Shelf* shelf, const PlayerState* player) noexcept nogil
