"""What was heard when, and the points of taste space that mixes are."""

from __future__ import annotations

import numpy as np
import pytest

from remixd.audience.heard import COMPARED_S, CREDIT_S, KEPT_S, HeardLog, Hearing
from remixd.audience.space import HIGH, LOW, NAMES, D, unit_of, units_of, value_of, values_of
from remixd.errors import InvalidInput, NotFound
from remixd.mix import DIMENSIONS, NEUTRAL


def test_an_event_is_credited_to_what_was_heard_two_seconds_before():
    log = HeardLog()
    hearing = Hearing(log)
    assert hearing.at(0.0) == -1
    rows = [hearing.note(second, np.full(D, second / 100)) for second in range(0, 40, 4)]
    assert hearing.credited(20.0) == (rows[4], rows[2])
    assert hearing.at(20.0) == rows[5]
    assert hearing.credited(-50.0) == (rows[0], rows[0])
    assert hearing.at(1e9) == rows[-1]
    np.testing.assert_array_equal(log.points[rows[4]], np.full(D, 0.16))
    assert (CREDIT_S, COMPARED_S) == (2.0, 8.0)


def test_a_mix_that_stays_takes_one_row_and_the_past_is_forgotten_after_a_minute():
    log = HeardLog()
    hearing = Hearing(log)
    assert hearing.note(0.0, np.zeros(D)) == hearing.note(5.0, np.zeros(D))
    for second in range(10, 1000):
        hearing.note(float(second), np.full(D, second / 1000))
    assert KEPT_S <= len(list(hearing.rows())) <= KEPT_S + 2
    assert hearing.at(0.0) == min(hearing.rows())


def test_a_clock_that_jumps_back_begins_a_new_past():
    hearing = Hearing(HeardLog())
    hearing.note(1000.0, np.zeros(D))
    row = hearing.note(10.0, np.ones(D))
    assert hearing.credited(11.0) == (row, row)
    for time in (np.nan, np.inf):
        with pytest.raises(InvalidInput):
            hearing.note(time, np.zeros(D))


def test_a_log_takes_points_of_taste_space_only():
    log = HeardLog()
    log.add(np.zeros((100, D)))
    for bad in (np.full(D, 1.01), np.full(D, np.nan), np.zeros(D - 1), np.zeros((2, D, 1))):
        with pytest.raises(InvalidInput):
            log.add(bad)
    assert log.points.shape == (100, D)
    for rows in ([0, 0], [-1, 0], [0]):
        with pytest.raises(InvalidInput):
            log.load(np.array(rows, np.int32), np.zeros((2, D)))


def test_mixes_are_points_and_points_are_mixes():
    np.testing.assert_array_equal(units_of(NEUTRAL), 0.0)
    assert values_of(np.zeros(D)) == {name: row.neutral for name, row in DIMENSIONS.items()}
    assert unit_of("vocals", -1000.0) == unit_of("vocals", -24.0) == -1.0
    assert value_of("tempo", 7.0) == 2.0
    for name, low, high in zip(NAMES, LOW, HIGH, strict=True):
        assert unit_of(name, value_of(name, 0.3)) == pytest.approx(0.3)
        assert (value_of(name, low), value_of(name, high)) == (
            DIMENSIONS[name].minimum,
            DIMENSIONS[name].maximum,
        )
        assert value_of(name, -2.0) == DIMENSIONS[name].minimum
    with pytest.raises(NotFound):
        units_of({"vocls": 0.0})
    with pytest.raises(InvalidInput):
        units_of({"tempo": float("nan")})
    with pytest.raises(InvalidInput):
        values_of(np.full(D, np.nan))
