"""A crowd: what many fans want, as one mix. Pure, time is an argument; Thread: [control].

Of each dimension the goal is the weighted median of the live ballots and one of the artist (`histogram`); a
crowd of two minds is served in turns (`peaks`), brigades are damped (`brigade`). Everything is in taste
space, [-1, 1], in the order of the table of dimensions. What comes out depends on the ballots, the sections
and the seed, never on the order in which ballots of one moment came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd.audience.ballots import ONE, Ballots, Mask
from remixd.audience.brigade import Alarm, Guard
from remixd.audience.histogram import (
    BINS,
    FINE_BINS,
    Units,
    Weights,
    coarse,
    quantile_ranks,
    values_at,
)
from remixd.audience.packing import pack, unpack
from remixd.audience.peaks import Turns
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS

EXPIRES_S: Final = 120.0
"""A ballot counts for so long, in full; fading would not make the goal steadier (DECISIONS.md)."""

UNVERIFIED_WEIGHT: Final = 0.2
"""Of a fan of whom nobody knows that it is one. Among themselves such fans count in full."""

PUBLIC_FANS_MIN: Final = 50
"""Of fewer fans nothing is told in public."""

NAMES: Final = tuple(DIMENSIONS)

How = Literal["artist", "median", "low", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a crowd stands to one dimension. Values are in taste space.

    Attributes:
        name: of the dimension.
        how: whence the goal comes: from the artist, since nobody has an opinion; the median of all; or that
            of the lower or upper side of a crowd of two minds, whose turn it is.
        goal: where it should be.
        fans: how many have an opinion.
        weight: theirs together; a verified fan who is sure has 1.
        spread: half the distance between the quartiles of what they want.
        peaks: the medians of both sides, the lower first; None if the crowd is of one mind.
        low_share: the lower side's share of the weight; 0 without peaks.
    """

    name: str
    how: How
    goal: float
    fans: int = 0
    weight: float = 0.0
    spread: float = 0.0
    peaks: tuple[float, float] | None = None
    low_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a crowd wants in a section.

    Attributes:
        standings: how it stands to each dimension, in the order of the table.
        alarms: brigades that are damped, for the DJ.
    """

    standings: tuple[Standing, ...]
    alarms: tuple[Alarm, ...]

    @property
    def goal(self) -> Units:
        """(D,) in taste space."""
        return np.array([each.goal for each in self.standings])

    @property
    def values(self) -> dict[str, float]:
        """The goal in each dimension's unit, by its name."""
        return {each.name: DIMENSIONS[each.name].from_unit(each.goal) for each in self.standings}


class Crowd:
    """The ballots of a session's fans, and what they come to.

    A fan has a slot, a small number that the caller gives it. Slots of fans who left are given anew after
    `withdraw`.

    Args:
        artist: (D,) the artist's own wish, in taste space: the centre of the presets.
        seed: decides what nothing else does.

    Raises InvalidInput as `recentre`.
    """

    def __init__(self, artist: ArrayLike, seed: int) -> None:
        self._artist = _checked_artist(artist)
        self._ballots = Ballots(len(NAMES))
        self._guard = Guard(NAMES)
        self._turns = Turns(len(NAMES), seed)

    def cast(self, slots: ArrayLike, values: ArrayLike, weights: ArrayLike, at_s: ArrayLike) -> Mask:
        """Let these be the ballots of fans; those that they had are gone.

        Args:
            slots: (n,) who. Of several ballots of one fan the last by `at_s` counts, of those at one moment
                the one of the greater values, dimension by dimension: their order does not matter.
            values: (n, D) in [-1, 1]; what is wanted.
            weights: (n, D) in [0, 1]; 0 for no opinion. Thousandths count.
            at_s: (n,), or one for all: when.

        Returns (n,) which were taken; the others had been replaced by later ones already.
        Raises InvalidInput for what is out of range or not finite, Exhausted for slots beyond SLOTS_MAX: then
        nothing changes.
        """
        return self._ballots.cast(slots, values, weights, at_s)

    def withdraw(self, slots: ArrayLike) -> None:
        """Forget fans and their ballots, those unknown as well. Raises InvalidInput if they are no slots."""
        self._ballots.withdraw(slots)

    def expire(self, now_s: float) -> None:
        """Take away ballots older than EXPIRES_S; those of the future become those of now.

        So a clock that jumps back holds up nobody. Raises InvalidInput if the time is not finite.
        """
        if not math.isfinite(now_s):
            raise InvalidInput("the time is not finite")
        self._ballots.expire(now_s, EXPIRES_S)

    def recentre(self, artist: ArrayLike, moved: ArrayLike) -> None:
        """Another preset: take away the opinions on dimensions that it moved.

        Args:
            artist: (D,) its centre, in [-1, 1].
            moved: (D,) which dimensions it moved.

        Raises InvalidInput for another shape, or values out of range: then nothing changes.
        """
        centre, rows = _checked_artist(artist), np.asarray(moved)
        if rows.shape != (len(NAMES),) or rows.dtype != np.bool_:
            raise InvalidInput(f"what was moved is told of {len(NAMES)} dimensions")
        self._artist = centre
        for row in np.flatnonzero(rows):
            self._ballots.empty(int(row))

    def decide(self, now_s: float, section: int) -> Decision:
        """What the crowd wants now.

        Args:
            now_s: on the clock of the ballots.
            section: of the music, any number: turns of a crowd of two minds go over when it changes.

        Raises InvalidInput if the time is not finite.
        """
        self.expire(now_s)
        alarms = self._guard.watch(self._ballots, self._artist, now_s)
        self._turns.advance(self.histogram(), self._ballots.fans.sum(axis=1), section)
        return Decision(standings=tuple(map(self._standing, range(len(NAMES)))), alarms=alarms)

    @property
    def live_fans(self) -> int:
        """How many fans have a ballot."""
        return int(np.count_nonzero(np.isfinite(self._ballots.at_s)))

    def histogram(self) -> Weights:
        """(D, BINS) thousandths of weight by value: what another machine needs to know."""
        return coarse(self._ballots.fine)

    def _standing(self, row: int) -> Standing:
        ballots, name = self._ballots, NAMES[row]
        total = int(ballots.fine[row].sum())
        if not total:
            return Standing(name=name, how="artist", goal=float(self._artist[row]))
        low, high = values_at(ballots.fine[row], quantile_ranks(total, 0.25, 0.75))
        split = self._turns.splits[row]
        how: How = "median"
        peaks = None
        if split is None:
            goal = self._middle(row, 0, FINE_BINS)
        else:
            edge = split.edge * (FINE_BINS // BINS)
            peaks = (self._middle(row, 0, edge), self._middle(row, edge, FINE_BINS))
            how = "high" if self._turns.high[row] else "low"
            goal = peaks[how == "high"]
        return Standing(
            name=name,
            how=how,
            goal=goal,
            fans=int(ballots.fans[row].sum()),
            weight=total / ONE,
            spread=(high - low) / 2,
            peaks=peaks,
            low_share=split.low_share if split else 0.0,
        )

    def _middle(self, row: int, start: int, end: int) -> float:
        """The median of the opinions in fine bins, some at least, and of the artist's."""
        return self._ballots.middle(row, float(self._artist[row]), slice(start, end))

    def snapshot(self) -> dict[str, Any]:
        """All of it but the seed, in JSON's types."""
        return {
            "artist": pack(self._artist),
            "ballots": self._ballots.to_json(),
            "guard": self._guard.to_json(),
            "turns": self._turns.to_json(),
        }

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` wrote, with the same seed. Raises KeyError, TypeError or ValueError."""
        self._artist = unpack(plain["artist"], np.float64, len(NAMES))
        self._ballots.restore(plain["ballots"])
        self._guard.restore(plain["guard"])
        self._turns.restore(plain["turns"])


def _checked_artist(artist: ArrayLike) -> NDArray[np.float64]:
    centre = np.array(artist, np.float64)
    if centre.shape != (len(NAMES),) or not (np.abs(centre) <= 1.0).all():
        raise InvalidInput(f"the artist's wish is {len(NAMES)} values within -1 to 1")
    return centre
