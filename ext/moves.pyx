"""Moves: commands taken, applied when they are due, and reported.

Tempo and pitch bend the map at its open end; gains begin ramps on their sample, or, where stems are summed in
the spectrum, with the frames that will be heard then. Rights clamp every value, here too. Thread: [render].
"""
from libc.math cimport exp2, isfinite, pow
from libc.stdint cimport int64_t, uint16_t
from libc.string cimport memset

from remixd._kernel.deck cimport (
    Deck,
    LANDING,
    QUANTUM,
    RELAX,
    deck_end_position,
    deck_lag,
    deck_position,
    glide_to,
)
from remixd._kernel.elastic cimport REST_FRAMES_MAX
from remixd._kernel.fft cimport FRAME, HOP
from remixd._kernel.mailbox cimport COMMAND_MIX, REPORT_APPLIED, REPORT_REFUSED, Command, Report, queue_push
from remixd._kernel.resample cimport FIX
from remixd._kernel.state cimport DIMENSIONS, DRUMS_GAIN, PITCH, ROLES, SessionState, TEMPO, VOCALS
from remixd._kernel.strip cimport ramp_to, ramp_value
from remixd._kernel.waiting cimport Waiting, waiting_add, waiting_drop, waiting_is_superseded

cdef enum:
    GLIDE_STEPS = 8         # 10.7 ms
    # until the stem itself is heard
    REST_FRAMES = (GLIDE_STEPS + LANDING) * QUANTUM + (REST_FRAMES_MAX + RELAX + 2) * HOP

cdef int[DIMENSIONS] _role_of_dimension = [-1, -1, 2, 0, 1, 3]


cdef int role_of(int dimension) noexcept nogil:
    """The role whose gain a dimension is; -1 for tempo and pitch."""
    return _role_of_dimension[dimension]


cdef void session_report(SessionState* session, const Command* command, int kind, int64_t sample,
                         int64_t settled, int64_t position, double value, int64_t late,
                         bint superseded) noexcept nogil:
    """Tell the other side, of a command if there is one; if its queue is full, count what was lost."""
    cdef Report report
    memset(&report, 0, sizeof(Report))
    if command != NULL:
        report.id = command.id
        report.dimension = command.dimension
    report.session = session.key
    report.kind = <uint16_t>kind
    report.sample = sample
    report.settled_sample = settled
    report.position = position
    report.value = value
    report.late_frames = late
    report.superseded = superseded
    if session.reports == NULL or not queue_push(session.reports, &report):
        session.reports_lost += 1


cdef int session_post(SessionState* session, const Command* command) noexcept nogil:
    """Take a command; it waits for its sample, behind those that came before it for the same sample.

    One that cannot be taken is answered with a refusal, and 0 is returned.
    """
    cdef Waiting* waiting
    if command.kind == COMMAND_MIX and command.dimension < DIMENSIONS and isfinite(command.value):
        waiting = &session.for_map if command.dimension <= PITCH else &session.for_strips
        if waiting_add(waiting, command):
            return 1
    session_report(session, command, REPORT_REFUSED, session.clock, session.clock, 0, command.value, 0, False)
    return 0


cdef float linear_gain(double level_db) noexcept nogil:
    """Of a level in dB; -60 is off."""
    return 0.0 if level_db <= -60.0 else <float>pow(10.0, level_db / 20.0)


cdef inline double _clamped(const SessionState* session, const Command* command) noexcept nogil:
    return min(max(command.value, session.low[command.dimension]), session.high[command.dimension])


cdef int64_t _settling(const Deck* deck, int dimension) noexcept nogil:
    """Frames from a bend of the map until nothing of what was before is heard."""
    cdef double ratio = exp2(min(deck.pitch.value_from, deck.pitch.value_to) / 12.0)
    cdef int64_t frames = GLIDE_STEPS * QUANTUM + <int64_t>((FRAME // 2 + HOP) / min(ratio, 1.0))
    if deck.tempo.value_to == 1.0 and (dimension == TEMPO or deck.pitch.value_to == 0.0):
        frames = max(frames, <int64_t>REST_FRAMES)
    return frames


cdef void session_move_map(SessionState* session) noexcept nogil:
    """Bend the map, at its open end, by the commands that are due there."""
    cdef Deck* deck = &session.deck
    cdef int64_t bend = deck.end_step * QUANTUM
    cdef const Command* command
    cdef double value
    while session.for_map.count > 0 and session.for_map.entries[0].sample <= bend:
        command = &session.for_map.entries[0]
        value = _clamped(session, command)
        if command.dimension == TEMPO:
            glide_to(&deck.tempo, value, deck.end_step, GLIDE_STEPS)
        else:
            glide_to(&deck.pitch, value, deck.end_step, GLIDE_STEPS)
        session_report(
            session, command, REPORT_APPLIED, bend, bend + _settling(deck, command.dimension),
            deck_end_position(deck) >> FIX, value, 0 if command.sample < 0 else bend - command.sample,
            waiting_is_superseded(&session.for_map, 0, bend),
        )
        waiting_drop(&session.for_map, 0)


cdef void session_fill_gains(SessionState* session, int64_t sample, int first, int last) noexcept nogil:
    """The gain of each role at frames [first, last) of the quantum that begins at `sample`."""
    cdef int i, role
    cdef float[QUANTUM] loudest
    cdef float* gains
    cdef float limit = session.vocals_limit
    cdef bint others = False
    for role in range(ROLES):
        gains = session.ramps[role]
        for i in range(first, last):
            gains[i] = ramp_value(&session.gains[role], sample + i)
    for i in range(first, last):
        loudest[i] = 0.0
    for role in range(ROLES):
        if role != VOCALS and session.role_present[role]:
            others = True
            for i in range(first, last):
                loudest[i] = max(loudest[i], session.ramps[role][i])
    if others and limit > 0.0:
        for i in range(first, last):
            session.ramps[VOCALS][i] = min(session.ramps[VOCALS][i], limit * loudest[i])


cdef int session_move_strips(SessionState* session, int64_t sample) noexcept nogil:
    """Begin the gain ramps that are due in the quantum from `sample` on; earlier, where gains lag behind.

    Returns how many frames of `ramps` are filled: those before the last ramp begun here.
    """
    cdef const Command* command
    cdef int64_t start, lag
    cdef double value
    cdef int filled = 0, at = 0
    while at < session.for_strips.count:
        command = &session.for_strips.entries[at]
        lag = 0 if command.dimension == DRUMS_GAIN else deck_lag(&session.deck, session.quantum)
        if command.sample >= sample + QUANTUM + lag:
            at += 1
            continue
        value = _clamped(session, command)
        start = max(sample, command.sample - lag)
        session_fill_gains(session, sample, filled, <int>(start - sample))
        filled = max(filled, <int>(start - sample))
        ramp_to(&session.gains[role_of(command.dimension)], linear_gain(value), start,
                command.ramp_frames)
        session_report(
            session, command, REPORT_APPLIED, start + lag, start + command.ramp_frames + 2 * lag,
            deck_position(&session.deck, start) >> FIX, value,
            0 if command.sample < 0 else start + lag - command.sample,
            waiting_is_superseded(&session.for_strips, at, max(start, command.sample)),
        )
        waiting_drop(&session.for_strips, at)
    return filled


cdef void session_gains(const SessionState* session, int64_t sample, float* out) noexcept nogil:
    """The linear gain of each role at a sample, rights included."""
    cdef int role
    cdef float loudest = 0.0
    cdef bint others = False
    for role in range(ROLES):
        out[role] = ramp_value(&session.gains[role], sample)
        if role != VOCALS and session.role_present[role]:
            others = True
            loudest = max(loudest, out[role])
    if others and session.vocals_limit > 0.0:
        out[VOCALS] = min(out[VOCALS], session.vocals_limit * loudest)
