"""Banks of racks: up to four at a place, each at a weight, and what is late because of them.

A rack may be late. What is mixed with it waits for it: the dry sound of its place, its fellows, and, below
the master, every other place of every deck. Where the greatest delay changes, all places crossfade to the
new one in the same quanta, once their lines hold enough. Without such racks nothing is kept.
Everything here depends on commands and on the quantum alone.

Thread: [render] for the C functions; `SessionRacks` is for [housekeeping].
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from remixd._kernel.knob cimport knob_fill, knob_init, knob_stands_at
from remixd._kernel.rack cimport RACK_DELAY_MOST, Rack, rack_feed, rack_health, rack_read
from remixd._kernel.shelf cimport (
    SHELF,
    shelf_collect,
    shelf_find,
    shelf_give,
    shelf_put,
    shelf_take,
    shelf_withdraw,
)
from remixd._kernel.strip cimport ramp_value

cdef enum:
    DECKS = (PLACES - 1) // (1 + PARTS)
    LINE = 8192             # frames of a line: a power of two above RACK_DELAY_MOST
    FADE = 24               # quanta of a crossfade between delays: 32 ms


cdef int place_of(int deck, int part) noexcept nogil:
    """Where the bank of a part of a deck is; part -1 is the whole deck, deck -1 the master."""
    return 0 if deck < 0 else 2 + deck * (1 + PARTS) + part


cdef bint racks_at(const Racks* racks, int place) noexcept nogil:
    """Whether anything is in use at a place."""
    return racks.places[place].count > 0


cdef bint racks_on_parts(const Racks* racks, int deck) noexcept nogil:
    """Whether the parts of a deck must be told apart: there are racks on them, or their lines are written."""
    cdef int part
    if racks.delaying or racks.count == 0:
        return racks.delaying
    for part in range(PARTS):
        if racks_at(racks, place_of(deck, part)):
            return True
    return False


cdef bint racks_on_deck(const Racks* racks, int deck) noexcept nogil:
    """Whether there is anything to do for a deck, or for its parts, even where it is silent."""
    return racks_on_parts(racks, deck) or (racks.count > 0 and racks_at(racks, place_of(deck, -1)))


cdef int _slowest(const Bank* bank) noexcept nogil:
    cdef int slot, delay = 0
    for slot in range(bank.count):
        delay = max(delay, bank.racks[slot].delay)
    return delay


cdef int _slowest_part(const Racks* racks, int deck) noexcept nogil:
    cdef int part, delay = 0
    for part in range(PARTS):
        delay = max(delay, _slowest(&racks.places[place_of(deck, part)]))
    return delay


cdef int _slowest_deck(const Racks* racks) noexcept nogil:
    cdef int deck, delay = 0
    for deck in range(DECKS):
        delay = max(delay, _slowest_part(racks, deck) + _slowest(&racks.places[place_of(deck, -1)]))
    return delay


cdef int _wanted(const Racks* racks, int deck, int part) noexcept nogil:
    """By how much a place has to be late."""
    if deck < 0:
        return _slowest(&racks.places[0])
    if part < 0:
        return _slowest_deck(racks) - _slowest_part(racks, deck)
    return _slowest_part(racks, deck)


cdef int racks_latency(const Racks* racks) noexcept nogil:
    """By how many frames the session's sound is late because of its racks."""
    return (racks.places[0].delay + racks.places[place_of(0, -1)].delay + racks.places[place_of(0, 0)].delay
            if racks.delaying else 0)


cdef RackState* racks_find(Racks* racks, int place, uint32_t key) noexcept nogil:
    """The rack of a key that is in use at a place, or NULL."""
    cdef Bank* bank = &racks.places[place]
    cdef int slot
    for slot in range(bank.count):
        if bank.racks[slot].key == key:
            return bank.racks[slot]
    return NULL


cdef bint _set_next(Racks* racks) noexcept nogil:
    """Note by how much each place has to be late; whether that is another delay than now for any."""
    cdef bint differs = False
    cdef Bank* bank
    cdef int deck, part
    for deck in range(-1, DECKS):
        for part in range(-1, PARTS if deck >= 0 else 0):
            bank = &racks.places[place_of(deck, part)]
            bank.delay_next = _wanted(racks, deck, part)
            differs |= bank.delay_next != bank.delay
    return differs


cdef int64_t _valid(Racks* racks, int place, int64_t quantum) noexcept nogil:
    """The sample from which on a rack that is attached in a quantum has something to give."""
    cdef int deck = (place - 1) // (1 + PARTS) if place else -1
    cdef int delay = _wanted(racks, deck, (place - 1) % (1 + PARTS) - 1)
    cdef int64_t fade_start = max(racks.ready, quantum + 1)
    if racks.fade_start >= 0:
        fade_start = max(fade_start, racks.fade_start + FADE)
    elif delay == racks.places[place].delay:
        return quantum * QUANTUM + delay
    return (fade_start + FADE) * QUANTUM


cdef bint racks_attach(Racks* racks, int place, RackState* rack, int64_t start) noexcept nogil:
    """Begin to use a rack, from the quantum that has sample `start` on, at weight 0.

    False, and nothing is done, if all would be too late. There is room at the place.
    """
    cdef Bank* bank = &racks.places[place]
    bank.racks[bank.count] = rack
    bank.count += 1
    if _slowest_deck(racks) > RACK_DELAY_MOST:
        bank.count -= 1
        return False
    shelf_take(&racks.shelf, rack)
    knob_init(&rack.weight, 0.0)
    racks.count += 1
    if rack.delay and not racks.delaying:
        racks.delaying = True
        racks.ready = start // QUANTUM + RACK_DELAY_MOST // QUANTUM
    rack.valid = _valid(racks, place, start // QUANTUM)
    return True


cdef void _detach(Racks* racks, Bank* bank, int slot) noexcept nogil:
    shelf_give(&racks.shelf, bank.racks[slot])
    bank.count -= 1
    racks.count -= 1
    for slot in range(slot, bank.count):
        bank.racks[slot] = bank.racks[slot + 1]


cdef void _tend_delays(Racks* racks, int64_t quantum) noexcept nogil:
    """Begin and end crossfades between delays."""
    cdef int place
    if racks.fade_start >= 0:
        if quantum < racks.fade_start + FADE:
            return
        racks.fade_start = -1
        for place in range(PLACES):
            racks.places[place].delay = racks.places[place].delay_next
    racks.delaying = False
    for place in range(PLACES):
        racks.delaying |= racks.places[place].delay > 0 or _slowest(&racks.places[place]) > 0
    if racks.delaying and quantum >= racks.ready and _set_next(racks):
        racks.fade_start = quantum


cdef void racks_tend(Racks* racks, int64_t quantum) noexcept nogil:
    """Before a quantum: give back what has come to rest at weight 0, and move delays."""
    cdef Bank* bank
    cdef int place, slot
    if racks.count == 0 and not racks.delaying:
        return
    for place in range(PLACES):
        bank = &racks.places[place]
        for slot in range(bank.count - 1, -1, -1):
            if bank.racks[slot].weight.ramp.gain_to == 0.0 and (
                knob_stands_at(&bank.racks[slot].weight, 0.0, quantum * QUANTUM)
            ):
                _detach(racks, bank, slot)
    if racks.delaying:
        _tend_delays(racks, quantum)


cdef void _write_line(float* line, const float* block, int64_t quantum) noexcept nogil:
    memcpy(line + 2 * (quantum * QUANTUM & (LINE - 1)), block, 2 * QUANTUM * sizeof(float))


cdef void _read_line(const float* line, int64_t quantum, int late, float* out) noexcept nogil:
    cdef int64_t first = quantum * QUANTUM - late
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        out[2 * i] = line[2 * ((first + i) & (LINE - 1))]
        out[2 * i + 1] = line[2 * ((first + i) & (LINE - 1)) + 1]


cdef void _crossfade(Racks* racks, float* block) noexcept nogil:
    """From `block`, in place, to `tap`."""
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        block[2 * i] += racks.share[i] * (racks.tap[2 * i] - block[2 * i])
        block[2 * i + 1] += racks.share[i] * (racks.tap[2 * i + 1] - block[2 * i + 1])


cdef bint _fill_share(Racks* racks, const Bank* bank, int64_t quantum) noexcept nogil:
    """How far a place has gone to its next delay; False if it stays where it is."""
    cdef float t
    cdef Py_ssize_t i
    if racks.fade_start < 0 or bank.delay == bank.delay_next:
        return False
    for i in range(QUANTUM):
        t = <float>((quantum - racks.fade_start) * QUANTUM + i + 1) / (FADE * QUANTUM)
        racks.share[i] = t * t * (3.0 - 2.0 * t)
    return True


cdef void _fill_gains(Racks* racks, const Bank* bank, int64_t quantum, float* block) noexcept nogil:
    """The share of every rack, and, in `block`, what they leave of the dry sound."""
    cdef RackState* rack
    cdef float dry
    cdef Py_ssize_t i
    cdef int slot
    for slot in range(bank.count):
        rack = bank.racks[slot]
        knob_fill(&rack.weight, quantum * QUANTUM)
        for i in range(QUANTUM):
            racks.gains[slot][i] = rack.weight.values[i] * (rack_health(rack, i) if rack.fault else 1.0)
    for i in range(QUANTUM):
        dry = 1.0
        for slot in range(bank.count):
            dry -= racks.gains[slot][i]
        dry = max(dry, <float>0.0)
        block[2 * i] *= dry
        block[2 * i + 1] *= dry


cdef void racks_process(Racks* racks, int place, float* block, int64_t quantum, Beat beat) noexcept nogil:
    """A quantum of a place, interleaved stereo, in place. Where there are racks, it takes the GIL."""
    cdef Bank* bank = &racks.places[place]
    cdef float* line = racks.lines + place * 2 * LINE
    cdef bint moving = _fill_share(racks, bank, quantum)
    cdef Py_ssize_t i
    cdef int slot
    memcpy(racks.sent, block, sizeof(racks.sent))
    if racks.delaying:
        _write_line(line, block, quantum)
    if bank.delay:
        _read_line(line, quantum, bank.delay, block)
    if moving:
        _read_line(line, quantum, bank.delay_next, racks.tap)
        _crossfade(racks, block)
    for slot in range(bank.count):
        rack_feed(bank.racks[slot], racks.sent, beat)
    if bank.count:
        _fill_gains(racks, bank, quantum, block)
    for slot in range(bank.count):
        rack_read(bank.racks[slot], bank.delay - bank.racks[slot].delay, racks.wet)
        if moving:
            rack_read(bank.racks[slot], bank.delay_next - bank.racks[slot].delay, racks.tap)
            _crossfade(racks, racks.wet)
        for i in range(QUANTUM):
            block[2 * i] += racks.gains[slot][i] * racks.wet[2 * i]
            block[2 * i + 1] += racks.gains[slot][i] * racks.wet[2 * i + 1]


cdef void racks_keep(const Racks* racks, KeptRack* kept) noexcept nogil:
    """Write down what is in use, PLACES * BANK entries."""
    cdef const Bank* bank
    cdef int place, slot
    memset(kept, 0, PLACES * BANK * sizeof(KeptRack))
    for place in range(PLACES):
        bank = &racks.places[place]
        for slot in range(bank.count):
            kept[place * BANK + slot].key = bank.racks[slot].key
            kept[place * BANK + slot].weight = bank.racks[slot].weight.ramp


cdef void racks_restore(Racks* racks, const KeptRack* kept, int64_t quantum) noexcept nogil:
    """Use again what was written down, as far as it lies on the shelf, before a quantum."""
    cdef RackState* rack
    cdef int i, j
    for i in range(PLACES * BANK):
        rack = <RackState*>shelf_find(&racks.shelf, kept[i].key) if kept[i].key else NULL
        if rack == NULL or not racks_attach(racks, i // BANK, rack, quantum * QUANTUM):
            continue
        rack.weight.ramp = kept[i].weight
        rack.weight.still = False
        rack.weight.level = False
        for j in range(QUANTUM):
            rack.weight.last[j] = ramp_value(&kept[i].weight, (quantum - 1) * QUANTUM + j)
        rack.valid = quantum * QUANTUM
    racks.ready = quantum
    _set_next(racks)
    for i in range(PLACES):
        racks.places[i].delay = racks.places[i].delay_next


cdef class SessionRacks:
    """The racks of one session: those that lie ready, and those in use. Thread: [housekeeping]."""

    def __cinit__(self):
        memset(&self.state, 0, sizeof(Racks))
        self.state.fade_start = -1
        self.racks = {}

    def __dealloc__(self):
        free(self.state.lines)

    def __len__(self) -> int:
        return len(self.racks)

    @property
    def keys(self) -> list[int]:
        """Of all that it holds."""
        return sorted(self.racks)

    def put(self, Rack rack not None) -> None:
        """Lay a rack down for a command to use. Raises ValueError if its key lies there or there is no room,
        MemoryError.
        """
        if rack.state.key == 0 or rack.state.key in self.racks:
            raise ValueError(f"rack {rack.state.key} is there already, or no key")
        if rack.state.delay and self.state.lines == NULL:
            self.state.lines = <float*>calloc(PLACES * LINE, 2 * sizeof(float))
            if self.state.lines == NULL:
                raise MemoryError("no memory for the delays of racks")
        if not shelf_put(&self.state.shelf, rack.state.key, &rack.state, SHELF):
            raise ValueError(f"a session has room for {SHELF} racks")
        self.racks[rack.state.key] = rack

    def collect(self) -> list[int]:
        """Free those that are no longer used; their keys."""
        cdef uint32_t key = 0
        cdef list gone = []
        while shelf_collect(&self.state.shelf, &key):
            gone.append(key)
            del self.racks[key]
        return gone

    def withdraw(self, uint32_t key) -> bool:
        """Free one that lies ready, once no command can come that uses it; whether there was one."""
        if not shelf_withdraw(&self.state.shelf, key):
            return False
        del self.racks[key]
        return True
