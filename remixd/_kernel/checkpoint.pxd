"""What a session must know to go on in another engine."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from remixd._kernel.channel cimport Channel
from remixd._kernel.deck cimport Glide
from remixd._kernel.player cimport DIMENSIONS, ROLES
from remixd._kernel.racks cimport BANK, PLACES, KeptRack
from remixd._kernel.state cimport DECKS, CheckpointView, SessionState
from remixd._kernel.strip cimport Ramp

cdef struct DeckCheckpoint:
    uint32_t player         # its key; 0: nothing is loaded
    uint32_t flags
    int64_t position        # source, FIX
    Glide tempo
    Glide pitch
    Ramp[ROLES] gains
    Ramp[ROLES] levels
    Channel channel
    int64_t loop_start
    int64_t loop_end
    int64_t slip
    double share

cdef struct Checkpoint:
    uint64_t version
    int64_t quantum         # to be rendered next
    int64_t told            # the serial of the newest report of what is in it
    double[DIMENSIONS] mix
    int64_t lead
    double beat             # at `quantum`
    double pace
    DeckCheckpoint[DECKS] decks
    KeptRack[PLACES * BANK] racks

cdef void session_keep(SessionState* session) noexcept nogil
cdef void checkpoint_take(const SessionState* session, Checkpoint* checkpoint) noexcept nogil
cdef void session_restore(SessionState* session, const Checkpoint* checkpoint) noexcept nogil
cdef void session_pass(SessionState* session, int64_t quantum) noexcept nogil
cdef void session_skip(SessionState* session, int64_t quantum) noexcept nogil

cdef class CheckpointMemory:
    cdef CheckpointView view
    cdef unsigned char[::1] memory
