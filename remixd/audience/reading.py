"""From signals to the events that tastes learn from. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from remixd.audience.signal import Signal
from remixd.audience.utility import PHRASE_S, Kind
from remixd.mix import DIMENSIONS

NUDGES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "tempo": 0.02, "pitch": 1.0, "vocals": 3.0, "drums": 3.0, "bass": 3.0, "other": 3.0,
        "brightness": 2.0, "space": 0.1, "drive": 0.1, "density": 0.25,
    }
)  # fmt: skip
"""One step of a direction, in the dimension's unit; tempo: a share."""

WHOLE_VOLUME_DB: Final = 6.0
"""Turning the volume by this much says as much as it can."""

_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "like": Kind.LIKE, "love": Kind.LOVE, "dislike": Kind.DISLIKE, "skip": Kind.SKIP,
        "replay": Kind.REPLAY, "better": Kind.BETTER, "worse": Kind.WORSE, "dwell": Kind.DWELL,
    }
)  # fmt: skip


def id_of(fan: str, signal_id: str) -> int:
    """A fan's signal as ledgers keep it: 64 bits, never 0."""
    return int.from_bytes(blake2b(f"{fan}\n{signal_id}".encode(), digest_size=8).digest(), "little") or 1


def judged(signal: Signal) -> tuple[Kind, float] | None:
    """The kind of what a reaction says of the mix, and how much of it, 0 to 1; None if it judges nothing."""
    if signal.reaction == "volume":
        kind = Kind.VOLUME_UP if signal.amount > 0.0 else Kind.VOLUME_DOWN
        weight = min(abs(signal.amount) / WHOLE_VOLUME_DB, 1.0)
        return (kind, weight) if weight else None
    kind_of = _KINDS.get(signal.reaction)
    if kind_of is None:
        return None
    if kind_of is Kind.DWELL:
        weight = min(signal.amount / PHRASE_S, 1.0)
        return (kind_of, weight) if weight else None
    return kind_of, 1.0


def stepped(name: str, value: float, steps: float) -> float:
    """A value of a dimension so many steps further, inside the table's range."""
    row, nudge = DIMENSIONS[name], NUDGES[name]
    return row.clamp(value * (1.0 + nudge) ** steps if row.slew.is_ratio else value + nudge * steps)


def wished(signal: Signal, heard: Mapping[str, float], stated: Mapping[str, float]) -> dict[str, float]:
    """The values that a signal wishes, its directions counted from what is heard.

    Two steps one way before the mix has moved go twice as far: where what the fan stated last lies further
    that way than what is heard, it is counted from there.
    """
    values = dict(signal.wishes)
    for name, steps in signal.directions.items():
        here = heard[name]
        before = stated.get(name, here)
        values[name] = stepped(name, max(here, before) if steps > 0.0 else min(here, before), steps)
    return values


CADENCE_SHARE: Final = 0.08
"""How far from its own tempo a song may go to meet a cadence."""


def cadence_tempo(steps_a_minute: float, bpm: float) -> float | None:
    """The tempo, a ratio, at which every, every second or half a step falls on a beat; None if too far."""
    ratios = [steps_a_minute * factor / bpm for factor in (0.5, 1.0, 2.0)]
    nearest = min(ratios, key=lambda ratio: abs(ratio - 1.0))
    return nearest if abs(nearest - 1.0) <= CADENCE_SHARE else None
