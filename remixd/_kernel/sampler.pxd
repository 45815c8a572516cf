"""Sounds struck to the sample: banks of them, patterns of hits, and the voices that sound."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.knob cimport Knob
from remixd._kernel.player cimport ROLES
from remixd._kernel.reader cimport Reader
from remixd._kernel.stem cimport StemView

cdef enum:
    LAYER = ROLES           # of a LEVEL command: a deck's layer, not one of its roles
    PATTERNS = 4            # on one deck at a time
    STINGERS = 2
    VOICES = 24             # that sound at a time, of all decks
    FADING = 8              # more that only fade out, since others took their places
    HIT_PITCHED = 1         # moves with the pitch of its deck
    HIT_FITS = 2            # takes as long as its length, whatever the tempo: it lands where that ends
    HIT_BARE = 4            # by itself: neither ducked nor moved by the gain of the layer

cdef struct Hit:
    int64_t frame           # source, FIX
    int64_t length          # source frames, FIX, after which it fades; 0: all of the sound
    const StemView* sound
    float left              # gains
    float right
    int group               # what is struck ends what sounds of the same group; 0: none
    int flags

cdef struct PatternState:
    uint32_t key            # what control calls it
    uint32_t player         # it is for what this player plays
    int64_t start           # source, FIX: what it fills, or where a stinger lands
    int64_t end
    int count
    Hit* hits               # their frames rise
    int64_t attached        # counts what was put on a deck of the session, so as to find the oldest
    int struck              # hits of a stinger that were
    int64_t landed          # the sample at which `start` was passed; -1 before
    uint32_t voices         # that still read what it has struck

cdef struct Voice:
    PatternState* pattern
    const StemView* sound   # NULL: free
    int deck
    int group
    int flags
    int64_t begun           # counts voices
    int64_t start           # sample
    int64_t position        # in the sound at the next quantum's first frame, FIX
    int64_t fade_from       # sample; it is silent `fade_frames` later
    int64_t fade_frames
    double fit              # frames of the sound for one of the source
    float left
    float right

cdef struct Voices:
    Voice all[VOICES + FADING]
    int64_t begun           # so far
    uint32_t dropped        # hits for which there was no room, so far

cdef struct Layer:          # what is generated over one deck
    PatternState* patterns[PATTERNS]
    PatternState* stingers[STINGERS]
    int64_t attached        # patterns so far
    Knob gain
    const Reader* reader    # along which hits were struck last,
    int64_t passed          # up to and with this place, not wrapped, FIX,
    int64_t next            # before this sample
    double power            # of the deck's vocals, smoothed
    float duck              # the gain they leave, at the end of the last quantum
    double sum              # of the squares of what was heard, and of how many samples,
    int64_t summed          # since the level was last read

cdef void layer_init(Layer* layer) noexcept
cdef void layer_move(Layer* layer, double level_db, int64_t sample, int64_t frames) noexcept nogil
cdef float layer_level(Layer* layer) noexcept nogil
cdef bint pattern_sounds(const PatternState* pattern) noexcept nogil
cdef void voices_strike(Voices* voices, PatternState* pattern, const Hit* hit, int deck, int64_t sample,
                        double tempo) noexcept nogil
cdef void voices_end(Voices* voices, int deck, int64_t sample) noexcept nogil
cdef bint voices_sound(const Voices* voices, int deck) noexcept nogil
cdef bint voices_add(Voices* voices, int deck, bint bare, int64_t sample, int64_t source_rate, double pitch,
                     float* out) noexcept nogil

cdef class Bank:
    cdef StemView* sounds
    cdef readonly list arrays

cdef class Pattern:
    cdef PatternState* state
    cdef Bank bank
