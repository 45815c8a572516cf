"""Tastes: what they learn, why, and what it is to take something back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tastes import JUDGING, MIXES, SLOTS, crowd, histories, random_events

from remixd.audience.ledger import EVENT, event
from remixd.audience.prior import Prior
from remixd.audience.space import HIGH, LOW, D
from remixd.audience.taste import EVENTS_KEPT, Tastes
from remixd.audience.utility import Kind
from remixd.errors import InvalidInput, NotFound


def wish(value, dimension=3, **more):
    return event(Kind.WISH, slot=0, dimension=dimension, value=value, **{"at_s": 0.0, **more})


def alone(prior=None):
    tastes = Tastes(prior or Prior.neutral())
    tastes.join(0)
    return tastes


def states(tastes, slots=SLOTS):
    return np.concatenate([tastes.mean(slots).ravel(), tastes.covariance(slots).ravel()])


def test_a_wish_moves_the_taste_towards_it_and_makes_it_certain():
    tastes = alone()
    tastes.observe(wish(0.5))
    assert 0.3 < tastes.mean([0])[0, 3] < 0.5
    assert tastes.certainty([0])[0, 3] > 0.8
    assert tastes.certainty([0])[0, 4] == 0.0
    for second in range(1, 10):
        tastes.observe(wish(0.5, at_s=float(second)))
    assert tastes.mean([0])[0, 3] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("kind", sorted(JUDGING))
def test_a_judgement_draws_the_taste_to_what_was_heard_or_off_it(kind):
    tastes = alone()
    loud, soft = np.eye(D)[[3]] * 0.8, np.eye(D)[[3]] * 0.2
    rows = tastes.heard.add(np.concatenate([loud, soft]))
    tastes.observe(event(kind, slot=0, at_s=0.0, heard=rows[0], before=rows[1]))
    likes = kind in (Kind.LIKE, Kind.LOVE, Kind.REPLAY, Kind.DWELL, Kind.VOLUME_UP, Kind.BETTER)
    assert np.sign(tastes.mean([0])[0, 3]) == (1 if likes else -1)
    np.testing.assert_array_equal(np.delete(tastes.mean([0])[0], 3), 0.0)


def test_love_is_a_stronger_like_and_a_sender_half_believed_a_weaker_one():
    moved = {}
    for kind, weight in ((Kind.LOVE, 1.0), (Kind.LIKE, 1.0), (Kind.LIKE, 0.5), (Kind.LIKE, 0.0)):
        tastes = alone()
        tastes.heard.add(np.full(D, 0.5))
        tastes.observe(event(kind, slot=0, at_s=0.0, heard=0, weight=weight))
        moved[kind, weight] = tastes.mean([0])[0, 0]
    assert list(moved.values()) == sorted(moved.values(), reverse=True)
    assert moved[Kind.LIKE, 0.0] == 0.0


def test_time_makes_a_taste_uncertain_again_but_never_more_than_the_priors():
    tastes = alone()
    tastes.observe(wish(0.5))
    sure = tastes.variance([0])[0, 3]
    tastes.observe(wish(0.5, at_s=60.0, weight=0.0))
    later = tastes.variance([0])[0, 3]
    assert later == pytest.approx(sure + 60.0 / 4.0 * 0.01**2)
    tastes.observe(wish(0.5, at_s=1e12, weight=0.0))
    np.testing.assert_allclose(tastes.variance([0])[0], np.diag(Prior.neutral().covariance)[1:])
    assert tastes.mean([0])[0, 3] > 0.3


def test_a_clock_that_jumps_back_adds_no_uncertainty():
    tastes = alone()
    tastes.observe(wish(0.5, at_s=1000.0))
    sure = tastes.variance([0])
    tastes.observe(wish(0.5, at_s=-1e9, weight=0.0))
    np.testing.assert_array_equal(tastes.variance([0]), sure)


@given(history=histories(), seed=st.integers(0, 2**32))
def test_the_order_of_arrival_within_a_tick_does_not_matter(history, seed):
    one, other = crowd(), crowd()
    rng = np.random.default_rng(seed)
    for tick in history:
        one.observe(tick)
        other.observe([tick[[at]] for at in rng.permutation(len(tick))])
    np.testing.assert_array_equal(states(one), states(other))


@given(history=histories(least=1), back=st.integers(1, EVENTS_KEPT), slot=st.sampled_from(SLOTS))
def test_undo_equals_a_history_without_the_event(history, back, slot):
    numbers = np.cumsum([0, *(len(tick) for tick in history)])
    for start, tick in zip(numbers, history, strict=False):
        tick["id"] = np.arange(start, start + len(tick)) + 1
    tastes = crowd()
    for tick in history:
        tastes.observe(tick)
    ledger = tastes.ledger(slot)
    if not len(ledger):
        return
    gone = int(ledger["id"][-min(back, len(ledger))])
    assert tastes.undo(slot, gone)
    without = crowd()
    for tick in history:
        without.observe(tick[tick["id"] != gone])
    np.testing.assert_array_equal(states(tastes), states(without))
    assert gone not in tastes.ledger(slot)["id"]
    assert not tastes.undo(slot, gone)


def test_undo_leaves_the_order_of_what_came_late_as_it_was():
    tastes, without = alone(), alone()
    for number, (value, at_s) in enumerate(((0.5, 10.0), (-0.5, -50.0), (0.2, 0.0), (0.9, -30.0))):
        tastes.observe(wish(value, id=number + 1, at_s=at_s))
        if number < 3:
            without.observe(wish(value, id=number + 1, at_s=at_s))
    assert tastes.undo(0, 4)
    np.testing.assert_array_equal(states(tastes, [0]), states(without, [0]))


def test_an_event_folded_away_can_no_longer_be_taken_back():
    tastes = alone()
    for number in range(EVENTS_KEPT + 1):
        tastes.observe(wish(0.1, id=number + 1, at_s=float(number)))
    before = states(tastes, [0])
    assert not tastes.undo(0, 1)
    np.testing.assert_array_equal(states(tastes, [0]), before)
    assert tastes.undo(0, 2)


@given(history=histories(most=300), slot=st.sampled_from(SLOTS))
def test_an_explanation_sums_to_the_taste(history, slot):
    tastes = crowd()
    for tick in history:
        tastes.observe(tick)
    told = tastes.explain(slot)
    np.testing.assert_allclose(
        np.sum([told.prior, told.older, *(each.change for each in told.entries)], axis=0),
        tastes.mean([slot])[0],
        rtol=0,
        atol=1e-12,
    )
    assert [entry.id for entry in told.entries] == tastes.ledger(slot)["id"].tolist()


def test_an_explanation_tells_who_moved_what():
    tastes = alone()
    tastes.heard.add(np.eye(D)[3] * 0.5)
    tastes.observe([event(Kind.LIKE, slot=0, at_s=0.0, id=1, heard=0), wish(-0.5, dimension=4, id=2)])
    like, wished = tastes.explain(0).entries
    assert like.dimension is None
    assert like.change[3] > 0.01
    assert wished.dimension == 4
    assert wished.change[4] < -0.3
    assert abs(like.change[4]) < abs(wished.change[4])


@given(history=histories(most=300))
def test_a_snapshot_goes_on_as_if_nothing_had_happened(history):
    tastes = crowd()
    middle = len(history) // 2
    for tick in history[:middle]:
        tastes.observe(tick)
    kept = tastes.snapshot()
    other = Tastes(Prior.neutral())
    other.join(3)
    other.restore(kept)
    assert other.slots().tolist() == list(SLOTS)
    assert other.snapshot() == kept
    other.heard.load(np.arange(MIXES, dtype=np.int32), tastes.heard.points)  # what later events refer to
    for tick in history[middle:]:
        tastes.observe(tick)
        other.observe(tick)
    np.testing.assert_array_equal(states(tastes), states(other))
    assert tastes.snapshot() == other.snapshot()
    for slot in SLOTS:
        assert [e.id for e in other.explain(slot).entries] == [e.id for e in tastes.explain(slot).entries]


def test_what_is_no_snapshot_is_refused_and_changes_nothing():
    tastes = crowd()
    tastes.observe(random_events(np.random.default_rng(1), 200))
    kept = tastes.snapshot()
    other = crowd(slots=[7])
    before = other.snapshot()
    for bad in (b"", b"PK", kept[: len(kept) // 2], kept[100:], kept.replace(b"slots", b"slats")):
        with pytest.raises(InvalidInput):
            other.restore(bad)
    assert other.snapshot() == before


def test_a_preset_takes_a_dimension_along_as_uncertain_as_it_was_at_first():
    tastes = crowd()
    tastes.observe(random_events(np.random.default_rng(6), 100))
    before = tastes.covariance([0])[0]
    moved = event(Kind.RECENTRE, slot=0, at_s=200.0, dimension=2, value=0.25)
    tastes.observe(moved)
    after = tastes.covariance([0])[0]
    assert tastes.mean([0])[0, 2] == 0.25
    assert tastes.certainty([0])[0, 2] == 0.0
    assert (np.delete(after[3], 3) == 0).all()
    others = np.ix_(*[[0, 1, 2, 4, 5, 6, 7, 8, 9, 10]] * 2)
    away = ~np.eye(D, dtype=bool)
    np.testing.assert_array_equal(after[others][away], before[others][away])


def test_the_target_strays_to_either_side_of_the_taste_where_least_is_known():
    tastes = alone()
    for dimension in range(D):
        if dimension != 4:
            tastes.observe(wish(0.2, dimension=dimension, at_s=0.0))
    targets = np.array([tastes.target(0, phrase) for phrase in range(8)])
    away = targets - tastes.target(0, 0, 0.0)
    assert np.abs(away).argmax(axis=1).tolist() == [4] * 8
    assert np.sign(away[:, 4]).tolist() == [1, 1, -1, -1, 1, 1, -1, -1]
    np.testing.assert_allclose(away[0], -away[2], atol=1e-12)


@given(
    history=histories(), phrase=st.integers(0, 2**40), mask=st.lists(st.booleans(), min_size=D, max_size=D)
)
def test_the_target_stays_in_range_and_strays_only_where_it_may(history, phrase, mask):
    tastes = crowd()
    for tick in history:
        tastes.observe(tick)
    strayed = tastes.targets(SLOTS, phrase, 3.0, mask)
    stayed = tastes.targets(SLOTS, phrase, 0.0)
    assert ((strayed >= LOW) & (strayed <= HIGH)).all()
    np.testing.assert_array_equal(strayed[:, ~np.array(mask)], stayed[:, ~np.array(mask)])
    np.testing.assert_array_equal(stayed, np.clip(tastes.mean(SLOTS), LOW, HIGH))
    np.testing.assert_array_equal(tastes.target(5, phrase, 3.0, mask), strayed[2])


def test_a_slot_is_used_again_as_if_nobody_had_been_there():
    tastes = crowd()
    tastes.observe(random_events(np.random.default_rng(7), 300))
    tastes.forget(5)
    assert 5 not in tastes
    for call in (tastes.forget, tastes.ledger, tastes.explain, lambda slot: tastes.mean([slot])):
        with pytest.raises(NotFound):
            call(5)
    tastes.join(5)
    np.testing.assert_array_equal(states(tastes, [5]), states(crowd(), [5]))
    assert len(tastes.ledger(5)) == 0
    with pytest.raises(InvalidInput):
        tastes.join(5)


def test_a_taste_that_was_kept_is_where_the_fan_starts():
    tastes = Tastes(Prior.neutral())
    tastes.join(0, np.full(D, 0.5), np.full(D, 0.004))
    np.testing.assert_array_equal(tastes.mean([0])[0], 0.5)
    np.testing.assert_allclose(tastes.variance([0])[0], 0.004)
    told = tastes.explain(0)
    np.testing.assert_array_equal(told.older, 0.5)
    tastes.join(1, np.zeros(D), np.full(D, 1e9))
    assert (tastes.certainty([1]) == 0.0).all()
    for mean, variance in (
        (np.full(D, 2.0), np.ones(D)), (np.zeros(D), np.zeros(D)), (np.zeros(3), np.ones(3)),
        (np.full(D, np.nan), np.ones(D)), (np.zeros(D), None),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            tastes.join(2, mean, variance)
    assert 2 not in tastes


def test_mixes_that_no_ledger_refers_to_make_room_for_others():
    tastes = crowd()
    tastes.observe(event(Kind.BETTER, slot=0, at_s=0.0, heard=3, before=9))
    points = tastes.heard.points[[3, 9, 11]].copy()
    assert tastes.free_heard(keep=[11, -1]) == MIXES - 3
    rows = tastes.heard.add(np.zeros((MIXES, D)))
    assert len(set(rows) | {3, 9, 11}) == len(rows) + 3
    assert len(tastes.heard.points) == MIXES + 3
    np.testing.assert_array_equal(tastes.heard.points[[3, 9, 11]], points)


def test_ten_to_the_five_fans_join_and_speak_at_once():
    tastes = Tastes(Prior.neutral())
    for slot in range(100_000):
        tastes.join(slot)
    events = np.zeros(100_000, EVENT)
    events["slot"], events["value"], events["weight"] = np.arange(100_000)[::-1], 0.5, 1.0
    tastes.observe(events)
    assert (tastes.mean(np.arange(100_000))[:, 0] > 0.3).all()
