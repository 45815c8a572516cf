"""Moves: commands taken, applied when they are due, and reported.

Tempo and pitch bend the map at its open end; gains begin ramps on their sample, or, where stems are summed in
the spectrum, with the frames that will be heard then. Rights clamp every value, here too. Thread: [render].
"""
from libc.math cimport exp2, isfinite
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from remixd._kernel.channel cimport CHANNEL_PARAMETERS, channel_init, channel_move
from remixd._kernel.deck cimport Deck, Glide, deck_lag, deck_position, glide_to
from remixd._kernel.echo cimport ECHO_DAMPING, echo_move
from remixd._kernel.elastic cimport REST_FRAMES_MAX
from remixd._kernel.fft cimport FRAME, HOP
from remixd._kernel.gains cimport deck_fill_gains
from remixd._kernel.mailbox cimport (
    COMMANDS,
    COMMAND_ECHO,
    COMMAND_EJECT,
    COMMAND_LEAD,
    COMMAND_LEVEL,
    COMMAND_LOAD,
    COMMAND_MIX,
    COMMAND_PACE,
    COMMAND_RACK,
    COMMAND_STRIP,
    COMMAND_SWAP,
    REASON_FULL,
    REASON_UNKNOWN,
    REPORT_APPLIED,
    REPORT_REFUSED,
    REPORT_WAITS,
    Command,
    Report,
    queue_push,
)
from remixd._kernel.player cimport BRIGHTNESS, DIMENSIONS, DRUMS, DRUMS_GAIN, PITCH, TEMPO, role_of
from remixd._kernel.racking cimport rack_makes_sense, session_tend_racks, session_weigh
from remixd._kernel.reader cimport LANDING, QUANTUM, RELAX, reader_wrap
from remixd._kernel.resample cimport FIX
from remixd._kernel.sampler cimport LAYER, layer_move
from remixd._kernel.state cimport DECKS, EVERY_DECK, SessionState
from remixd._kernel.strip cimport Ramp, linear_gain, ramp_to
from remixd._kernel.toning cimport TONE_RAMP_LEAST, TONE_SETTLES, session_hold_tone, session_turn_tone
from remixd._kernel.trace cimport BLOCK_LOAD, BLOCK_SWAP, MOMENT_APPLIED, trace_moment
from remixd._kernel.waiting cimport Waiting, waiting_add, waiting_drop, waiting_is_superseded

cdef enum:
    GLIDE_STEPS = 8         # 10.7 ms
    # until the stem itself is heard
    REST_FRAMES = (GLIDE_STEPS + LANDING) * QUANTUM + (REST_FRAMES_MAX + RELAX + 2) * HOP

cdef double[BRIGHTNESS] _low = [0.5, -12.0, -60.0, -60.0, -60.0, -60.0]
cdef double[BRIGHTNESS] _high = [2.0, 12.0, 6.0, 6.0, 6.0, 6.0]


cdef void _trace(SessionState* session, const Command* command, int64_t sample) noexcept nogil:
    """Write down that a command is applied, and to the block what would make it dear."""
    trace_moment(session.trace, MOMENT_APPLIED, command.kind, sample, command.id, command.deck)
    if command.kind == COMMAND_LOAD or command.kind == COMMAND_EJECT:
        session.trace.block.flags |= BLOCK_LOAD
    elif command.kind == COMMAND_SWAP:
        session.trace.block.flags |= BLOCK_SWAP


cdef void _tell(SessionState* session, const Command* command, Report* report) noexcept nogil:
    """Tell the other side; if its queue is full, count what was lost."""
    report.session = session.key
    report.deck = EVERY_DECK
    session.reports_told += 1
    report.serial = session.reports_told
    if command != NULL:
        report.id = command.id
        report.dimension = command.dimension
        report.deck = command.deck
        report.command = <uint8_t>command.kind
        report.taken = <uint32_t>command.taken
        if report.kind == REPORT_APPLIED and session.trace != NULL:
            _trace(session, command, report.sample)
    if session.reports == NULL or not queue_push(session.reports, report):
        session.reports_lost += 1


cdef void session_report(SessionState* session, const Command* command, int kind, int64_t sample,
                         int64_t settled, int64_t position, double value, int64_t late,
                         bint superseded) noexcept nogil:
    """Tell what happened, to a command if there is one."""
    cdef Report report
    memset(&report, 0, sizeof(Report))
    report.kind = <uint16_t>kind
    report.sample = sample
    report.settled_sample = settled
    report.position = position
    report.value = value
    report.late_frames = <int32_t>min(late, <int64_t>INT32_MAX)
    report.superseded = superseded
    _tell(session, command, &report)


cdef void session_answer(SessionState* session, const Command* command, int kind,
                         int reason) noexcept nogil:
    """Tell what has become of a command, or what has gone wrong with what it stands for, and why."""
    cdef Report report
    memset(&report, 0, sizeof(Report))
    report.kind = <uint16_t>kind
    report.sample = session.clock
    report.settled_sample = session.clock
    report.value = command.value
    report.reason = <uint8_t>reason
    _tell(session, command, &report)


cdef void session_refuse(SessionState* session, const Command* command, int reason) noexcept nogil:
    """Tell that a command cannot be done, and why."""
    session_answer(session, command, REPORT_REFUSED, reason)


cdef bint _makes_sense(const Command* command) noexcept nogil:
    """Whether kind, dimension, deck and values are ones that there are."""
    if not 0 < command.kind < COMMANDS or not isfinite(command.value) or not isfinite(command.extra):
        return False
    if command.when > 4 or (command.deck >= DECKS and command.deck != EVERY_DECK):
        return False
    if command.kind == COMMAND_MIX:
        return command.dimension < (DIMENSIONS if command.deck == EVERY_DECK else BRIGHTNESS)
    if command.kind == COMMAND_ECHO:
        return command.dimension <= ECHO_DAMPING
    if command.kind == COMMAND_LEAD or command.kind == COMMAND_PACE:
        return True
    if command.kind == COMMAND_RACK:
        return rack_makes_sense(command)
    if command.kind == COMMAND_STRIP and command.dimension >= CHANNEL_PARAMETERS:
        return False
    if command.deck == EVERY_DECK or (command.kind == COMMAND_LEVEL and command.dimension > LAYER):
        return False
    return -1e12 < command.value < 1e12 and -1e12 < command.extra < 1e12


cdef bint session_route(SessionState* session, const Command* command) noexcept nogil:
    """Let a command wait for its sample where it belongs; False where too many wait."""
    cdef Waiting* waiting = &session.for_decks
    if command.kind in (COMMAND_LEVEL, COMMAND_STRIP, COMMAND_ECHO, COMMAND_RACK) or (
        command.kind == COMMAND_MIX and command.dimension > PITCH
    ):
        waiting = &session.for_strips
    elif command_bends(command):
        waiting = &session.for_map
    return waiting_add(waiting, command)


cdef bint command_bends(const Command* command) noexcept nogil:
    """Whether a command acts on the plan of tempo and pitch, and so far ahead of what is heard."""
    return command.kind == COMMAND_MIX and command.dimension <= PITCH


cdef int session_post(SessionState* session, const Command* command) noexcept nogil:
    """Take a command; it waits for its sample, behind those that came before it for the same sample.

    What becomes of the sound depends on the commands, on their order, and on the quantum before which each
    was taken, and on nothing else: so that is noted, and told with what was done.
    One that cannot be taken is answered with a refusal, and 0 is returned.
    """
    cdef Command noted = command[0]
    cdef bint taken
    noted.taken = session.quantum
    noted.sample = max(noted.sample, <int64_t>-1)       # now is now: in the order in which they came
    if not _makes_sense(&noted):
        session_refuse(session, &noted, REASON_UNKNOWN)
        return 0
    if noted.when:
        taken = waiting_add(&session.for_marks, &noted)
    else:
        taken = session_route(session, &noted)
    if not taken:
        session_refuse(session, &noted, REASON_FULL)
        return 0
    if noted.when:
        session_report(session, &noted, REPORT_WAITS, session.quantum * QUANTUM, session.quantum * QUANTUM, 0,
                       noted.value, 0, False)
    return 1


cdef double _clamped(const Deck* deck, int dimension, double value) noexcept nogil:
    """A value of the mix within what there is, and within the rights of what is loaded."""
    value = min(max(value, _low[dimension]), _high[dimension])
    if deck.player == NULL:
        return value
    return min(max(value, deck.player.low[dimension]), deck.player.high[dimension])


cdef void deck_init(Deck* deck, const SessionState* session) noexcept:
    """At rest at the session's mix, as far as what is loaded allows it. Thread: [housekeeping]."""
    cdef int i, role
    cdef double value
    deck.share = 1.0
    for i in range(BRIGHTNESS):
        value = _clamped(deck, i, session.mix[i])
        if i == TEMPO:
            deck.tempo = Glide(value, value, 0, 1)
        elif i == PITCH:
            deck.pitch = Glide(value, value, 0, 1)
        else:
            role = role_of(i)
            memset(&deck.gains[role], 0, sizeof(Ramp))
            deck.gains[role].gain_from = linear_gain(value)
            deck.gains[role].gain_to = linear_gain(value)
            deck.levels[role] = deck.gains[role]
            deck.levels[role].gain_from = 1.0
            deck.levels[role].gain_to = 1.0
    channel_init(&deck.channel)


cdef void deck_take_mix(SessionState* session, Deck* deck) noexcept nogil:
    """Take the session's mix as what has just been loaded allows it."""
    cdef int i
    cdef float gain
    for i in range(BRIGHTNESS):
        if i > PITCH:
            gain = linear_gain(_clamped(deck, i, session.mix[i]))
            if gain != deck.gains[role_of(i)].gain_to:
                ramp_to(&deck.gains[role_of(i)], gain, session.quantum * QUANTUM, 480)
        elif i == TEMPO and deck.tempo.value_to != _clamped(deck, i, session.mix[i]):
            glide_to(&deck.tempo, _clamped(deck, i, session.mix[i]), session.end_step, GLIDE_STEPS)
        elif i == PITCH and deck.pitch.value_to != _clamped(deck, i, session.mix[i]):
            glide_to(&deck.pitch, _clamped(deck, i, session.mix[i]), session.end_step, GLIDE_STEPS)


cdef int _shown(const SessionState* session, const Command* command) noexcept nogil:
    """The deck whose place and values a report tells: the one that is named, or the first that plays."""
    cdef int i
    if command.deck != EVERY_DECK:
        return command.deck
    for i in range(DECKS):
        if session.decks[i].now != NULL:
            return i
    for i in range(DECKS):
        if session.decks[i].player != NULL:
            return i
    return 0


cdef int64_t _settling(const Deck* deck, int dimension) noexcept nogil:
    """Frames from a bend of the map until nothing of what was before is heard."""
    cdef double ratio = exp2(min(deck.pitch.value_from, deck.pitch.value_to) / 12.0)
    cdef int64_t frames = GLIDE_STEPS * QUANTUM + <int64_t>((FRAME // 2 + HOP) / min(ratio, 1.0))
    if deck.tempo.value_to == 1.0 and (dimension == TEMPO or deck.pitch.value_to == 0.0):
        frames = max(frames, <int64_t>REST_FRAMES)
    return frames


cdef double _bend(SessionState* session, const Command* command, int64_t* settling) noexcept nogil:
    """Turn tempo or pitch to a value, on one deck or all; the value that is told."""
    cdef Deck* deck
    cdef double value = command.value, told = 0.0
    cdef int i, shown = _shown(session, command)
    if command.deck == EVERY_DECK:
        session.mix[command.dimension] = value
    for i in range(DECKS):
        deck = &session.decks[i]
        if command.deck != EVERY_DECK and i != command.deck:
            continue
        value = _clamped(deck, command.dimension, command.value)
        glide_to(&deck.tempo if command.dimension == TEMPO else &deck.pitch, value, session.end_step,
                 GLIDE_STEPS)
        if i == shown:
            told = value
            settling[0] = _settling(deck, command.dimension)
    return told


cdef void session_move_map(SessionState* session) noexcept nogil:
    """Bend the map, at its open end, by the commands that are due there."""
    cdef int64_t bend = session.end_step * QUANTUM, settling = 0, position
    cdef const Command* command
    cdef const Deck* shown
    cdef double value
    while session.for_map.count > 0 and session.for_map.entries[0].sample <= bend:
        command = &session.for_map.entries[0]
        value = _bend(session, command, &settling)
        shown = &session.decks[_shown(session, command)]
        position = shown.rest if shown.now == NULL else reader_wrap(shown.now, shown.now.end_source)
        session_report(session, command, REPORT_APPLIED, bend, bend + settling, position >> FIX, value,
                       0 if command.sample < 0 else bend - command.sample,
                       waiting_is_superseded(&session.for_map, 0, bend))
        waiting_drop(&session.for_map, 0)


cdef void _turn(SessionState* session, const Command* command, int64_t start) noexcept nogil:
    """Move a parameter of a deck's channel, its layer or the echo, from a sample of this quantum on."""
    cdef Deck* deck
    if command.kind == COMMAND_ECHO:
        echo_move(&session.echo, command.dimension, command.value, start, command.ramp_frames)
        return
    if command.kind == COMMAND_LEVEL:
        layer_move(&session.layers[command.deck], command.value, start, command.ramp_frames)
        return
    deck = &session.decks[command.deck]
    deck.channel.clock = session.quantum * QUANTUM      # it is not worked while nothing is on it
    channel_move(&deck.channel, command.dimension, command.value, start, command.ramp_frames, command.shape)


cdef double _ramp(SessionState* session, const Command* command, int64_t start, int* filled) noexcept nogil:
    """Begin ramps at `start`, in this quantum, on one deck or all; the level that is told."""
    cdef int64_t sample = session.quantum * QUANTUM
    cdef int i, shown = _shown(session, command)
    cdef double value, told = command.value
    cdef Deck* deck
    if command.deck == EVERY_DECK:
        session.mix[command.dimension] = command.value
    for i in range(DECKS):
        deck = &session.decks[i]
        if command.deck != EVERY_DECK and i != command.deck:
            continue
        deck_fill_gains(session, i, sample, filled[i], <int>(start - sample))
        filled[i] = max(filled[i], <int>(start - sample))
        if command.kind == COMMAND_MIX:
            value = _clamped(deck, command.dimension, command.value)
            ramp_to(&deck.gains[role_of(command.dimension)], linear_gain(value), start, command.ramp_frames)
        else:
            value = min(max(command.value, -60.0), 6.0)
            ramp_to(&deck.levels[command.dimension], linear_gain(value), start, command.ramp_frames)
        if i == shown:
            told = value
    return told


cdef void session_move_strips(SessionState* session, int64_t sample, int* filled) noexcept nogil:
    """Begin the gain ramps that are due in the quantum from `sample` on; earlier, where gains lag behind.

    `filled` is set to how many frames of `ramps` are filled, deck by deck: those before the last ramp begun
    here. What moves the tone of the whole mix is held here to what decks that have begun to play allow.
    """
    cdef const Command* command
    cdef const Deck* shown
    cdef int64_t start, lag, frames
    cdef double value
    cdef int at = 0
    cdef bint drums, tone, knob
    memset(filled, 0, DECKS * sizeof(int))
    session_hold_tone(session, sample)
    session_tend_racks(session)
    while at < session.for_strips.count:
        command = &session.for_strips.entries[at]
        shown = &session.decks[_shown(session, command)]
        drums = command.dimension == (DRUMS_GAIN if command.kind == COMMAND_MIX else DRUMS)
        tone = command.kind == COMMAND_MIX and command.dimension >= BRIGHTNESS
        knob = tone or command.kind in (COMMAND_STRIP, COMMAND_ECHO, COMMAND_RACK) or (
            command.kind == COMMAND_LEVEL and command.dimension == LAYER
        )
        lag = 0 if drums or knob else deck_lag(shown, session.quantum)
        if command.sample >= sample + QUANTUM + lag:
            at += 1
            continue
        start = max(sample, command.sample - lag)
        if command.kind == COMMAND_RACK:
            session_weigh(session, command, start, deck_position(shown, start) >> FIX,
                          waiting_is_superseded(&session.for_strips, at, start))
            waiting_drop(&session.for_strips, at)
            continue
        frames = max(command.ramp_frames, <uint32_t>TONE_RAMP_LEAST) if tone else command.ramp_frames
        if tone:
            value = session_turn_tone(session, command, start)
        elif knob:
            value = command.value
            _turn(session, command, start)
        else:
            value = _ramp(session, command, start, filled)
        session_report(
            session, command, REPORT_APPLIED, start + lag,
            start + frames + (TONE_SETTLES if tone else QUANTUM - 1 if knob else 2 * lag),
            deck_position(shown, start) >> FIX, value,
            0 if command.sample < 0 else start + lag - command.sample,
            waiting_is_superseded(&session.for_strips, at, max(start, command.sample)),
        )
        waiting_drop(&session.for_strips, at)
