"""The host: renders every session a stated lead before it is heard, in deadline order, on one thread.

Housekeeping puts a session into a slot and publishes it; the render thread alone touches it until it hands
the slot back. Commands are drained before every packet. The session clock is the host's monotonic clock: a
late packet is counted and told, and the clock goes on.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from remixd._kernel.bus cimport bus_meter_reset
from remixd._kernel.deck cimport deck_position
from remixd._kernel.mailbox cimport (
    REPORT_REFUSED,
    REPORT_UNDERRUN,
    Command,
    Mailbox,
    Report,
    queue_pop,
    queue_push,
)
from remixd._kernel.ring cimport Packet, PacketRing, ring_begin, ring_commit
from remixd._kernel.session cimport (
    Session,
    session_gains,
    session_post,
    session_render,
    session_report,
)
from remixd._kernel.stretch cimport scratch_free, scratch_init

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    #include <time.h>
    static inline uint32_t remixd_slot_load(const uint32_t *p) {
        return atomic_load_explicit((const _Atomic uint32_t *)p, memory_order_acquire);
    }
    static inline void remixd_slot_store(uint32_t *p, uint32_t v) {
        atomic_store_explicit((_Atomic uint32_t *)p, v, memory_order_release);
    }
    static inline int remixd_slot_swap(uint32_t *p, uint32_t from, uint32_t to) {
        return atomic_compare_exchange_strong((_Atomic uint32_t *)p, &from, to);
    }
    static inline int64_t remixd_now_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    static inline void remixd_sleep_until(int64_t ns) {
        struct timespec at = { ns / 1000000000, ns % 1000000000 };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0);
    }
    """
    uint32_t load_acquire "remixd_slot_load"(const uint32_t* p) noexcept nogil
    void store_release "remixd_slot_store"(uint32_t* p, uint32_t v) noexcept nogil
    bint swap_slot "remixd_slot_swap"(uint32_t* p, uint32_t before, uint32_t after) noexcept nogil
    int64_t now_ns "remixd_now_ns"() noexcept nogil
    void sleep_until "remixd_sleep_until"(int64_t ns) noexcept nogil

cdef enum:
    RATE_HZ = 48000
    NAP_NS = 5000000        # longest sleep: how soon a new session is noticed

SESSIONS_MAX = SLOTS


cdef inline int64_t _ns(int64_t frames) noexcept nogil:
    """Nanoseconds of `frames`, exact for centuries."""
    return frames // RATE_HZ * 1000000000 + frames % RATE_HZ * 1000000000 // RATE_HZ


cdef Slot* _slot_of(HostState* host, uint32_t key) noexcept nogil:
    cdef Slot* slot = &host.slots[key % SLOTS]
    if load_acquire(&slot.state) == SLOT_PLAYING and slot.session.key == key:
        return slot
    return NULL


cdef void _drain(HostState* host) noexcept nogil:
    """Hand every waiting command to its session; refuse those whose session is not here."""
    cdef Command command
    cdef Report report
    cdef Slot* slot
    while queue_pop(host.commands, &command):
        slot = _slot_of(host, command.session)
        if slot != NULL:
            session_post(slot.session, &command)
            continue
        memset(&report, 0, sizeof(Report))
        report.id = command.id
        report.session = command.session
        report.kind = REPORT_REFUSED
        report.dimension = command.dimension
        if not queue_push(host.reports, &report):
            host.refusals_lost += 1


cdef void _fade_out(float* pcm, int64_t frames) noexcept nogil:
    cdef int64_t i
    cdef float gain
    for i in range(frames):
        gain = 1.0 - <float>(i + 1) / <float>frames
        pcm[2 * i] *= gain
        pcm[2 * i + 1] *= gain


cdef void _render_packet(HostState* host, Slot* slot) noexcept nogil:
    """Render one packet of a session into its ring."""
    cdef SessionState* session = slot.session
    cdef float* pcm = NULL
    cdef Packet* packet = ring_begin(&slot.ring, &pcm)
    cdef int64_t began_ns = now_ns(), due_ns
    cdef bint leaving = load_acquire(&slot.state) == SLOT_LEAVING
    bus_meter_reset(&session.bus)
    due_ns = slot.start_ns + _ns(session.clock)
    packet.sample = session.clock
    packet.due_ns = due_ns
    session_render(session, slot.ring.frames, pcm)
    packet.position = deck_position(&session.deck, packet.sample)
    if leaving:
        _fade_out(pcm, slot.ring.frames)
    packet.rendered_ns = now_ns()
    host.busy_ns += packet.rendered_ns - began_ns
    host.packets += 1
    if packet.rendered_ns > due_ns:
        slot.underruns += 1
        session_report(session, 0, REPORT_UNDERRUN, 0, packet.sample, session.clock, 0, 0.0,
                       (packet.rendered_ns - due_ns) * RATE_HZ // 1000000000)
    packet.tempo = session.deck.tempo.value_to
    packet.pitch = session.deck.pitch.value_to
    session_gains(session, session.clock, packet.gain)
    packet.peak[0] = session.bus.peak[0]
    packet.peak[1] = session.bus.peak[1]
    packet.limiter_gain = session.bus.least_gain
    packet.underruns = slot.underruns
    packet.nonfinite = session.bus.nonfinite
    ring_commit(&slot.ring, packet)
    if leaving:
        store_release(&slot.state, SLOT_GONE)


cdef Slot* _earliest(HostState* host, int64_t* at_ns) noexcept nogil:
    """The session to render next, and when. One that leaves goes at once."""
    cdef Slot* slot
    cdef Slot* first = NULL
    cdef int64_t when
    cdef uint32_t state
    cdef int i
    for i in range(SLOTS):
        slot = &host.slots[i]
        state = load_acquire(&slot.state)
        if state != SLOT_PLAYING and state != SLOT_LEAVING:
            continue
        when = slot.start_ns + _ns(slot.session.clock) - slot.lead_ns if state == SLOT_PLAYING else 0
        if first == NULL or when < at_ns[0]:
            first = slot
            at_ns[0] = when
    return first


cdef void _run(HostState* host) noexcept nogil:
    cdef Slot* slot
    cdef int64_t now, at_ns = 0
    while not load_acquire(&host.stop):
        _drain(host)
        slot = _earliest(host, &at_ns)
        now = now_ns()
        if slot != NULL and at_ns <= now:
            _render_packet(host, slot)
        elif slot != NULL and at_ns < now + NAP_NS:
            sleep_until(at_ns)
        else:
            sleep_until(now + NAP_NS)


cdef class Host:
    """Renders sessions until it is told to stop.

    Args:
        commands: the mailbox that control posts to.
        reports: the mailbox that control reads.

    Thread: [housekeeping], but for `run`, which is the render thread itself.
    """

    def __cinit__(self, Mailbox commands not None, Mailbox reports not None):
        self.state = <HostState*>calloc(1, sizeof(HostState))
        if self.state == NULL:
            raise MemoryError("no memory for a host")
        self.commands = commands
        self.reports = reports
        self.state.commands = &commands.queue
        self.state.reports = &reports.queue
        self.kept = [None] * SLOTS
        scratch_init(&self.state.scratch)

    def __dealloc__(self):
        if self.state != NULL:
            scratch_free(&self.state.scratch)
            free(self.state)

    def add(self, Session session not None, PacketRing ring not None, int64_t lead_ns) -> int:
        """Let a session play from now on, into `ring`; returns the slot it took, its key modulo SLOTS.

        The session's key must leave that slot free. Raises ValueError if it does not.
        """
        cdef Slot* slot = &self.state.slots[session.state.key % SLOTS]
        if load_acquire(&slot.state) != SLOT_FREE:
            raise ValueError(f"slot {session.state.key % SLOTS} is taken")
        self.kept[session.state.key % SLOTS] = (session, ring)
        session.state.scratch = &self.state.scratch
        session.state.reports = self.state.reports
        slot.session = session.state
        slot.ring = ring.ring
        slot.lead_ns = lead_ns
        slot.underruns = 0
        slot.start_ns = now_ns() + lead_ns
        store_release(&slot.state, SLOT_PLAYING)
        return session.state.key % SLOTS

    def leave(self, uint32_t key) -> bool:
        """Ask a session to fade out and stop. Whether it was playing."""
        cdef Slot* slot = &self.state.slots[key % SLOTS]
        if self.kept[key % SLOTS] is None or slot.session.key != key:
            return False
        return swap_slot(&slot.state, SLOT_PLAYING, SLOT_LEAVING)

    def collect(self) -> list[int]:
        """Free the slots that the render thread has handed back; their keys."""
        cdef int i
        cdef list keys = []
        for i in range(SLOTS):
            if load_acquire(&self.state.slots[i].state) == SLOT_GONE:
                keys.append(self.state.slots[i].session.key)
                self.state.slots[i].session = NULL
                self.kept[i] = None
                store_release(&self.state.slots[i].state, SLOT_FREE)
        return keys

    @property
    def busy_ns(self) -> int:
        """Nanoseconds spent rendering so far, by the wall."""
        return self.state.busy_ns

    def stop(self) -> None:
        """Make `run` return, within 5 ms."""
        store_release(&self.state.stop, 1)

    def run(self) -> None:
        """Render until `stop`. Thread: [render]; without the GIL until it returns."""
        with nogil:
            _run(self.state)
