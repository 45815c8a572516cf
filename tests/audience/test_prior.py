"""What is believed of a fan who says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.prior import DEVIATION_MIN, NEUTRAL_DEVIATION, Prior
from remixd.audience.space import D
from remixd.audience.utility import KAPPAS, REACH
from remixd.errors import InvalidInput


def test_a_large_sample_is_believed_less_its_noise():
    rng = np.random.default_rng(1)
    mean, axis = rng.uniform(-0.2, 0.2, D), np.eye(D)[2] + np.eye(D)[3]
    tastes = mean + rng.normal(0, 0.15, (4000, 1)) * axis  # vocals and drums go together
    observed = np.clip(tastes + rng.normal(0, 0.1, tastes.shape), -1, 1)
    prior = Prior.of(observed, np.full(observed.shape, 0.1**2))
    np.testing.assert_allclose(prior.mean[1:], mean, atol=0.02)
    truth, floor = 0.15**2 * np.outer(axis, axis), np.diag((DEVIATION_MIN * REACH) ** 2)
    np.testing.assert_allclose(prior.covariance[1:, 1:], truth + floor, atol=3e-3)


def test_a_small_sample_is_hardly_believed():
    one_sided = np.full((3, D), 0.8)
    prior = Prior.of(one_sided, np.full((3, D), 0.5))
    assert (prior.mean[1:] < 0.5).all()
    assert (np.diag(prior.covariance)[1:] > 0.7 * (NEUTRAL_DEVIATION * REACH) ** 2).all()
    np.testing.assert_array_equal(Prior.of(one_sided[:1], np.ones((1, D))).mean, Prior.neutral().mean)


@given(seed=st.integers(0, 2**32), count=st.integers(0, 60), noise=st.sampled_from([1e-9, 0.1, 5.0]))
def test_a_prior_of_any_sample_is_sound(seed, count, noise):
    rng = np.random.default_rng(seed)
    tastes = np.clip(rng.normal(0, 1, (count, D)) * rng.choice([0.0, 1.0, 100.0], D), -1, 1)
    prior = Prior.of(tastes, np.full((count, D), noise))
    assert np.linalg.eigvalsh(prior.covariance)[0] > 0
    in_reaches = prior.covariance[1:, 1:] / np.outer(REACH, REACH)
    assert np.linalg.eigvalsh(in_reaches)[0] > 0.99 * DEVIATION_MIN**2


def test_c_goes_with_the_ideal_as_drawn_tastes_say():
    rng = np.random.default_rng(2)
    mean, covariance = np.linspace(-0.4, 0.4, D) * REACH, np.diag(np.linspace(0.01, 0.1, D)) + 0.005
    covariance *= np.outer(REACH, REACH)
    drawn = rng.multivariate_normal(mean, covariance, 400_000)
    prior = Prior.about(mean, covariance)
    ease = -(drawn**2) @ KAPPAS
    assert prior.mean[0] - 1.0 == pytest.approx(ease.mean(), abs=0.01)
    assert prior.covariance[0, 0] - 1.0 == pytest.approx(ease.var(), rel=0.02)
    joint = np.cov(np.column_stack([ease, drawn]), rowvar=False)
    np.testing.assert_allclose(prior.covariance[0, 1:], joint[0, 1:], atol=3e-3)


def test_what_is_no_prior_is_refused():
    good = Prior.neutral()
    for mean, covariance in (
        (good.mean[1:], good.covariance), (good.mean, good.covariance[1:]), (good.mean + 2, good.covariance),
        (good.mean, -good.covariance), (good.mean * np.nan, good.covariance),
        (good.mean, good.covariance + np.eye(D + 1, k=1)),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            Prior(mean, covariance)
    for tastes, variances in (
        (np.full((9, D), 2.0), np.ones((9, D))), (np.zeros((9, D)), np.zeros((9, D))),
        (np.zeros((9, D - 1)), np.ones((9, D - 1))), (np.zeros((9, D)), np.full((9, D), np.inf)),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            Prior.of(tastes, variances)
