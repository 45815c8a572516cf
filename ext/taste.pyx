"""Tastes of many fans (see `ideal`), updated by batches of events, with a ledger each to explain and to undo.

Beside the state of now a fan has the state before the last 64 events, and these: a history without one of
them is a replay, and so is what each of them did. Thread: [control].
"""
from libc.math cimport NAN, isfinite
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcpy, memmove, memset

from remixd._kernel.ideal cimport (
    KINDS,
    PACKED,
    SIZE,
    D,
    Event,
    Model,
    State,
    ideal_apply,
    ideal_compares,
    ideal_judges,
)

import numpy as np

cdef enum:
    ROW = SIZE + PACKED + 1     # doubles of a state
    LEDGER = 64                 # events that can be taken back
    SLOTS_MAX = 1 << 20

cdef enum:                      # what is wrong with an event
    FINE = 0
    BAD_SLOT = 1
    BAD_KIND = 2
    BAD_DIMENSION = 3
    BAD_VALUE = 4
    BAD_WEIGHT = 5
    BAD_TIME = 6
    BAD_HEARD = 7

cdef struct Fan:
    State now
    State folded                # before `events`
    Event* events               # oldest first
    int32_t count
    int32_t room
    bint joined

DIMENSIONS = D
LEDGER_EVENTS = LEDGER
STATE_BYTES = sizeof(State)
EVENT_BYTES = sizeof(Event)

_FAULTS = {
    BAD_SLOT: "nobody has its slot",
    BAD_KIND: "there is no such kind",
    BAD_DIMENSION: "there is no such dimension",
    BAD_VALUE: "its value is not in [-1, 1]",
    BAD_WEIGHT: "its weight is not in [0, 1]",
    BAD_TIME: "its time is not finite",
    BAD_HEARD: "what it judges was not heard",
}


cdef int _order(const void* one, const void* other) noexcept nogil:
    """By fan, time and id; then by what else tells two events apart, so that no order of arrival is left."""
    cdef const Event* a = <const Event*>one
    cdef const Event* b = <const Event*>other
    if a.slot != b.slot:
        return -1 if a.slot < b.slot else 1
    if a.at_s != b.at_s:
        return -1 if a.at_s < b.at_s else 1
    if a.id != b.id:
        return -1 if a.id < b.id else 1
    if a.kind != b.kind:
        return -1 if a.kind < b.kind else 1
    if a.dimension != b.dimension:
        return -1 if a.dimension < b.dimension else 1
    if a.value != b.value:
        return -1 if a.value < b.value else 1
    if a.heard != b.heard:
        return -1 if a.heard < b.heard else 1
    if a.before != b.before:
        return -1 if a.before < b.before else 1
    if a.weight != b.weight:
        return -1 if a.weight < b.weight else 1
    return 0


cdef void _record(Fan* fan, const Model* model, const Event* event, const double* heard) noexcept nogil:
    """Apply an event and put it in the ledger, which has room; the oldest is folded in if it is full."""
    if fan.count == LEDGER:
        ideal_apply(&fan.folded, model, fan.events, heard)
        memmove(fan.events, fan.events + 1, (LEDGER - 1) * sizeof(Event))
        fan.count -= 1
    fan.events[fan.count] = event[0]
    memset(fan.events[fan.count].unused, 0, sizeof(event.unused))   # a snapshot holds no stray bytes
    fan.count += 1
    ideal_apply(&fan.now, model, event, heard)


cdef bint _reserve(Fan* fan, Py_ssize_t more) noexcept nogil:
    """Make room for as many more events as the ledger takes; whether there is memory."""
    cdef Py_ssize_t needed = min(fan.count + more, <Py_ssize_t>LEDGER), room = max(fan.room, 4)
    cdef Event* grown
    if needed <= fan.room:
        return True
    while room < needed:
        room *= 2
    grown = <Event*>realloc(fan.events, room * sizeof(Event))
    if grown == NULL:
        return False
    fan.events = grown
    fan.room = <int32_t>room
    return True


cdef void _empty(Fan* fan) noexcept nogil:
    free(fan.events)
    memset(fan, 0, sizeof(Fan))


cdef void _fill(State* state, const double[::1] row) noexcept nogil:
    memcpy(state, &row[0], sizeof(State))


cdef class Fans:
    """The tastes and ledgers of many fans, by slot.

    Args:
        prior: float64 (ROW,), of who joins: see `rows`; the last is not read.
        trust: float64 (12,): weight of each kind of event, at least 0.
        outcome: float64 (12,): of each kind that judges, 1 if it likes and 0 if not.
        kappas: float64 (D,): how fast utility falls with the squared distance from the ideal, above 0.
        wish_variances: float64 (D,): of a wish about what is really liked, above 0.
        drifts_per_s: float64 (D + 1,): by how much a variance grows in a second, at least 0.
        surprise: how much of what a wish comes unexpected adds to the variance it meets, in [0, 1].

    Arrays are C-contiguous. Raises ValueError for shapes and values of another kind. Thread: [control]; one
    at a time.
    """

    cdef Fan* fans
    cdef Py_ssize_t room
    cdef Model model

    def __cinit__(
        self, const double[::1] prior not None, const double[::1] trust not None,
        const double[::1] outcome not None, const double[::1] kappas not None,
        const double[::1] wish_variances not None, const double[::1] drifts_per_s not None, double surprise,
    ):
        self.fans = NULL
        self.room = 0
        if prior.shape[0] != ROW or trust.shape[0] != KINDS or outcome.shape[0] != KINDS:
            raise ValueError("the prior or the table of kinds has another shape")
        if kappas.shape[0] != D or wish_variances.shape[0] != D or drifts_per_s.shape[0] != SIZE:
            raise ValueError("a constant of the dimensions has another shape")
        _fill(&self.model.prior, prior)
        self.model.prior.at_s = NAN
        memcpy(self.model.trust, &trust[0], sizeof(self.model.trust))
        memcpy(self.model.outcome, &outcome[0], sizeof(self.model.outcome))
        memcpy(self.model.kappas, &kappas[0], sizeof(self.model.kappas))
        memcpy(self.model.wish_variances, &wish_variances[0], sizeof(self.model.wish_variances))
        self.model.surprise = surprise
        memcpy(self.model.drifts_per_s, &drifts_per_s[0], sizeof(self.model.drifts_per_s))

    def __dealloc__(self):
        cdef Py_ssize_t slot
        for slot in range(self.room):
            free(self.fans[slot].events)
        free(self.fans)

    cdef Fan* _find(self, Py_ssize_t slot) except NULL:
        if not 0 <= slot < self.room or not self.fans[slot].joined:
            raise ValueError(f"nobody has slot {slot}")
        return &self.fans[slot]

    cdef int _grow(self, Py_ssize_t slot) except -1:
        cdef Py_ssize_t room = max(self.room, 16)
        cdef Fan* grown
        if not 0 <= slot < SLOTS_MAX:
            raise ValueError(f"slot {slot} is not in [0, {SLOTS_MAX})")
        if slot < self.room:
            return 0
        while room <= slot:
            room *= 2
        grown = <Fan*>realloc(self.fans, room * sizeof(Fan))
        if grown == NULL:
            raise MemoryError
        memset(grown + self.room, 0, (room - self.room) * sizeof(Fan))
        self.fans = grown
        self.room = room
        return 0

    def has(self, Py_ssize_t slot) -> bool:
        """Whether somebody has a slot."""
        return 0 <= slot < self.room and self.fans[slot].joined

    def slots(self):
        """Of those who are there, int32 (n,), ascending."""
        cdef Py_ssize_t slot
        return np.array([slot for slot in range(self.room) if self.fans[slot].joined], np.int32)

    def join(self, Py_ssize_t slot, const double[::1] row=None) -> None:
        """Put a new fan into a free slot, with a state as `rows` gives it, or the prior.

        Raises ValueError if somebody has the slot.
        """
        cdef Fan* fan
        if row is not None and row.shape[0] != ROW:
            raise ValueError("the state has another shape")
        self._grow(slot)
        fan = &self.fans[slot]
        if fan.joined:
            raise ValueError(f"somebody has slot {slot}")
        fan.now = self.model.prior
        if row is not None:
            _fill(&fan.now, row)
        fan.folded = fan.now
        fan.joined = True

    def forget(self, Py_ssize_t slot) -> None:
        """Drop a fan's taste and ledger; the slot is free."""
        _empty(self._find(slot))

    def check(self, const uint8_t[::1] events not None, Py_ssize_t heard_count) -> None:
        """Raise ValueError, with what is wrong, if one of some events cannot be observed.

        Args:
            events: as `observe` takes them.
            heard_count: how many mixes were heard.
        """
        cdef Py_ssize_t i, count = events.shape[0] // sizeof(Event)
        cdef int fault = FINE
        if events.shape[0] % sizeof(Event):
            raise ValueError("events have another size")
        for i in range(count):
            fault = self._fault(<const Event*>&events[0] + i, heard_count)
            if fault != FINE:
                raise ValueError(f"events[{i}]: {_FAULTS[fault]}")

    cdef int _fault(self, const Event* event, Py_ssize_t heard_count) noexcept nogil:
        if not 0 <= event.slot < self.room or not self.fans[event.slot].joined:
            return BAD_SLOT
        if event.kind >= KINDS:
            return BAD_KIND
        if not ideal_judges(event) and event.dimension >= D:
            return BAD_DIMENSION
        if not -1.0 <= event.value <= 1.0:
            return BAD_VALUE
        if not 0.0 <= event.weight <= 1.0:
            return BAD_WEIGHT
        if not isfinite(event.at_s):
            return BAD_TIME
        if ideal_judges(event) and not 0 <= event.heard < heard_count:
            return BAD_HEARD
        if ideal_compares(event) and not 0 <= event.before < heard_count:
            return BAD_HEARD
        return FINE

    def observe(self, uint8_t[::1] events not None, const double[:, ::1] heard not None) -> None:
        """Learn from the events of one tick, in the order of fan, time and id; nothing changes if one is bad.

        Args:
            events: the bytes of an array of EVENT, which is left sorted.
            heard: float64 (rows, D) in [-1, 1]: the mixes that events refer to.

        Raises ValueError as `check` does.
        """
        cdef Py_ssize_t count = events.shape[0] // sizeof(Event), i = 0, start, end
        cdef Event* first
        cdef const double* mixes
        cdef bint full = False
        if heard.shape[1] != D:
            raise ValueError("heard has another shape")
        self.check(events, heard.shape[0])
        if count == 0:
            return
        first = <Event*>&events[0]
        mixes = &heard[0, 0] if heard.shape[0] else NULL
        with nogil:
            qsort(first, count, sizeof(Event), _order)
            start = 0
            while start < count and not full:
                end = start + 1
                while end < count and first[end].slot == first[start].slot:
                    end += 1
                full = not _reserve(&self.fans[first[start].slot], end - start)
                start = end
            if not full:
                for i in range(count):
                    _record(&self.fans[first[i].slot], &self.model, first + i, mixes)
        if full:
            raise MemoryError

    def rows(self, const int32_t[::1] slots not None):
        """The states of some fans, float64 (n, ROW): mean (D + 1), covariance (its lower triangle), time.

        Raises ValueError if nobody has one of the slots.
        """
        cdef Py_ssize_t i
        found = np.empty((slots.shape[0], ROW))
        cdef double[:, ::1] out = found
        for i in range(slots.shape[0]):
            memcpy(&out[i, 0], &self._find(slots[i]).now, sizeof(State))
        return found

    def ledger(self, Py_ssize_t slot) -> bytes:
        """The last events of a fan, 64 at most, oldest first, as the bytes of an array of EVENT."""
        cdef Fan* fan = self._find(slot)
        return (<const char*>fan.events)[:fan.count * sizeof(Event)] if fan.count else b""

    def means(self, Py_ssize_t slot, const double[:, ::1] heard not None):
        """How a fan's taste went, float64 (n + 1, D): before the events of the ledger, and after each."""
        cdef Fan* fan = self._find(slot)
        cdef State state = fan.folded
        cdef Py_ssize_t i
        found = np.empty((fan.count + 1, D))
        cdef double[:, ::1] out = found
        self.check(np.frombuffer(self.ledger(slot), np.uint8), heard.shape[0])
        memcpy(&out[0, 0], &state.mean[1], D * sizeof(double))
        for i in range(fan.count):
            ideal_apply(&state, &self.model, &fan.events[i], &heard[0, 0] if heard.shape[0] else NULL)
            memcpy(&out[i + 1, 0], &state.mean[1], D * sizeof(double))
        return found

    def undo(self, Py_ssize_t slot, Py_ssize_t index, const double[:, ::1] heard not None) -> None:
        """Take event `index` of a fan's ledger back: the state is a history's without it, to the bit."""
        cdef Fan* fan = self._find(slot)
        cdef Py_ssize_t i
        if not 0 <= index < fan.count:
            raise ValueError(f"the ledger has no event {index}")
        self.check(np.frombuffer(self.ledger(slot), np.uint8), heard.shape[0])
        memmove(fan.events + index, fan.events + index + 1, (fan.count - 1 - index) * sizeof(Event))
        fan.count -= 1
        fan.now = fan.folded
        for i in range(fan.count):
            ideal_apply(&fan.now, &self.model, &fan.events[i], &heard[0, 0] if heard.shape[0] else NULL)

    def mark(self, uint8_t[::1] used not None) -> None:
        """Set the flag of every mix heard that some ledger refers to."""
        cdef Py_ssize_t slot, i
        cdef const Event* event
        for slot in range(self.room):
            for i in range(self.fans[slot].count):
                event = &self.fans[slot].events[i]
                if ideal_judges(event) and event.heard < used.shape[0]:
                    used[event.heard] = True
                if ideal_compares(event) and event.before < used.shape[0]:
                    used[event.before] = True

    def folded(self, const int32_t[::1] slots not None):
        """As `rows`, before the events of the ledgers."""
        cdef Py_ssize_t i
        found = np.empty((slots.shape[0], ROW))
        cdef double[:, ::1] out = found
        for i in range(slots.shape[0]):
            memcpy(&out[i, 0], &self._find(slots[i]).folded, sizeof(State))
        return found

    def restore(
        self, Py_ssize_t slot, const double[::1] folded not None, const uint8_t[::1] events not None,
        const double[:, ::1] heard not None,
    ) -> None:
        """Put a fan into a free slot as `folded` and `ledger` gave it: the state of now is replayed.

        Raises ValueError if somebody has the slot, or for what cannot be a state or events.
        """
        cdef Fan* fan
        cdef Py_ssize_t i, count = events.shape[0] // sizeof(Event)
        cdef const Event* first
        if count > LEDGER or heard.shape[1] != D:
            raise ValueError("a ledger has another shape")
        self.join(slot, folded)
        fan = &self.fans[slot]
        try:
            self.check(events, heard.shape[0])
            for i in range(count):
                if (<const Event*>&events[0] + i).slot != slot:
                    raise ValueError(f"events[{i}]: they are not of slot {slot}")
            if not _reserve(fan, count):
                raise MemoryError
        except (ValueError, MemoryError):
            _empty(fan)
            raise
        if count:
            first = <const Event*>&events[0]
            for i in range(count):
                _record(fan, &self.model, first + i, &heard[0, 0] if heard.shape[0] else NULL)
