"""The shelf on which housekeeping lays players and racks for the render thread, and finds them again."""
from libc.stdint cimport uint32_t

cdef enum:
    SHELF = 32              # places; who puts something down says how many of them are for it

cdef struct Shelf:
    uint32_t[SHELF] states
    uint32_t[SHELF] keys
    void* things[SHELF]

cdef bint shelf_put(Shelf* shelf, uint32_t key, void* thing, int room) noexcept nogil
cdef bint shelf_collect(Shelf* shelf, uint32_t* key) noexcept nogil
cdef bint shelf_withdraw(Shelf* shelf, uint32_t key) noexcept nogil
cdef void* shelf_find(Shelf* shelf, uint32_t key) noexcept nogil
cdef void shelf_take(Shelf* shelf, const void* thing) noexcept nogil
cdef void shelf_give(Shelf* shelf, const void* thing) noexcept nogil
