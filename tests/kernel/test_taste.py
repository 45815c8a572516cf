"""The kernel's filter against the formulas on plain matrices, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from tastes import MIXES, SLOTS, Reference, crowd, histories, in_order, random_events, some_prior

from remixd._kernel import taste as kernel
from remixd.audience.ledger import EVENT
from remixd.audience.space import D
from remixd.audience.utility import Kind
from remixd.errors import InvalidInput


def test_the_kernel_has_the_dimensions_of_the_table_and_the_layout_of_an_event():
    assert kernel.DIMENSIONS == D
    assert EVENT.itemsize == kernel.EVENT_BYTES


def test_what_is_known_of_a_fan_takes_at_most_a_kilobyte():
    assert kernel.STATE_BYTES <= 1024


@given(history=histories())
def test_states_are_those_of_the_formulas(history):
    prior = some_prior()
    tastes = crowd(prior)
    expected = {slot: Reference(prior) for slot in SLOTS}
    for tick in history:
        tastes.observe(tick)
        for event in in_order(tick):
            expected[event["slot"]].observe(event, tastes.heard.points)
    for slot, reference in expected.items():
        np.testing.assert_allclose(tastes.mean([slot])[0], reference.mean[1:], rtol=0, atol=1e-9)
        np.testing.assert_allclose(tastes.covariance([slot])[0], reference.covariance, rtol=0, atol=1e-9)


def test_states_stay_sound_through_a_hundred_thousand_events_of_any_kind():
    rng = np.random.default_rng(3)
    tastes = crowd()
    for span_s in (0.0, 1.0, 1e3, 1e9, 1e300):
        for _ in range(20):
            tastes.observe(random_events(rng, 1000, span_s=span_s))
            covariances = tastes.covariance(SLOTS)
            assert np.linalg.eigvalsh(covariances).min() > 1e-12
            assert np.abs(tastes.mean(SLOTS)).max() <= 1.0
            assert tastes.certainty(SLOTS).max() < 1.0


def test_a_flood_of_one_and_the_same_event_leaves_a_sound_state():
    for kind in Kind:
        tastes = crowd(slots=[0])
        flood = np.repeat(random_events(np.random.default_rng(4), 1, slots=[0]), 50_000)
        flood["kind"], flood["value"], flood["weight"], flood["at_s"] = kind, 1.0, 1.0, 0.0
        tastes.observe(flood)
        assert np.linalg.eigvalsh(tastes.covariance([0])[0])[0] > 0.0
        assert np.isfinite(tastes.mean([0])).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot", 2), ("slot", -1), ("slot", 2**31 - 1), ("kind", len(Kind)), ("dimension", D),
        ("value", np.nan), ("value", np.inf), ("value", 1.001), ("weight", np.nan), ("weight", -0.1),
        ("weight", 1.1),
        ("at_s", np.nan), ("at_s", -np.inf), ("heard", -1), ("heard", MIXES), ("before", MIXES),
    ],
)  # fmt: skip
def test_a_bad_event_is_refused_and_nothing_of_its_tick_is_learnt(field, value):
    tastes = crowd()
    events = random_events(np.random.default_rng(5), 40)
    events["kind"][-1] = Kind.WISH if field == "dimension" else Kind.BETTER
    events[field][-1] = value
    before = tastes.snapshot()
    with pytest.raises(InvalidInput, match=r"events\[39\]"):
        tastes.observe(events)
    assert tastes.snapshot() == before


def test_the_kernel_refuses_arrays_of_another_shape():
    good = [np.ones(count) for count in (78, 12, 12, D, D, D + 1)]
    for place in range(len(good)):
        arrays = [array[:-1] if place == at else array for at, array in enumerate(good)]
        with pytest.raises(ValueError, match="shape"):
            kernel.Fans(*arrays, 0.0)
    fans = kernel.Fans(*good, 0.0)
    fans.join(0)
    for slot in (-1, 2**20):
        with pytest.raises(ValueError, match="slot"):
            fans.join(slot)
    with pytest.raises(ValueError, match="size"):
        fans.observe(np.zeros(47, np.uint8), np.zeros((0, D)))
    with pytest.raises(ValueError, match="shape"):
        fans.observe(np.zeros(48, np.uint8), np.zeros((1, D - 1)))
    with pytest.raises(ValueError, match="shape"):
        fans.join(1, np.zeros(77))
    with pytest.raises(ValueError, match="no event"):
        fans.undo(0, 0, np.zeros((0, D)))
