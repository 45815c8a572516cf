"""What is believed of a fan who says nothing: the tastes of those who spoke, made cautious.

Pure; Thread: [control].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.audience.space import D, Floats, check_points
from remixd.audience.utility import EASE_DEVIATION, EASE_MEAN, KAPPA
from remixd.errors import InvalidInput

NEUTRAL_DEVIATION: Final = 0.4
"""Of tastes about the artist's mix, where nothing is known."""

PSEUDO_FANS: Final = 2.0 * D
"""How many fans the neutral prior counts for against a sample."""

DEVIATION_MIN: Final = 0.05
"""No direction of taste space is taken to be more certain than this of somebody who said nothing."""


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
        return cls.about(np.zeros(D), np.eye(D) * NEUTRAL_DEVIATION**2)

    @classmethod
    def about(cls, mean: Floats, covariance: Floats) -> Prior:
        """Of fans whose ideals p have this mean (D,) and covariance (D, D).

        The state's c takes in -kappa |p|^2, so it goes with p: these are the moments of a quadratic form of
        a Gaussian (Mathai and Provost 1992, "Quadratic Forms in Random Variables", theorem 3.2b.2).
        """
        joint = np.empty((D + 1, D + 1))
        joint[1:, 1:] = covariance
        joint[0, 1:] = joint[1:, 0] = -2.0 * KAPPA * covariance @ mean
        of_square = 2.0 * np.trace(covariance @ covariance) + 4.0 * mean @ covariance @ mean
        joint[0, 0] = EASE_DEVIATION**2 + KAPPA**2 * of_square
        ease = EASE_MEAN - KAPPA * (mean @ mean + np.trace(covariance))
        return cls(np.concatenate([[ease], mean]), joint)

    @classmethod
    def of(cls, tastes: Floats, variances: Floats) -> Prior:
        """Of a population, by a sample of it that was observed with noise.

        Args:
            tastes: float64 (n, D) in [-1, 1]: what each fan of the sample seems to like best.
            variances: float64 (n, D), above 0: how uncertain that is.

        The covariance is that of the sample less the mean noise, shrunk towards the neutral one as if that
        came from `PSEUDO_FANS` more (the posterior under an inverse-Wishart prior), and no direction is left
        narrower than `DEVIATION_MIN`. Raises InvalidInput for other arrays.
        """
        tastes = check_points(tastes)
        variances = np.ascontiguousarray(variances, np.float64)
        if variances.shape != tastes.shape or not (np.isfinite(variances).all() and (variances > 0).all()):
            raise InvalidInput("every taste of a sample has a variance above 0")
        count = len(tastes)
        if count < 2:
            return cls.neutral()
        precisions = 1.0 / (variances + NEUTRAL_DEVIATION**2)
        mean = (precisions * tastes).sum(axis=0) / (precisions.sum(axis=0) + NEUTRAL_DEVIATION**-2)
        spread = _floored(np.cov(tastes, rowvar=False) - np.diag(variances.mean(axis=0)), 0.0)
        neutral = np.eye(D) * NEUTRAL_DEVIATION**2
        shrunk = (count * spread + PSEUDO_FANS * neutral) / (count + PSEUDO_FANS)
        return cls.about(mean, _floored(shrunk, DEVIATION_MIN**2))


def _floored(covariance: Floats, least: float) -> Floats:
    """The covariance with no eigenvalue below `least`."""
    widths, directions = np.linalg.eigh((covariance + covariance.T) / 2.0)
    floored: Floats = (directions * np.maximum(widths, least)) @ directions.T
    return (floored + floored.T) / 2.0
