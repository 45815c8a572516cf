"""The shelf: players and racks handed to a session while it plays, and back.

Housekeeping lays one down ready; the render thread takes it when it is asked for, and gives it back when it
is no longer heard; housekeeping collects it. Each place belongs to one side at a time.
"""
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    static inline uint32_t remixd_shelf_load(const uint32_t *p) {
        return atomic_load_explicit((const _Atomic uint32_t *)p, memory_order_acquire);
    }
    static inline void remixd_shelf_store(uint32_t *p, uint32_t v) {
        atomic_store_explicit((_Atomic uint32_t *)p, v, memory_order_release);
    }
    """
    uint32_t load_acquire "remixd_shelf_load"(const uint32_t* p) noexcept nogil
    void store_release "remixd_shelf_store"(uint32_t* p, uint32_t v) noexcept nogil

cdef enum:
    EMPTY = 0               # housekeeping's
    READY = 1               # the render thread's
    TAKEN = 2               # the render thread's, in use
    GIVEN = 3               # housekeeping's, to be collected


cdef bint shelf_put(Shelf* shelf, uint32_t key, void* thing, int room) noexcept nogil:
    """Lay a thing down on one of the first `room` places; False if none is free. Thread: [housekeeping]."""
    cdef int i
    for i in range(room):
        if load_acquire(&shelf.states[i]) == EMPTY:
            shelf.things[i] = thing
            shelf.keys[i] = key
            store_release(&shelf.states[i], READY)
            return True
    return False


cdef bint shelf_collect(Shelf* shelf, uint32_t* key) noexcept nogil:
    """Take back a thing that was given back, and tell its key; False if there is none.

    Thread: [housekeeping].
    """
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == GIVEN:
            key[0] = shelf.keys[i]
            store_release(&shelf.states[i], EMPTY)
            return True
    return False


cdef bint shelf_withdraw(Shelf* shelf, uint32_t key) noexcept nogil:
    """Take a thing away that lies ready, and that no command will ask for; False if none of this key does.

    Thread: [housekeeping].
    """
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == READY and shelf.keys[i] == key:
            store_release(&shelf.states[i], EMPTY)
            return True
    return False


cdef void* shelf_find(Shelf* shelf, uint32_t key) noexcept nogil:
    """What lies ready under a key, or NULL. Thread: [render]."""
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == READY and shelf.keys[i] == key:
            return shelf.things[i]
    return NULL


cdef void _move(Shelf* shelf, const void* thing, uint32_t state) noexcept nogil:
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) in (READY, TAKEN) and shelf.things[i] == thing:
            store_release(&shelf.states[i], state)
            return


cdef void shelf_take(Shelf* shelf, const void* thing) noexcept nogil:
    """Note that a thing is in use. Thread: [render]."""
    _move(shelf, thing, TAKEN)


cdef void shelf_give(Shelf* shelf, const void* thing) noexcept nogil:
    """Give a thing back: it is not used any more. Thread: [render]."""
    _move(shelf, thing, GIVEN)
