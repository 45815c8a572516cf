"""The shelf: players handed to a session while it plays, and back.

Housekeeping lays a player down ready; the render thread takes it when it is loaded, and gives it back when it
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
    TAKEN = 2               # the render thread's, on a deck
    GIVEN = 3               # housekeeping's, to be collected


cdef bint shelf_put(Shelf* shelf, PlayerState* player) noexcept nogil:
    """Lay a player down; False if there is no place. Thread: [housekeeping]."""
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == EMPTY:
            shelf.players[i] = player
            store_release(&shelf.states[i], READY)
            return True
    return False


cdef bint shelf_collect(Shelf* shelf, PlayerState** player) noexcept nogil:
    """Take back a player that was given back; False if there is none. Thread: [housekeeping]."""
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == GIVEN:
            player[0] = shelf.players[i]
            store_release(&shelf.states[i], EMPTY)
            return True
    return False


cdef bint shelf_withdraw(Shelf* shelf, uint32_t key) noexcept nogil:
    """Take a player away that lies ready, and that no command will ask for; False if none of this key does.

    Thread: [housekeeping].
    """
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == READY and shelf.players[i].key == key:
            store_release(&shelf.states[i], EMPTY)
            return True
    return False


cdef PlayerState* shelf_find(Shelf* shelf, uint32_t key) noexcept nogil:
    """The player of a key that lies ready, or NULL. Thread: [render]."""
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) == READY and shelf.players[i].key == key:
            return shelf.players[i]
    return NULL


cdef void _move(Shelf* shelf, const PlayerState* player, uint32_t state) noexcept nogil:
    cdef int i
    for i in range(SHELF):
        if load_acquire(&shelf.states[i]) in (READY, TAKEN) and shelf.players[i] == player:
            store_release(&shelf.states[i], state)
            return


cdef void shelf_take(Shelf* shelf, const PlayerState* player) noexcept nogil:
    """Note that a player is on a deck. Thread: [render]."""
    _move(shelf, player, TAKEN)


cdef void shelf_give(Shelf* shelf, const PlayerState* player) noexcept nogil:
    """Give a player back: it is not used any more. Thread: [render]."""
    _move(shelf, player, GIVEN)
