"""Packet rings: rendered sound on its way from the engine to whoever listens.

The writer never waits and overwrites the oldest packet. Each slot is a sequence lock: a reader that was
overtaken notices and says so.
"""
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

from collections import namedtuple

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    static inline uint64_t remixd_ring_load(const uint64_t *p) {
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
    }
    static inline void remixd_ring_store(uint64_t *p, uint64_t v) {
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_release);
    }
    static inline void remixd_ring_open(uint64_t *p) {  /* later writes stay behind this one */
        atomic_store_explicit((_Atomic uint64_t *)p, 0, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
    }
    static inline uint64_t remixd_ring_recheck(const uint64_t *p) {
        atomic_thread_fence(memory_order_acquire);  /* what was read before stays before */
        return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_relaxed);
    }
    """
    uint64_t load_acquire "remixd_ring_load"(const uint64_t* p) noexcept nogil
    void store_release "remixd_ring_store"(uint64_t* p, uint64_t v) noexcept nogil
    void open_slot "remixd_ring_open"(uint64_t* p) noexcept nogil
    uint64_t recheck "remixd_ring_recheck"(const uint64_t* p) noexcept nogil

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    HEADER_BYTES = 128
    NEWEST_AT = 64
    PACKET_BYTES = 320
    SLOTS_MAX = 4096
    FRAMES_MAX = 8192

cdef uint64_t MAGIC = 0x31474E4952584D52  # "RMXRING1"

PacketEntry = namedtuple(
    "PacketEntry",
    "sequence sample position due_ns rendered_ns tempo pitch gains peaks true_peak momentary_lufs "
    "short_term_lufs limiter_gain underruns nonfinite major_faults reports_lost clips decks pcm "
    "racks_delay_frames bypassed",
)
DeckEntry = namedtuple(
    "DeckEntry",
    "player playing ended looping slipping backwards varispeed following leading position tempo loop_start "
    "loop_end",
)


cdef object deck_entry(const DeckReading* reading):
    """How a deck stands, for Python; positions in source frames."""
    cdef uint32_t flags = reading.flags
    return DeckEntry(
        reading.player, bool(flags & DECK_PLAYING), bool(flags & DECK_ENDED), bool(flags & DECK_LOOPING),
        bool(flags & DECK_SLIPPING), bool(flags & DECK_BACKWARDS), bool(flags & DECK_VARISPEED),
        bool(flags & DECK_FOLLOWING), bool(flags & DECK_LEADING), reading.position / <double>(1 << 24),
        reading.tempo, reading.loop_start, reading.loop_end,
    )


cdef inline Packet* _slot(Ring* ring, uint64_t sequence) noexcept nogil:
    return <Packet*>(ring.slots + (sequence % ring.slots_count) * (PACKET_BYTES + ring.frames * 8))


cdef Packet* ring_begin(Ring* ring, float** pcm) noexcept nogil:
    """Open the next slot for writing; `pcm` is set to its (frames, 2) samples. Thread: [render]."""
    cdef uint64_t sequence = load_acquire(ring.newest) + 1
    cdef Packet* packet = _slot(ring, sequence)
    open_slot(&packet.sequence)
    pcm[0] = <float*>(<uint8_t*>packet + PACKET_BYTES)
    return packet


cdef void ring_commit(Ring* ring, Packet* packet) noexcept nogil:
    """Publish the slot that `ring_begin` opened. Thread: [render]."""
    cdef uint64_t sequence = load_acquire(ring.newest) + 1
    store_release(&packet.sequence, sequence)
    store_release(ring.newest, sequence)


def size_bytes(slots: int, frames: int) -> int:
    """Bytes that a ring of `slots` packets of `frames` stereo frames takes."""
    if not 2 <= slots <= SLOTS_MAX or not 1 <= frames <= FRAMES_MAX:
        raise ValueError(f"a ring holds 2 to {SLOTS_MAX} packets of 1 to {FRAMES_MAX} frames")
    return HEADER_BYTES + slots * (PACKET_BYTES + frames * 8)


cdef class PacketRing:
    """A broadcast ring in a writable buffer, such as a shared memory map.

    Args:
        memory: at least `size_bytes(slots, frames)` bytes, 8-byte aligned.
        slots, frames: given by the side that creates the ring; 0 opens one that exists.

    Raises ValueError if the buffer holds no ring or is too small. Thread: [control], [housekeeping].
    """

    def __cinit__(self, unsigned char[::1] memory not None, int slots=0, int frames=0):
        cdef uint8_t* base = <uint8_t*>&memory[0]
        cdef uint64_t* header = <uint64_t*>base
        if memory.shape[0] < HEADER_BYTES or <uintptr_t>base % 8:
            raise ValueError("the buffer is too small for a ring, or not aligned")
        if slots:
            if memory.shape[0] < size_bytes(slots, frames):
                raise ValueError("the buffer is too small for the ring")
            memset(base, 0, memory.shape[0])
            header[1] = slots
            header[2] = frames
            header[0] = MAGIC
        if (header[0] != MAGIC or header[1] > SLOTS_MAX or header[2] > FRAMES_MAX
                or memory.shape[0] < size_bytes(header[1], header[2])):
            raise ValueError("the buffer does not hold a packet ring of this version")
        self.memory = memory
        self.ring.newest = <uint64_t*>(base + NEWEST_AT)
        self.ring.slots = base + HEADER_BYTES
        self.ring.slots_count = header[1]
        self.ring.frames = header[2]

    def lock_memory(self) -> bool:
        """Keep the ring in memory, never paged out; False if this process may not. Thread: [housekeeping]."""
        return mlock(&self.memory[0], self.memory.shape[0]) == 0

    @property
    def newest(self) -> int:
        """Sequence of the newest packet; 0 before the first."""
        return load_acquire(self.ring.newest)

    @property
    def oldest(self) -> int:
        """Sequence of the oldest packet that a reader can count on: the slot being overwritten is spared."""
        return max(1, self.newest - self.ring.slots_count + 2)

    @property
    def frames(self) -> int:
        """Frames of one packet."""
        return self.ring.frames

    def read(self, uint64_t sequence) -> PacketEntry | None:
        """Copy one packet out; None if it is not there yet, or no longer. Thread: any reader."""
        cdef Packet* packet = _slot(&self.ring, sequence)
        cdef Packet copy
        cdef int i
        if sequence == 0 or load_acquire(&packet.sequence) != sequence:
            return None
        memcpy(&copy, packet, sizeof(Packet))
        pcm = (<char*>packet + PACKET_BYTES)[:self.ring.frames * 8]
        if recheck(&packet.sequence) != sequence:
            return None
        return PacketEntry(
            sequence, copy.sample, copy.position, copy.due_ns, copy.rendered_ns, copy.tempo, copy.pitch,
            (copy.gain[0], copy.gain[1], copy.gain[2], copy.gain[3]), (copy.peak[0], copy.peak[1]),
            copy.true_peak, copy.momentary, copy.short_term, copy.limiter_gain, copy.underruns,
            copy.nonfinite, copy.major_faults, copy.reports_lost, copy.clips,
            tuple([deck_entry(&copy.decks[i]) for i in range(PACKET_DECKS)]), pcm, copy.racks_delay,
            copy.bypassed,
        )
