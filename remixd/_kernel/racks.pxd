"""Racks of a session: of the master, of each deck, of each role of a deck."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.rack cimport Beat, RackState
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.shelf cimport Shelf
from remixd._kernel.strip cimport Ramp

cdef enum:
    BANK = 4                # racks of one place
    PARTS = 5               # of a deck: its roles, and the sum of those that are not told apart
    PLACES = 25             # the master; of four decks, each and its parts
    RACK_RAMP_LEAST = 240   # frames: shorter ramps of a weight would be heard as clicks

cdef struct Bank:           # a place: out = (1 - sum of weights) * dry + sum of weight * rack
    RackState* racks[BANK]
    int count
    int delay               # frames by which all of it is late, so that what is mixed stays together
    int delay_next          # the same, once the crossfade that goes on is over

cdef struct Racks:
    Shelf shelf
    Bank[PLACES] places
    int count               # racks in use
    bint delaying           # whether dry sound is kept: some rack delays, or the crossfade from one that did
    int64_t ready           # the quantum from which on enough of it is there
    int64_t fade_start      # the quantum in which a crossfade between delays begins; -1: none
    uint32_t bypassed       # racks that turned out faulty, so far
    float* lines            # the dry sound of each place; NULL until a rack delays
    float[PARTS][QUANTUM * 2] parts     # of the deck that is being mixed
    float[PARTS][QUANTUM * 2] sounds    # of one of its readers
    float[QUANTUM * 2] sent             # what the racks of a place are given
    float[QUANTUM * 2] wet
    float[QUANTUM * 2] tap
    float[BANK][QUANTUM] gains
    float[QUANTUM] share                # of the way from one delay to the next

cdef struct KeptRack:
    uint32_t key            # 0: none
    Ramp weight

cdef int place_of(int deck, int part) noexcept nogil
cdef bint racks_on_deck(const Racks* racks, int deck) noexcept nogil
cdef bint racks_on_parts(const Racks* racks, int deck) noexcept nogil
cdef bint racks_at(const Racks* racks, int place) noexcept nogil
cdef int racks_latency(const Racks* racks) noexcept nogil
cdef RackState* racks_find(Racks* racks, int place, uint32_t key) noexcept nogil
cdef bint racks_attach(Racks* racks, int place, RackState* rack, int64_t start) noexcept nogil
cdef void racks_tend(Racks* racks, int64_t quantum) noexcept nogil
cdef void racks_process(Racks* racks, int place, float* block, int64_t quantum, Beat beat) noexcept nogil
cdef void racks_keep(const Racks* racks, KeptRack* kept) noexcept nogil
cdef void racks_restore(Racks* racks, const KeptRack* kept, int64_t quantum) noexcept nogil

cdef class SessionRacks:
    cdef Racks state
    cdef dict racks
