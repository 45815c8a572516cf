"""What the client sends and answers with about audiences: frozen and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remixd.audience.signal import Consent
from remixd.mix import When


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a fan wrote, in place of a `Signal`: a text or an emoji, which the daemon reads.

    Attributes:
        id: made by the sender; what becomes of it is told under it.
        text: at most 200 characters, in English or Korean, such as "more dreamy, less drums".
        emoji: one of the table in the README.
        age_s: how long ago it was.
        consent: what may be kept of it: "session" or "taste".
        verified: whether the sender vouches for the fan being one person.
    """

    id: str
    fan: str = ""
    text: str = ""
    emoji: str = ""
    at: When = "now"
    age_s: float = 0.0
    consent: Consent = "session"
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What is believed of one fan.

    Attributes:
        values: what the fan likes best, of each dimension in its unit.
        certainty: of each, from 0, nothing is known, to 1.
        signals: how many of the fan's signals count.
        consent: what may be kept: "session" or "taste".
        exploring: whether the mix may try out what the fan might like.
    """

    fan: str
    values: Mapping[str, float]
    certainty: Mapping[str, float]
    signals: int
    consent: str
    exploring: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason among others: how far it moves the dimension, and the signals that it comes from."""

    what: str
    change: float
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why one dimension is as it is.

    Attributes:
        value: what is given now, in the dimension's unit.
        wanted: what the fans want, before rights, the DJ and the slew.
        centre: what the presets have.
        reasons: their changes add up to `wanted` less what it would be without any fan.
        held_by: who keeps it from what is wanted: "rights", "dj", "preset" or "slew"; empty if nobody does.
        because: all of it in one sentence.
    """

    dimension: str
    value: float
    wanted: float
    centre: float
    reasons: tuple[Reason, ...]
    held_by: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was dropped of a fan: in how many sessions, how many signals; and what remains, in words."""

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
        how: "median"; "peak", one of two that are served in turns; "artist", if nobody wants anything.
        peaks: both, in its unit; none if there is one.
        histogram: shares of the weight in 32 equal bins of taste space, or none.
        held_by: as in `Explanation`.
    """

    dimension: str
    fans: int
    wanted: float
    how: str
    peaks: tuple[float, ...]
    histogram: tuple[float, ...]
    held_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What a crowd wants.

    Attributes:
        fans: how many have a live ballot.
        alarms: suspected brigading.
        polls: of each contest, its options and their shares of the live votes.
        hidden: why it is not shown, and nothing else stands here; empty if it is.
    """

    fans: int = 0
    dimensions: tuple[CrowdDimension, ...] = ()
    alarms: tuple[str, ...] = ()
    polls: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    hidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """A move that would be made: where on the session's clock, from what to what, and why."""

    sample: int
    dimension: str
    before: float
    value: float
    because: str
