"""What is told of an audience: tastes, reasons, crowds, plans. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TasteTold:
    """What is believed of one fan.

    Attributes:
        values: what the fan likes best, of each dimension in its unit.
        certainty: of each, from 0, nothing is known, to 1.
        signals: how many of the fan's signals count.
        consent: what may be kept: `session` or `taste`.
        exploring: whether the mix may try out what the fan might like.
    """

    fan: str
    values: Mapping[str, float]
    certainty: Mapping[str, float]
    signals: int
    consent: str
    exploring: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One reason among others, as in "three likes while drums were loud +1.3".

    Attributes:
        what: in words.
        change: how far it moves the dimension, in its unit.
        signals: the ids that it comes from, as far as they are known still.
    """

    what: str
    change: float
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why one dimension is as it is.

    Attributes:
        value: what is given now, in the dimension's unit.
        wanted: what the fans want, before rights, the DJ and the slew.
        centre: what the presets have.
        parts: reasons; their changes add up to `wanted` less what it would be without any fan.
        held_by: who keeps it from what is wanted: `rights`, `dj`, `preset`, `slew`; empty if nobody does.
        because: all of it in one sentence.
    """

    dimension: str
    value: float
    wanted: float
    centre: float
    parts: tuple[Part, ...]
    held_by: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was dropped of a fan: how many sessions knew them, their signals; and what remains, in words."""

    sessions: int
    signals: int
    taste: bool
    remains: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdDimension:
    """What a crowd wants of one dimension.

    Attributes:
        fans: how many want something of it.
        wanted: in its unit.
        how: `median`, `peak` (two peaks are served in turns), or `artist` if nobody wants anything.
        peaks: both peaks, in its unit; empty if there is one.
        histogram: shares of the weight in equal bins of taste space, -1 to 1; 32, or none.
        held_by: as in `Explained`.
    """

    dimension: str
    fans: int
    wanted: float
    how: str
    peaks: tuple[float, ...]
    histogram: tuple[float, ...]
    held_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdTold:
    """A crowd, as it may be shown: from 50 fans up; to the DJ always.

    Attributes:
        fans: that have a live ballot.
        alarms: suspected brigading, in words.
        polls: of each contest, its options and their shares of the live votes.
    """

    fans: int
    dimensions: tuple[CrowdDimension, ...]
    alarms: tuple[str, ...]
    polls: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """A move of a dry run: where on the session clock, from what to what, and why; the frames it takes."""

    sample: int
    dimension: str
    before: float
    value: float
    because: str
    ramp_frames: int = 0
