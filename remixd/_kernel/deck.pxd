"""A deck: what is loaded, where it plays, and how one place goes over into another."""
from libc.stdint cimport int64_t

from remixd._kernel.channel cimport Channel
from remixd._kernel.player cimport ROLES, PlayerState
from remixd._kernel.reader cimport QUANTUM, STEPS, Plan, Reader
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.strip cimport Ramp

cdef enum:
    FADE = 256              # frames of a crossfade, at most: 5.3 ms

cdef struct Glide:          # a value that moves in a straight line, by steps
    double value_from
    double value_to
    int64_t start
    int64_t steps

cdef struct Deck:
    PlayerState* player     # what is loaded, or NULL
    Reader* now             # what is heard; NULL while it rests
    Reader* before          # what fades out, or NULL
    PlayerState* before_player
    int64_t fade_end        # the crossfade is over here, on the session clock
    int fade_frames
    bint fade_alike         # both are the same sound: equal gain, not equal power
    int64_t rest            # where it rests, source frames with FIX fractional bits
    int64_t settled         # what it was told while it rests is done, for samples up to here
    bint ended              # it rests because the music was over
    Glide tempo
    Glide pitch
    Plan plan
    Ramp[ROLES] gains       # of the mix
    Ramp[ROLES] levels      # of the hand on the deck
    Ramp sounding           # 1 while it plays; falls with its last fade
    Channel channel
    int64_t loop_start      # source, FIX; a loop where loop_end is after it
    int64_t loop_end
    bint slipping           # a shadow goes on as if nothing had been done
    int64_t slip            # where it is, FIX
    bint varispeed          # pitch goes with the speed
    bint backwards
    bint following          # the session's beat
    double share            # of its beats in one of the session's: a power of 2
    int64_t[STEPS] heard    # source position at the start of each quantum, FIX

cdef void glide_to(Glide* glide, double value, int64_t start, int64_t steps) noexcept nogil
cdef double glide_value(const Glide* glide, int64_t step) noexcept nogil
cdef bint deck_loops(const Deck* deck) noexcept nogil
cdef void deck_extend(Deck* deck, int64_t step, double tempo, double pitch) noexcept nogil
cdef bint deck_wants_map(const Deck* deck, int64_t quantum) noexcept nogil
cdef int64_t deck_ahead(const Deck* deck, int64_t quantum, int64_t sample) noexcept nogil
cdef int64_t deck_position(const Deck* deck, int64_t sample) noexcept nogil
cdef int64_t deck_lag(const Deck* deck, int64_t quantum) noexcept nogil
cdef void deck_start(Deck* deck, PlayerState* player, int64_t target, int64_t sample, int frames,
                     bint alike, int64_t quantum, int64_t end_step) noexcept nogil
cdef void deck_stop(Deck* deck, int64_t sample) noexcept nogil
cdef PlayerState* deck_release(Deck* deck, int64_t quantum) noexcept nogil
cdef void deck_tick(Deck* deck, int64_t quantum) noexcept nogil
cdef int64_t deck_advance(const Deck* deck, int64_t quantum, int64_t sample) noexcept nogil
cdef void deck_fades(const Deck* deck, int64_t sample, float* rising, float* falling) noexcept nogil
