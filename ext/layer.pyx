"""Layers: what is generated over a deck, struck as its playhead passes the hits of its patterns.

Hits lie on source frames, so they follow every tempo, jump and loop: each is struck at the first sample at
which the deck is at its frame or past it. During a jump's crossfade the old place counts, from its end on the
new one; backwards nothing is struck. A pattern stays on its deck until another fills the same frames, or room
is needed: so loops repeat it. A stinger strikes once, and is told when it has landed.

What is generated is ducked under vocals, by up to 6 dB, by their own level as they are heard: the power of
their stem at the playhead, at its gain. Thread: [render].
"""
from libc.math cimport exp2, log10, pow
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from remixd._kernel.deck cimport Deck
from remixd._kernel.gains cimport deck_gains
from remixd._kernel.knob cimport knob_fill, knob_stands_at
from remixd._kernel.loops cimport is_due, tell_done
from remixd._kernel.mailbox cimport (
    REASON_FORBIDDEN,
    REASON_FULL,
    REASON_MISSING,
    REPORT_APPLIED,
    REPORT_EXPIRED,
    REPORT_WAITS,
)
from remixd._kernel.moves cimport session_refuse, session_report
from remixd._kernel.player cimport ROLES, VOCALS, PlayerState
from remixd._kernel.reader cimport QUANTUM, STEPS, Reader, Step, reader_position, step_rate
from remixd._kernel.resample cimport FIX
from remixd._kernel.sampler cimport (
    PATTERNS,
    STINGERS,
    Layer,
    PatternState,
    voices_add,
    voices_end,
    voices_sound,
    voices_strike,
)
from remixd._kernel.shelf cimport shelf_find, shelf_give, shelf_take
from remixd._kernel.stem cimport stem_span
from remixd._kernel.strip cimport add_ramped, add_scaled

cdef double _attack = 0.234         # of the vocals' power, a quantum: 5 ms
cdef double _release = 0.01105      # 120 ms: from all of it back to none in half a second
cdef double _soft_db = -45.0        # vocals at this level leave the layer as it is,
cdef double _loud_db = -27.0        # and at this one take 6 dB off
cdef double _most_db = 6.0


cdef void layer_clear(SessionState* session, int deck) noexcept nogil:
    """Take everything that is generated off a deck; what sounds ends within 2 ms."""
    cdef Layer* layer = &session.layers[deck]
    cdef int i
    for i in range(PATTERNS):
        if layer.patterns[i] != NULL:
            shelf_give(&session.patterns, layer.patterns[i])
            layer.patterns[i] = NULL
    for i in range(STINGERS):
        if layer.stingers[i] != NULL:
            shelf_give(&session.patterns, layer.stingers[i])
            layer.stingers[i] = NULL
    voices_end(&session.voices, deck, session.quantum * QUANTUM)


cdef PatternState* _find(SessionState* session, const Command* command) noexcept nogil:
    """The pattern that a command names; one that cannot be had is refused, and given back."""
    cdef PatternState* pattern = <PatternState*>shelf_find(&session.patterns, <uint32_t>command.extra)
    cdef const PlayerState* player = session.decks[command.deck].player
    if pattern != NULL and player.key == pattern.player and player.generated:
        return pattern
    if pattern != NULL:
        shelf_give(&session.patterns, pattern)
    session_refuse(session, command, REASON_MISSING if player.generated else REASON_FORBIDDEN)
    return NULL


cdef void _put(SessionState* session, Layer* layer, PatternState* pattern) noexcept nogil:
    """Have a pattern on a deck, in the place of what fills the same frames; else of the oldest."""
    cdef int i, place = -1
    for i in range(PATTERNS):
        if layer.patterns[i] != NULL and (
            layer.patterns[i].start < pattern.end and pattern.start < layer.patterns[i].end
        ):
            shelf_give(&session.patterns, layer.patterns[i])
            layer.patterns[i] = NULL
    for i in range(PATTERNS):
        if place < 0 or layer.patterns[i] == NULL or (
            layer.patterns[place] != NULL and layer.patterns[i].attached < layer.patterns[place].attached
        ):
            place = i
    if layer.patterns[place] != NULL:
        shelf_give(&session.patterns, layer.patterns[place])
    layer.attached += 1
    pattern.attached = layer.attached
    layer.patterns[place] = pattern
    shelf_take(&session.patterns, pattern)


cdef bint layer_take(SessionState* session, const Command* command) noexcept nogil:
    """Put a pattern on a deck, or take all off; False if it is not time yet."""
    cdef int64_t sample = max(command.sample, session.quantum * QUANTUM)
    cdef PatternState* pattern
    if not is_due(session, sample, 0):
        return False
    if command.extra == 0.0:
        layer_clear(session, command.deck)
        tell_done(session, command, sample, 0, 0.0)
        return True
    pattern = _find(session, command)
    if pattern != NULL:
        _put(session, &session.layers[command.deck], pattern)
        tell_done(session, command, sample, pattern.start, command.value)
    return True


cdef bint _load_stinger(SessionState* session, const Command* command) noexcept nogil:
    """Have a stinger on a deck; False if it is refused."""
    cdef Layer* layer = &session.layers[command.deck]
    cdef PatternState* pattern = _find(session, command)
    cdef int64_t sample = session.quantum * QUANTUM
    cdef int i, place = -1
    if pattern == NULL:
        return False
    for i in range(STINGERS):                           # else of one that has landed, whatever it has left
        if layer.stingers[i] == NULL or (place < 0 and 0 <= layer.stingers[i].landed < sample):
            place = i
    if place < 0:
        shelf_give(&session.patterns, pattern)
        session_refuse(session, command, REASON_FULL)
        return False
    if layer.stingers[place] != NULL:
        shelf_give(&session.patterns, layer.stingers[place])
    layer.stingers[place] = pattern
    shelf_take(&session.patterns, pattern)
    session_report(session, command, REPORT_WAITS, sample, sample, pattern.start >> FIX, command.value, 0,
                   False)
    return True


cdef bint layer_sting(SessionState* session, const Command* command) noexcept nogil:
    """Have a stinger strike; False until it has landed, or cannot any more."""
    cdef Layer* layer = &session.layers[command.deck]
    cdef PatternState* pattern
    cdef int i
    if command.sample >= (session.quantum + 1) * QUANTUM:
        return False
    for i in range(STINGERS):
        pattern = layer.stingers[i]
        if pattern == NULL or pattern.key != <uint32_t>command.extra:
            continue
        if pattern.landed >= 0:
            session_report(session, command, REPORT_APPLIED, pattern.landed, pattern.landed,
                           pattern.start >> FIX, command.value, 0, False)
            return True
        if 0 < command.expires <= session.quantum * QUANTUM:
            session_report(session, command, REPORT_EXPIRED, command.expires, command.expires, 0,
                           command.value, 0, False)
            shelf_give(&session.patterns, pattern)
            layer.stingers[i] = NULL
            return True
        return False
    return not _load_stinger(session, command)


cdef int _frame_of(const Step* step, int64_t place, int first) noexcept nogil:
    """The first frame of a quantum, from `first` on, at which a reader is at a place or past it."""
    cdef int64_t off = place - step.source
    if off <= step.source_rate * first // QUANTUM:
        return first
    return <int>((off * QUANTUM + step.source_rate - 1) // step.source_rate)


cdef int _after(const PatternState* pattern, int64_t place) noexcept nogil:
    """The first hit past a place."""
    cdef int low = 0, high = pattern.count, middle
    while low < high:
        middle = (low + high) // 2
        if pattern.hits[middle].frame > place:
            high = middle
        else:
            low = middle + 1
    return low


cdef void _strike(SessionState* session, int deck, PatternState* pattern, bint once, const Step* step,
                  int first, int64_t since, int64_t to, int64_t lap) noexcept nogil:
    """Strike the hits of a pattern after `since`, and up to `to`; `lap` is where its frame 0 is."""
    cdef int64_t sample = session.quantum * QUANTUM
    cdef double tempo = <double>step.source_rate / (<double>QUANTUM * (1 << FIX))
    cdef int at = _after(pattern, since - lap)
    if once:
        at = max(at, pattern.struck)
    while at < pattern.count and pattern.hits[at].frame <= to - lap:
        voices_strike(&session.voices, pattern, &pattern.hits[at], deck,
                      sample + _frame_of(step, pattern.hits[at].frame + lap, first), tempo)
        at += 1
        pattern.struck = at
    if pattern.landed < 0 and since - lap < pattern.start <= to - lap:
        pattern.landed = sample + _frame_of(step, pattern.start + lap, first)


cdef void _sting(SessionState* session, int deck, const Step* step, int first, int64_t since, int64_t to,
                 int64_t lap) noexcept nogil:
    """Strike what stingers have, each hit once; one that has landed, and was told, goes when none is left."""
    cdef Layer* layer = &session.layers[deck]
    cdef PatternState* pattern
    cdef int i
    for i in range(STINGERS):
        pattern = layer.stingers[i]
        if pattern == NULL:
            continue
        _strike(session, deck, pattern, True, step, first, since, to, lap)
        if 0 <= pattern.landed < session.quantum * QUANTUM and pattern.struck == pattern.count:
            shelf_give(&session.patterns, pattern)
            layer.stingers[i] = NULL


cdef void _pass(SessionState* session, int deck, const Reader* reader, int first, int last) noexcept nogil:
    """Strike what a reader passes at frames [first, last) of the quantum."""
    cdef Layer* layer = &session.layers[deck]
    cdef const Step* step = &reader.steps[session.quantum % STEPS]
    cdef int64_t sample = session.quantum * QUANTUM, since, to, lap = 0
    cdef int i
    if last <= first or step.source_rate <= 0:
        return
    since = step.source + step.source_rate * (first - 1) // QUANTUM
    if layer.reader == reader and layer.next == sample + first:
        since = layer.passed
    to = step.source + step.source_rate * (last - 1) // QUANTUM
    layer.reader, layer.passed, layer.next = reader, to, sample + last
    if reader.loop:
        lap = since - since % (reader.length << FIX)
        if since < 0:
            lap -= reader.length << FIX
    while lap <= to:
        for i in range(PATTERNS):
            if layer.patterns[i] != NULL:
                _strike(session, deck, layer.patterns[i], False, step, first, since, to, lap)
        _sting(session, deck, step, first, since, to, lap)
        if not reader.loop:
            return
        lap += reader.length << FIX


cdef void _play(SessionState* session, int index) noexcept nogil:
    """Strike what the deck passes in a quantum: first where it was, then, once it has faded, where it is."""
    cdef const Deck* deck = &session.decks[index]
    cdef int64_t sample = session.quantum * QUANTUM
    cdef int turn
    if deck.now == NULL:
        turn = <int>min(max(deck.fade_end - deck.fade_frames - sample, 0), QUANTUM)
        voices_end(&session.voices, index, sample + turn)
    else:
        turn = <int>min(max(deck.fade_end - sample, 0), QUANTUM)
    if deck.before != NULL and not deck.before.backwards:
        _pass(session, index, deck.before, 0, turn)
    if deck.now != NULL and not deck.now.backwards:
        _pass(session, index, deck.now, turn, QUANTUM)


cdef double _power(SessionState* session, int index) noexcept nogil:
    """The mean square of a deck's vocals, as heard, over a quantum."""
    cdef const Deck* deck = &session.decks[index]
    cdef const PlayerState* player = deck.player
    cdef const Reader* reader = deck.now
    cdef const float* pcm
    cdef float[2 * QUANTUM] space
    cdef float[ROLES] gains
    cdef float sum = 0.0
    cdef int64_t place
    cdef Py_ssize_t i, j
    if reader == NULL or player == NULL or not player.role_present[VOCALS]:
        return 0.0
    deck_gains(session, index, player, session.quantum * QUANTUM, gains)
    place = reader_position(reader, session.quantum * QUANTUM) >> FIX
    for i in range(reader.stems_count):
        if player.role_of[i] != VOCALS:
            continue
        pcm = stem_span(&reader.voices[i].stem, place, QUANTUM, reader.loop, space)
        for j in range(2 * QUANTUM):
            sum += pcm[j] * pcm[j]
    return sum * gains[VOCALS] * gains[VOCALS] / (2 * QUANTUM)


cdef float _duck(SessionState* session, int index) noexcept nogil:
    """The gain that vocals leave to the layer, at the end of a quantum."""
    cdef Layer* layer = &session.layers[index]
    cdef double power = min(_power(session, index), pow(10.0, _loud_db / 10.0)), share
    layer.power += (power - layer.power) * (_attack if power > layer.power else _release)
    share = (10.0 * log10(layer.power + 1e-12) - _soft_db) / (_loud_db - _soft_db)
    return <float>pow(10.0, -_most_db * min(max(share, 0.0), 1.0) / 20.0)


cdef void _count(Layer* layer, const float* block, const float* gains) noexcept nogil:
    """Take what is heard of a layer into its level."""
    cdef float sum = 0.0
    cdef Py_ssize_t i
    for i in range(QUANTUM):
        sum += gains[i] * gains[i] * (block[2 * i] * block[2 * i] + block[2 * i + 1] * block[2 * i + 1])
    layer.sum += sum
    layer.summed += 2 * QUANTUM


cdef double _pitch(const Deck* deck, int64_t quantum) noexcept nogil:
    """The ratio by which what is on a deck is transposed."""
    if deck.varispeed:
        return deck.plan.tempo[quantum % STEPS]
    return exp2(deck.plan.pitch[quantum % STEPS] / 12.0)


cdef bint _is_empty(const SessionState* session, int index) noexcept nogil:
    cdef const Layer* layer = &session.layers[index]
    cdef int i
    for i in range(PATTERNS):
        if layer.patterns[i] != NULL:
            return False
    for i in range(STINGERS):
        if layer.stingers[i] != NULL:
            return False
    return not voices_sound(&session.voices, index)


cdef void layer_add(SessionState* session, int index, float* out) noexcept nogil:
    """Add what is generated over a deck in a quantum to what it plays."""
    cdef Layer* layer = &session.layers[index]
    cdef Deck* deck = &session.decks[index]
    cdef int64_t sample = session.quantum * QUANTUM
    cdef int64_t rate = step_rate(deck.plan.tempo[session.quantum % STEPS])
    cdef float[QUANTUM] gains
    cdef float[QUANTUM * 2] sound
    cdef float duck
    cdef double pitch
    cdef int i
    knob_fill(&layer.gain, sample)
    if _is_empty(session, index):
        return
    _play(session, index)
    if deck.now != NULL and not deck.now.backwards:
        rate = deck.now.steps[session.quantum % STEPS].source_rate
    pitch = _pitch(deck, session.quantum)
    duck = _duck(session, index)
    for i in range(QUANTUM):
        gains[i] = layer.gain.values[i] * (layer.duck + (duck - layer.duck) * (i + 1) / QUANTUM)
    layer.duck = duck
    memset(sound, 0, sizeof(sound))
    if voices_add(&session.voices, index, False, sample, rate, pitch, sound) and not (
        knob_stands_at(&layer.gain, 0.0, sample)
    ):
        add_ramped(out, sound, gains, QUANTUM)
        _count(layer, sound, gains)
    memset(sound, 0, sizeof(sound))
    if voices_add(&session.voices, index, True, sample, rate, pitch, sound):
        add_scaled(out, sound, 1.0, QUANTUM)
