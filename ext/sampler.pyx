"""The sampler: short sounds, struck at their sample, up to 24 at a time.

A sound is struck by a hit of a pattern (`layer`), and sounds to its end, for so many source frames, or until
another of its group is struck; what must end early fades out within 2 ms, what has had its length within 10.
When all voices sound, the oldest one ends. All of it is a function of absolute samples.

Thread: [render]; banks and patterns are made and freed by [housekeeping].
"""
from libc.math cimport M_PI, cos, isfinite, llround, sin, sqrt
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from remixd._kernel.knob cimport knob_init, knob_move
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.resample cimport FIX, read_stem
from remixd._kernel.strip cimport RAMP_STRAIGHT, linear_gain

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdint.h>
    static inline uint32_t remixd_sampler_load(const uint32_t *p) {
        return atomic_load_explicit((const _Atomic uint32_t *)p, memory_order_acquire);
    }
    static inline void remixd_sampler_store(uint32_t *p, uint32_t v) {
        atomic_store_explicit((_Atomic uint32_t *)p, v, memory_order_release);
    }
    """
    uint32_t load_acquire "remixd_sampler_load"(const uint32_t* p) noexcept nogil
    void store_release "remixd_sampler_store"(uint32_t* p, uint32_t v) noexcept nogil

cdef extern from "<sys/mman.h>" nogil:
    int mlock(const void* memory, size_t bytes)

cdef enum:
    ONE = 1 << FIX
    ENDING = 96             # frames of a fade when a voice must end: 2 ms
    AWAY = 480              # and when it has had its length: 10 ms

SOUNDS_MAX = 128
HITS_MAX = 512
FRAMES_MAX = 1 << 24
FRAME_MAX = 1 << 38
PITCHED = HIT_PITCHED
FITS = HIT_FITS
BARE = HIT_BARE

cdef int64_t _never = 1 << 60


cdef void layer_init(Layer* layer) noexcept:
    """A layer that is empty, and silent. Thread: [housekeeping]."""
    memset(layer, 0, sizeof(Layer))
    knob_init(&layer.gain, 0.0)
    layer.duck = 1.0


cdef void layer_move(Layer* layer, double level_db, int64_t sample, int64_t frames) noexcept nogil:
    """Move the gain of a layer, from a sample of the quantum that is rendered next."""
    knob_move(&layer.gain, linear_gain(min(max(level_db, -60.0), 6.0)), sample, frames, RAMP_STRAIGHT)


cdef float layer_level(Layer* layer) noexcept nogil:
    """The linear RMS of what was heard of a layer since this was last asked."""
    cdef float level = 0.0
    if layer.summed > 0:
        level = <float>sqrt(layer.sum / layer.summed)
    layer.sum = 0.0
    layer.summed = 0
    return level


cdef bint pattern_sounds(const PatternState* pattern) noexcept nogil:
    """Whether any voice still reads what a pattern has struck. Thread: [housekeeping]."""
    return load_acquire(&pattern.voices) > 0


cdef void _free(Voice* voice) noexcept nogil:
    """A voice is over; once that was its pattern's last one, the pattern may go."""
    voice.sound = NULL
    store_release(&voice.pattern.voices, voice.pattern.voices - 1)


cdef void _end(Voice* voice, int64_t sample) noexcept nogil:
    """Let a voice fade from a sample on, unless it does already."""
    if voice.sound != NULL and sample < voice.fade_from:
        voice.fade_from = max(sample, voice.start)
        voice.fade_frames = ENDING


cdef void voices_end(Voices* voices, int deck, int64_t sample) noexcept nogil:
    """Let all voices of a deck end."""
    cdef int i
    for i in range(VOICES + FADING):
        if voices.all[i].deck == deck:
            _end(&voices.all[i], sample)


cdef bint voices_sound(const Voices* voices, int deck) noexcept nogil:
    """Whether a deck has any voice left."""
    cdef int i
    for i in range(VOICES + FADING):
        if voices.all[i].sound != NULL and voices.all[i].deck == deck:
            return True
    return False


cdef Voice* _place(Voices* voices, int64_t sample) noexcept nogil:
    """A voice that is free; where too many sound, the oldest ends. NULL if too many fade at once."""
    cdef Voice* voice
    cdef Voice* place = NULL
    cdef Voice* oldest = NULL
    cdef int i, sounding = 0
    for i in range(VOICES + FADING):
        voice = &voices.all[i]
        if voice.sound == NULL:
            place = voice if place == NULL else place
        elif sample < voice.fade_from:
            sounding += 1
            if oldest == NULL or voice.begun < oldest.begun:
                oldest = voice
    if sounding >= VOICES and place != NULL:
        _end(oldest, sample)
    return place


cdef void voices_strike(Voices* voices, PatternState* pattern, const Hit* hit, int deck, int64_t sample,
                        double tempo) noexcept nogil:
    """Begin a sound at a sample of the quantum that is rendered next.

    Args:
        tempo: source frames a frame, there.
    """
    cdef Voice* voice
    cdef int i
    if hit.group:
        for i in range(VOICES + FADING):
            if voices.all[i].deck == deck and voices.all[i].group == hit.group:
                _end(&voices.all[i], sample)
    voice = _place(voices, sample)
    if voice == NULL:
        voices.dropped += 1
        return
    voices.begun += 1
    pattern.voices += 1
    voice.pattern = pattern
    voice.sound = hit.sound
    voice.deck = deck
    voice.group = hit.group
    voice.flags = hit.flags
    voice.begun = voices.begun
    voice.start = sample
    voice.position = 0
    voice.left = hit.left
    voice.right = hit.right
    voice.fade_from = _never
    voice.fade_frames = AWAY
    voice.fit = 1.0
    if hit.flags & HIT_FITS:
        voice.fit = <double>hit.sound.frames * ONE / hit.length
    elif hit.length:
        voice.fade_from = sample + llround(hit.length / (ONE * tempo))


cdef int64_t _rate(const Voice* voice, int64_t source_rate, double pitch) noexcept nogil:
    """Frames of its sound a frame, FIX fractional bits."""
    if voice.flags & HIT_FITS:
        return min(llround(voice.fit * source_rate / QUANTUM), <int64_t>2 * ONE)
    if voice.flags & HIT_PITCHED and pitch != 1.0:
        return min(llround(pitch * ONE), <int64_t>2 * ONE)
    return ONE


cdef void _fade(const Voice* voice, int64_t sample, float* block) noexcept nogil:
    """What is left of a quantum of a voice that ends; smooth at both ends."""
    cdef float x
    cdef int i
    for i in range(QUANTUM):
        x = <float>(voice.fade_from + voice.fade_frames - sample - i) / <float>voice.fade_frames
        x = min(max(x, <float>0.0), <float>1.0)
        x = x * x * (<float>3.0 - <float>2.0 * x)
        block[2 * i] *= x
        block[2 * i + 1] *= x


cdef void _add(Voice* voice, int64_t sample, int64_t rate, float* out) noexcept nogil:
    """A quantum of one voice, and where it is then."""
    cdef float[2 * QUANTUM] block
    cdef Py_ssize_t i
    if voice.start > sample:
        voice.position = -(voice.start - sample) * rate
    read_stem(voice.sound, voice.position, rate, False, block)
    if voice.start > sample and rate != ONE:
        for i in range(voice.start - sample):               # not before it is struck
            block[2 * i] = 0.0
            block[2 * i + 1] = 0.0
    if sample + QUANTUM > voice.fade_from:
        _fade(voice, sample, block)
    for i in range(QUANTUM):
        out[2 * i] += voice.left * block[2 * i]
        out[2 * i + 1] += voice.right * block[2 * i + 1]
    voice.position += QUANTUM * rate
    if voice.position >> FIX >= voice.sound.frames or sample + QUANTUM >= voice.fade_from + voice.fade_frames:
        _free(voice)


cdef bint voices_add(Voices* voices, int deck, bint bare, int64_t sample, int64_t source_rate, double pitch,
                     float* out) noexcept nogil:
    """Add a quantum of the voices of a deck, those that are bare or those that are not; whether there is any.

    Args:
        sample: the quantum's first.
        source_rate: source frames over the quantum, FIX fractional bits.
        pitch: ratio of what moves with the deck's pitch.
    """
    cdef Voice* voice
    cdef bint any = False
    cdef int i
    for i in range(VOICES + FADING):
        voice = &voices.all[i]
        if voice.sound != NULL and voice.deck == deck and ((voice.flags & HIT_BARE) != 0) == bare:
            _add(voice, sample, _rate(voice, source_rate, pitch), out)
            any = True
    return any


cdef class Bank:
    """Sounds that are kept in memory: float32 (frames, 2) each, copied.

    Raises ValueError for what is no sound, or too many. Thread: [housekeeping].
    """

    def __cinit__(self, list sounds not None):
        cdef const float[:, ::1] view
        cdef int i
        if not 1 <= len(sounds) <= SOUNDS_MAX:
            raise ValueError(f"a bank has 1 to {SOUNDS_MAX} sounds")
        self.arrays = [np.array(sound, dtype=np.float32, order="C") for sound in sounds]
        self.sounds = <StemView*>calloc(len(sounds), sizeof(StemView))
        if self.sounds == NULL:
            raise MemoryError("no memory for a bank")
        for i, sound in enumerate(self.arrays):
            if sound.ndim != 2 or sound.shape[1] != 2 or not 1 <= len(sound) <= FRAMES_MAX:
                raise ValueError(f"a sound is (frames, 2), not {sound.shape}")
            if not np.isfinite(sound).all():
                raise ValueError("a sound is finite everywhere")
            view = sound
            self.sounds[i].pcm = &view[0, 0]
            self.sounds[i].frames = len(sound)

    def __dealloc__(self):
        free(self.sounds)

    def __len__(self) -> int:
        return len(self.arrays)

    def lock_memory(self) -> bool:
        """Keep the sounds in memory, never paged out; False if this process may not."""
        cdef const float[:, ::1] view
        cdef bint locked = True
        for sound in self.arrays:
            view = sound
            locked = mlock(&view[0, 0], view.shape[0] * 8) == 0 and locked
        return locked


cdef class Pattern:
    """Hits to be struck as a deck plays past their source frames.

    Args:
        bank: of what is struck.
        hits: up to HITS_MAX of (frame, sound, gain, pan, length, group, flags), their frames rising: source
            frames of the track, with fractions; which sound of the bank; a linear gain, 0 to 4; -1, left, to
            1, right; source frames until it fades, 0 for all of the sound; the group of which only one
            sounds, 0 for none; PITCHED, FITS and BARE.
        key: what control calls it.
        player: the key of the player for whose music it is.
        start, end: source frames of what it fills; or, of a stinger, where it lands and where it is over.

    Raises ValueError if these make no sense, MemoryError. Thread: [housekeeping].
    """

    def __cinit__(self, Bank bank not None, hits, *, uint32_t key, uint32_t player, double start, double end):
        cdef int i
        if len(hits) > HITS_MAX or key == 0:
            raise ValueError(f"a pattern has a key, and up to {HITS_MAX} hits")
        if not 0.0 <= start <= end < FRAME_MAX:
            raise ValueError(f"a pattern cannot fill {start} to {end}")
        self.bank = bank
        self.state = <PatternState*>calloc(1, sizeof(PatternState))
        if self.state == NULL:
            raise MemoryError("no memory for a pattern")
        self.state.hits = <Hit*>calloc(max(len(hits), 1), sizeof(Hit))
        if self.state.hits == NULL:
            raise MemoryError("no memory for a pattern")
        self.state.key = key
        self.state.player = player
        self.state.start = llround(start * ONE)
        self.state.end = llround(end * ONE)
        self.state.landed = -1
        self.state.count = len(hits)
        for i, hit in enumerate(hits):
            _take_hit(bank, &self.state.hits[i], hit)
            if i and self.state.hits[i].frame < self.state.hits[i - 1].frame:
                raise ValueError("the frames of hits rise")

    def __dealloc__(self):
        if self.state != NULL:
            free(self.state.hits)
            free(self.state)

    @property
    def key(self) -> int:
        """What control calls it."""
        return self.state.key

    def lock_memory(self) -> bool:
        """Keep it in memory, never paged out; False if this process may not."""
        cdef bint locked = mlock(self.state, sizeof(PatternState)) == 0
        return mlock(self.state.hits, max(self.state.count, 1) * sizeof(Hit)) == 0 and locked


cdef int _take_hit(Bank bank, Hit* hit, given) except -1:
    cdef double frame, gain, pan, length
    cdef int sound, group, flags
    frame, sound, gain, pan, length, group, flags = given
    if not 0 <= sound < len(bank):
        raise ValueError(f"there is no sound {sound}")
    if not -FRAME_MAX < frame < FRAME_MAX or not 0.0 <= length < FRAME_MAX or not 0 <= flags < 8:
        raise ValueError(f"a hit cannot be at frame {frame}, {length} long, flags {flags}")
    if not isfinite(pan) or not -1.0 <= pan <= 1.0 or not 0.0 <= gain <= 4.0:
        raise ValueError(f"a hit cannot have gain {gain} and pan {pan}")
    if flags & HIT_FITS and length < 1.0:
        raise ValueError("what fits has a length")
    hit.frame = llround(frame * ONE)
    hit.length = llround(length * ONE)
    hit.sound = &bank.sounds[sound]
    hit.left = <float>(gain * sqrt(2.0) * cos(M_PI / 4.0 * (1.0 + pan)))
    hit.right = <float>(gain * sqrt(2.0) * sin(M_PI / 4.0 * (1.0 + pan)))
    hit.group = group
    hit.flags = flags
    return 0
