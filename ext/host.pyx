"""The host: renders every session a stated lead before it is heard, in deadline order, on one thread.

Housekeeping puts a session into a slot and publishes it; the render thread alone touches it until it hands
the slot back. Commands are drained before every packet. The session clock is the host's monotonic clock: a
late packet is counted and told, and the clock goes on.
"""
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free

from remixd._kernel.apart cimport apart_leave
from remixd._kernel.describe cimport session_describe, session_position
from remixd._kernel.mailbox cimport REPORT_UNDERRUN, Mailbox
from remixd._kernel.ring cimport Packet, PacketRing, ring_begin, ring_commit
from remixd._kernel.moves cimport session_report
from remixd._kernel.session cimport Session, session_drain, session_render
from remixd._kernel.stretch cimport scratch_free, scratch_init
from remixd._kernel.tally cimport TALLY_BINS, tally_add
from remixd._kernel.trace cimport (
    BLOCK_BACKLOG,
    BLOCK_BUSY,
    BLOCK_PACED,
    BLOCK_TAKEN_OVER,
    BLOCK_WOKEN,
    trace_begin,
    trace_end,
    usage_look,
)

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
    NAP_NS = 5000000        # longest sleep while something plays
    IDLE_NS = 10000000      # longest sleep else: how soon a first session is noticed
    WINDOW_NS = 10000000    # of the load
    MEAN_NS = 1000000000
    BEHIND_NS = 200000      # a packet that is begun so much later than planned is told why

cdef double COST_SHARE = 0.02   # a packet's weight in the mean cost of its session: half a second

SESSIONS_MAX = SLOTS


cdef inline int64_t _ns(int64_t frames) noexcept nogil:
    """Nanoseconds of `frames`, exact for centuries."""
    return frames // RATE_HZ * 1000000000 + frames % RATE_HZ * 1000000000 // RATE_HZ


cdef void _fade_out(float* pcm, int64_t frames) noexcept nogil:
    cdef int64_t i
    cdef float gain
    for i in range(frames):
        gain = 1.0 - <float>(i + 1) / <float>frames
        pcm[2 * i] *= gain
        pcm[2 * i + 1] *= gain


cdef void _count(HostState* host, Slot* slot, int64_t began_ns, int64_t ended_ns) noexcept nogil:
    """Note what a packet of a paced session took."""
    cdef double share = <double>(ended_ns - began_ns) / <double>_ns(slot.ring.frames)
    slot.cost += (share - slot.cost) * (COST_SHARE if slot.cost else 1.0)
    host.load.busy_ns += ended_ns - began_ns
    tally_add(&host.load.costs, <int64_t>(share * 1e6))


cdef void _close_window(Load* load, int64_t at_ns) noexcept nogil:
    """Take a window into the mean, once it is long enough."""
    cdef int64_t lasted_ns = at_ns - load.began_ns
    cdef double share
    if lasted_ns < WINDOW_NS:
        return
    share = <double>load.busy_ns / <double>lasted_ns
    load.mean += (share - load.mean) * min(<double>lasted_ns / MEAN_NS, 1.0)
    load.worst = max(load.worst, share)
    load.began_ns = at_ns
    load.busy_ns = 0


cdef void _begin_trace(HostState* host, Slot* slot, int64_t began_ns) noexcept nogil:
    """Write down that a packet begins, and, where that is late, what the thread did instead."""
    cdef int64_t behind_ns = 0
    cdef int flags = 0
    if slot.paced:
        flags = BLOCK_PACED
        behind_ns = began_ns - (slot.start_ns + _ns(slot.session.clock) - slot.lead_ns)
    if behind_ns >= BEHIND_NS:
        if slot.cost == 0.0:  # its first here: it was to begin before it came
            flags |= BLOCK_TAKEN_OVER
        else:
            flags |= (BLOCK_WOKEN if host.before == NULL
                      else BLOCK_BACKLOG if host.before == slot else BLOCK_BUSY)
    trace_begin(slot.session.trace, slot.session.clock, behind_ns, flags)


cdef void _render_packet(HostState* host, Slot* slot, int64_t began_ns) noexcept nogil:
    """Take the session's commands, then render one packet into its ring."""
    cdef SessionState* session = slot.session
    cdef float* pcm = NULL
    cdef Packet* packet = ring_begin(&slot.ring, &pcm)
    cdef bint leaving = load_acquire(&slot.state) == SLOT_LEAVING
    if session.trace != NULL:
        _begin_trace(host, slot, began_ns)
    session_drain(session, slot.commands)
    packet.sample = session.clock
    packet.due_ns = slot.start_ns + _ns(session.clock)
    if leaving and session.apart != NULL:
        apart_leave(session.apart, slot.ring.frames)
    session_render(session, slot.ring.frames, pcm)
    packet.position = session_position(session, packet.sample)
    if leaving:
        _fade_out(pcm, slot.ring.frames)
    packet.rendered_ns = now_ns()
    if slot.paced:
        tally_add(&host.load.lateness, (packet.rendered_ns - packet.due_ns) // 1000)
    if slot.paced and packet.rendered_ns > packet.due_ns:
        slot.underruns += 1
        host.load.late += 1
        session_report(session, NULL, REPORT_UNDERRUN, packet.sample, session.clock, 0, 0.0,
                       (packet.rendered_ns - packet.due_ns) * RATE_HZ // 1000000000, False)
    packet.underruns = slot.underruns
    session_describe(session, packet)
    ring_commit(&slot.ring, packet)
    if session.trace != NULL:
        trace_end(session.trace, slot.ring.frames, packet.rendered_ns - packet.due_ns if slot.paced else 0,
                  &host.usage)
    if slot.paced:
        _count(host, slot, began_ns, now_ns())
    if leaving:
        store_release(&slot.state, SLOT_GONE)


cdef Slot* _earliest(HostState* host, bint paced, int64_t* at_ns) noexcept nogil:
    """Of the sessions that are paced, or of those that are not, the one to render next, and when."""
    cdef Slot* slot
    cdef Slot* first = NULL
    cdef int64_t when
    cdef uint32_t state
    cdef int i
    for i in range(SLOTS):
        slot = &host.slots[i]
        state = load_acquire(&slot.state)
        if state == SLOT_RELEASING:
            store_release(&slot.state, SLOT_GONE)
        elif (state == SLOT_PLAYING or state == SLOT_LEAVING) and slot.paced == paced:
            when = slot.start_ns + _ns(slot.session.clock) - slot.lead_ns
            if state == SLOT_LEAVING:
                when = 0
            if first == NULL or when < at_ns[0]:
                first = slot
                at_ns[0] = when
    return first


cdef void _run(HostState* host) noexcept nogil:
    cdef Slot* slot
    cdef int64_t now, at_ns = 0, any_ns = 0
    host.load.began_ns = now_ns()
    usage_look(&host.usage)
    while not load_acquire(&host.stop):
        slot = _earliest(host, True, &at_ns)
        now = now_ns()
        _close_window(&host.load, now)
        if slot == NULL:
            at_ns = now + IDLE_NS
        elif at_ns > now + NAP_NS:
            at_ns = now + NAP_NS
        if slot == NULL or at_ns > now:
            slot = _earliest(host, False, &any_ns)
        if slot != NULL:
            _render_packet(host, slot, now)
            host.before = slot
        else:
            if host.before != NULL:                     # now nobody waits for it
                usage_look(&host.usage)
                host.before = NULL
            sleep_until(at_ns)


cdef class Host:
    """Renders sessions until it is told to stop.

    Thread: [housekeeping], but for `run`, which is the render thread itself.
    """

    def __cinit__(self):
        self.state = <HostState*>calloc(1, sizeof(HostState))
        if self.state == NULL:
            raise MemoryError("no memory for a host")
        self.kept = [None] * SLOTS
        scratch_init(&self.state.scratch)

    def __dealloc__(self):
        if self.state != NULL:
            scratch_free(&self.state.scratch)
            free(self.state)

    def add(self, Session session not None, Mailbox commands not None, PacketRing ring not None,
            int64_t lead_ns, bint paced=True, int64_t anchor_ns=0) -> None:
        """Let a session play on from its clock, into `ring`, in the slot of its key modulo SESSIONS_MAX.

        Args:
            lead_ns: how long before it is due a packet is rendered.
            paced: whether it is; else it is rendered whenever nothing else is due.
            anchor_ns: host time at which its sample 0 was due; 0 if its next packet is due `lead_ns` from
                now. What should have sounded since is rendered at once, and counted as late.

        Raises ValueError if the slot is taken.
        """
        self._add(session, commands, ring, lead_ns, paced,
                  anchor_ns or now_ns() + lead_ns - _ns(session.state.clock), 0)

    cdef int _add(self, Session session, Mailbox commands, PacketRing ring, int64_t lead_ns, bint paced,
                  int64_t start_ns, uint32_t underruns) except -1:
        cdef Slot* slot = &self.state.slots[session.state.key % SLOTS]
        if load_acquire(&slot.state) != SLOT_FREE:
            raise ValueError(f"slot {session.state.key % SLOTS} is taken")
        self.kept[session.state.key % SLOTS] = (session, commands, ring)
        session.state.scratch = &self.state.scratch
        slot.session = session.state
        slot.commands = &commands.queue
        slot.ring = ring.ring
        slot.lead_ns = lead_ns
        slot.paced = paced
        slot.underruns = underruns
        slot.cost = 0.0
        slot.start_ns = start_ns
        store_release(&slot.state, SLOT_PLAYING)
        return 0

    def move(self, uint32_t key, Host other not None) -> bool:
        """Have a session played on by another host, between two packets, on the clock that it has.

        Whether it was playing here; if so this waits until the render thread has let go of it. Nothing is
        late by it unless a session's lead is shorter than the longest sleeps of both threads.
        """
        cdef Slot* slot = &self.state.slots[key % SLOTS]
        kept = self.kept[key % SLOTS]
        if not self.release(key) or not self.wait_until_free(key):
            return False
        other._add(kept[0], kept[1], kept[2], slot.lead_ns, slot.paced, slot.start_ns, slot.underruns)
        return True

    def set_lead(self, uint32_t key, int64_t lead_ns) -> bool:
        """Render a session so long before it is due from now on. Whether it is there."""
        cdef Slot* slot = &self.state.slots[key % SLOTS]
        if self.kept[key % SLOTS] is None or slot.session.key != key:
            return False
        slot.lead_ns = lead_ns
        return True

    def load(self) -> tuple[float, float, int]:
        """How busy the render thread is with paced sessions: the share of its time over about a second, that
        of the worst 10 ms since this was last asked, and packets that were late so far.
        """
        worst = self.state.load.worst
        self.state.load.worst = 0.0
        return self.state.load.mean, worst, self.state.load.late

    def tallies(self) -> dict[str, tuple[list[int], int]]:
        """How packets of paced sessions fared since the start, by name: counts, and the sum they are of.

        `costs` is in millionths of a packet's length, `lateness` in microseconds after it was due. Count k is
        of those of at most 2**k, and more than those before; the last one is of the rest.
        """
        cdef Load* load = &self.state.load
        cdef int k
        return {
            "costs": ([load.costs.bins[k] for k in range(TALLY_BINS)], load.costs.sum),
            "lateness": ([load.lateness.bins[k] for k in range(TALLY_BINS)], load.lateness.sum),
        }

    def costs(self) -> dict[int, float]:
        """The share of the render thread's time that each paced session takes, by its key."""
        cdef int i
        return {
            self.state.slots[i].session.key: self.state.slots[i].cost
            for i in range(SLOTS)
            if self.kept[i] is not None and self.state.slots[i].session != NULL and self.state.slots[i].paced
        }

    def leave(self, uint32_t key) -> bool:
        """Ask a session to fade out and stop. Whether it was playing."""
        return self._ask(key, SLOT_LEAVING)

    def release(self, uint32_t key) -> bool:
        """Ask for a session back as it stands, to be played by somebody else. Whether it was playing."""
        return self._ask(key, SLOT_RELEASING)

    cdef bint _ask(self, uint32_t key, uint32_t state):
        cdef Slot* slot = &self.state.slots[key % SLOTS]
        if self.kept[key % SLOTS] is None or slot.session.key != key:
            return False
        return swap_slot(&slot.state, SLOT_PLAYING, state)

    def wait_until_free(self, uint32_t key) -> bool:
        """Wait until the render thread has handed a session back, at most half a second; whether it has."""
        cdef Slot* slot = &self.state.slots[key % SLOTS]
        cdef int _tries
        for _tries in range(500):
            if load_acquire(&slot.state) == SLOT_FREE:
                return True
            if load_acquire(&slot.state) == SLOT_GONE:
                slot.session = NULL
                self.kept[key % SLOTS] = None
                store_release(&slot.state, SLOT_FREE)
                return True
            with nogil:
                sleep_until(now_ns() + 1000000)
        return False

    def stop(self) -> None:
        """Make `run` return, within 10 ms."""
        store_release(&self.state.stop, 1)

    def run(self) -> None:
        """Render until `stop`. Thread: [render]; without the GIL until it returns."""
        with nogil:
            _run(self.state)
