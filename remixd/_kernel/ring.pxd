"""The broadcast ring of rendered packets: one writer that never waits, any number of readers."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    PACKET_DECKS = 4
    DECK_PLAYING = 1        # how a deck stands
    DECK_ENDED = 2
    DECK_LOOPING = 4
    DECK_SLIPPING = 8
    DECK_BACKWARDS = 16
    DECK_VARISPEED = 32
    DECK_FOLLOWING = 64
    DECK_LEADING = 128

cdef struct DeckReading:        # 40 bytes
    uint32_t player             # what is loaded; 0: nothing
    uint32_t flags
    int64_t position            # source frames, 24 fractional bits
    double tempo                # as heard
    int64_t loop_start          # source frames; a loop is on where flags say so
    int64_t loop_end

cdef struct Packet:             # 320 bytes, then the PCM
    uint64_t sequence           # from 1; 0 while it is being written
    int64_t sample              # the session clock at its first frame
    int64_t position            # source frames at its first frame, 24 fractional bits
    int64_t due_ns              # host monotonic time at which its first frame should be heard
    int64_t rendered_ns         # when it was written
    double tempo
    double pitch
    float gain[4]               # linear, as heard at the end of the packet, by role
    float peak[2]               # greatest magnitude after the limiter
    float true_peak             # the same between the samples too, both channels
    float momentary             # LUFS, over the last 400 ms
    float short_term            # LUFS, over the last 3 s
    float limiter_gain          # least gain the limiter applied
    uint32_t underruns          # since the session began
    uint32_t nonfinite          # samples silenced since the session began
    uint32_t major_faults       # page faults that waited for the disk, of the rendering thread so far
    uint32_t reports_lost       # since the session began, because nobody took them
    DeckReading[PACKET_DECKS] decks
    uint32_t clips              # times the mix came above full scale before the limiter, so far
    uint32_t racks_delay        # frames by which racks delay all of it
    uint32_t bypassed           # racks that turned out faulty, since the session began
    uint32_t spare32
    uint64_t spare[2]

cdef struct Ring:
    uint64_t* newest
    uint8_t* slots
    uint64_t slots_count
    int64_t frames

cdef object deck_entry(const DeckReading* reading)
cdef Packet* ring_begin(Ring* ring, float** pcm) noexcept nogil
cdef void ring_commit(Ring* ring, Packet* packet) noexcept nogil

cdef class PacketRing:
    cdef Ring ring
    cdef unsigned char[::1] memory
