"""Foresight: where a session will be, as far as it has been told what to do.

A session that stands as another one did goes on without sound, by the very arithmetic that renders: so loops,
ramps, marks, decks that follow and what waits come out as they will be heard. Thread: [control].
"""
from libc.math cimport fabs
from libc.stdint cimport int64_t

import numpy as np

from remixd._kernel.checkpoint cimport session_pass
from remixd._kernel.deck cimport Deck
from remixd._kernel.describe cimport shown_deck
from remixd._kernel.player cimport PlayerState
from remixd._kernel.reader cimport QUANTUM, STEPS, Reader, Step, reader_wrap
from remixd._kernel.resample cimport FIX
from remixd._kernel.session cimport Session
from remixd._kernel.state cimport SessionState

COLUMNS = ("start", "end", "deck", "player", "position", "pace")

cdef enum:
    ROWS = 4                # of one quantum, at most: two readers, each of which may come to the song's end
    QUANTA = 512            # at a time

cdef double _one = 1.0 / (1 << FIX)
cdef double _near = 1e-3    # frames off that are the same line

cdef struct Row:
    double start            # output samples
    double end
    double deck
    double player
    double position         # source frame at `start`
    double pace             # source frames a sample


cdef int _put(Row* rows, int count, const Row* row) noexcept nogil:
    """Add a row, or, where it goes on as the one before, lengthen that; how many there are."""
    cdef Row* last = rows + count - 1
    if row.end <= row.start:
        return count
    if count > 0 and last.end == row.start and last.deck == row.deck and last.player == row.player and (
        last.pace == row.pace
        and fabs(last.position + last.pace * (row.start - last.start) - row.position) < _near
    ):
        last.end = row.end
        return count
    rows[count] = row[0]
    return count + 1


cdef int _put_reader(Row* rows, int count, int deck, const PlayerState* player, const Reader* reader,
                     int64_t quantum, double start, double end) noexcept nogil:
    """Add what one reader plays from `start` to `end`, within a quantum: in two where a circle closes."""
    cdef const Step* step = &reader.steps[quantum % STEPS]
    cdef double length = <double>reader.length, turn = end
    cdef Row row
    row.deck = deck
    row.player = player.key
    row.pace = step.source_rate * _one / QUANTUM
    row.start = start
    row.position = reader_wrap(reader, step.source) * _one + row.pace * (start - quantum * QUANTUM)
    if reader.loop and row.position >= length:
        row.position -= length
    elif reader.loop and row.position < 0.0:
        row.position += length
    if reader.loop and row.pace > 0.0:
        turn = start + (length - row.position) / row.pace
    elif reader.loop and row.pace < 0.0:
        turn = start - row.position / row.pace
    row.end = min(turn, end)
    count = _put(rows, count, &row)
    row.position = 0.0 if row.pace > 0.0 else length
    row.start = row.end
    row.end = end
    return _put(rows, count, &row)


cdef int _put_quantum(const SessionState* session, Row* rows, int count) noexcept nogil:
    """Add what the deck that stands for the session plays in the newest quantum."""
    cdef int index = shown_deck(session)
    cdef const Deck* deck = &session.decks[index]
    cdef int64_t quantum = session.quantum - 1
    cdef double start = quantum * QUANTUM, end = start + QUANTUM, turn
    turn = min(max(<double>deck.fade_end, start), end)
    if deck.now == NULL:
        if deck.before != NULL:
            turn = min(max(<double>(deck.fade_end - deck.fade_frames), start), end)
            count = _put_reader(rows, count, index, deck.before_player, deck.before, quantum, start, turn)
        return count
    if deck.before != NULL:
        count = _put_reader(rows, count, index, deck.before_player, deck.before, quantum, start, turn)
    return _put_reader(rows, count, index, deck.player, deck.now, quantum, turn, end)


def look_ahead(Session session not None, int64_t until):
    """Have a session that is nobody's go on without sound, and tell what it would play.

    Args:
        session: restored from a checkpoint, and told what has been commanded since.
        until: samples on its clock.

    Returns float64 (n, 6), a row for each stretch that the deck which stands for the session plays at one
    pace, in the order of COLUMNS: from which sample, to which one, on which deck, of which player, from which
    source frame, how many of them a sample (negative: backwards). Where nothing plays there is no row. A jump
    counts from its sample on, where its crossfade is over. What is done on the way is reported as ever:
    `Session.take_reports`.
    """
    cdef int64_t last = (until + QUANTUM - 1) // QUANTUM
    cdef int64_t pause
    cdef int count
    found = np.empty((ROWS * QUANTA + 1, 6))
    cdef double[:, ::1] view = found
    cdef Row* rows = <Row*>&view[0, 0]
    told = [np.empty((0, 6))]
    while session.state.quantum < last:
        pause = min(session.state.quantum + QUANTA, last)
        count = 0
        with nogil:
            while session.state.quantum < pause:
                session_pass(session.state, session.state.quantum + 1)
                count = _put_quantum(session.state, rows, count)
        told.append(found[:count].copy())
    return np.concatenate(told)
