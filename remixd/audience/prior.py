"""What is believed of a fan who says nothing: the tastes of those who spoke, made cautious.

Pure; Thread: [control].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.audience.space import D, Floats, check_points
from remixd.audience.utility import EASE_DEVIATION, EASE_MEAN, KAPPAS, REACH
from remixd.errors import InvalidInput

NEUTRAL_DEVIATION: Final = 0.4
"""Of tastes about the artist's mix, where nothing is known; in reaches."""

PSEUDO_FANS: Final = 2.0 * D
"""How many fans the neutral prior counts for against a sample."""

DEVIATION_MIN: Final = 0.05
"""No direction of taste space is more certain than this of somebody who said nothing; in reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A Gaussian over [c, p_1 .. p_D]: see the kernel's `taste`.

    Attributes:
        mean: float64 (D + 1,); the last D in [-1, 1].
        covariance: float64 (D + 1, D + 1), symmetric and positive definite.

    Raises InvalidInput for anything else.
    """

    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        if self.mean.shape != (D + 1,) or self.covariance.shape != (D + 1, D + 1):
            raise InvalidInput(f"a prior has {D} dimensions and c")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise InvalidInput("a prior holds what is not finite")
        if np.abs(self.mean[1:]).max() > 1.0:
            raise InvalidInput("a prior lies outside taste space")
        if not np.allclose(self.covariance, self.covariance.T) or np.linalg.eigvalsh(self.covariance)[0] <= 0:
            raise InvalidInput("a prior's covariance is not positive definite")

    @classmethod
    def neutral(cls) -> Prior:
        """Nothing is known: about the artist's mix, every dimension for itself."""
        return cls.about(np.zeros(D), np.diag(_neutral()))

    @classmethod
    def about(cls, mean: Floats, covariance: Floats) -> Prior:
        """Of fans whose ideals p have this mean (D,) and covariance (D, D).

        The state's c takes in -kappa |p|^2, so it goes with p: these are the moments of a quadratic form of
        a Gaussian (Mathai and Provost 1992, "Quadratic Forms in Random Variables", theorem 3.2b.2).
        """
        along = KAPPAS[:, None] * covariance
        joint = np.empty((D + 1, D + 1))
        joint[1:, 1:] = covariance
        joint[0, 1:] = joint[1:, 0] = -2.0 * (KAPPAS * mean) @ covariance
        of_square = 2.0 * np.trace(along @ along) + 4.0 * (KAPPAS * mean) @ covariance @ (KAPPAS * mean)
        joint[0, 0] = EASE_DEVIATION**2 + of_square
        ease = EASE_MEAN - KAPPAS @ (mean**2 + np.diag(covariance))
        return cls(np.concatenate([[ease], mean]), joint)

    @classmethod
    def of(cls, tastes: Floats, variances: Floats) -> Prior:
        """Of a population, by a sample of it that was observed with noise.

        Args:
            tastes: float64 (n, D) in [-1, 1]: what each fan of the sample seems to like best.
            variances: float64 (n, D), above 0: how uncertain that is.

        The covariance is that of the sample, its correlations shrunk, less the mean noise; shrunk towards the
        neutral one as if that came from `PSEUDO_FANS` more (the posterior under an inverse-Wishart prior); no
        direction is left narrower than `DEVIATION_MIN`. Raises InvalidInput for other arrays.
        """
        tastes = check_points(tastes)
        variances = np.ascontiguousarray(variances, np.float64)
        if variances.shape != tastes.shape or not (np.isfinite(variances).all() and (variances > 0).all()):
            raise InvalidInput("every taste of a sample has a variance above 0")
        count = len(tastes)
        if count < 2:
            return cls.neutral()
        precisions = 1.0 / (variances + _neutral())
        mean = (precisions * tastes).sum(axis=0) / (precisions.sum(axis=0) + 1.0 / _neutral())
        spread = _floored(_related(tastes) - np.diag(variances.mean(axis=0)), 0.0)
        shrunk = (count * spread + PSEUDO_FANS * np.diag(_neutral())) / (count + PSEUDO_FANS)
        scale = np.outer(REACH, REACH)
        return cls.about(mean, _floored(shrunk / scale, DEVIATION_MIN**2) * scale)


def _neutral() -> Floats:
    """The variance (D,) of tastes of which nothing is known."""
    return (NEUTRAL_DEVIATION * REACH) ** 2


def _related(tastes: Floats) -> Floats:
    """The covariance of a sample (n, D), with correlations only as far as the sample is sure of them.

    Schaefer and Strimmer 2005, "A shrinkage approach to large-scale covariance matrix estimation", target D.
    """
    count = len(tastes)
    covariance = np.cov(tastes, rowvar=False)
    deviations = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    scaled = (tastes - tastes.mean(axis=0)) / deviations
    products = scaled[:, :, None] * scaled[:, None, :]
    away = ~np.eye(D, dtype=np.bool_)
    correlations = products.sum(axis=0) / (count - 1)
    doubts = products.var(axis=0) * count**2 / (count - 1) ** 3
    keep = 1.0 - min(1.0, doubts[away].sum() / max((correlations[away] ** 2).sum(), 1e-12))
    shrunk: Floats = np.where(away, keep * covariance, covariance)
    return shrunk


def _floored(covariance: Floats, least: float) -> Floats:
    """The covariance with no eigenvalue below `least`."""
    widths, directions = np.linalg.eigh((covariance + covariance.T) / 2.0)
    floored: Floats = (directions * np.maximum(widths, least)) @ directions.T
    return (floored + floored.T) / 2.0
