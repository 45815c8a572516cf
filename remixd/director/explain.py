"""Why the director moves as it does, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from remixd.audience.told import Part
from remixd.mix import DIMENSIONS

HELD: Final[Mapping[str, str]] = {
    "dj": "the DJ holds it there",
    "rights": "the rights of this track hold it there",
    "preset": "the presets hold it there",
    "slew": "it is on its way",
}


def told(name: str, value: float) -> str:
    """A value of a dimension, for a person."""
    unit = DIMENSIONS[name].unit
    shown = f"{value:.3g}"
    return shown if unit in ("ratio", "amount") else f"{shown} {unit}"


def why_moved(name: str, because: str, wanted: float, value: float) -> str:
    """Why a dimension moves to `value` on its way to what is wanted."""
    row = DIMENSIONS[name]
    return because if value == wanted else f"{because}, by at most {row.slew.told(row.unit)}"


def why_wanted(name: str, fans: int, wanted: float, how: str = "") -> str:
    """What so many fans want of a dimension, `how` being how that was found."""
    if how == "trial":
        return f"{name} at {told(name, wanted)} is tried out, beside what the fan likes"
    if how == "taste":
        return f"the fan's taste has {name} at {told(name, wanted)}"
    if fans == 1:
        return f"a fan wishes {name} at {told(name, wanted)}"
    return f"{fans} fans together want {name} at {told(name, wanted)}" + (f" ({how})" if how else "")


def why_back(name: str, centre: float) -> str:
    """Why a dimension goes where the presets have it."""
    return f"nobody wants anything else: {name} goes back to {told(name, centre)}"


def why_still(name: str, now: float, *, is_held: bool = False) -> str:
    """Why a dimension does not move."""
    if is_held:
        return f"{name} stays at {told(name, now)}: the DJ holds it; the wish counts, and is shown"
    return f"{name} is at {told(name, now)}, which is what the fans wish together"


def how_to_go(name: str, steps: int) -> str:
    """How the director will go about a wish that takes `steps` steps."""
    row = DIMENSIONS[name]
    if steps <= 1:
        return f"{name} at the next {row.slew.every}"
    return f"{name} by {row.slew.told(row.unit)}: {steps} {row.slew.every}s"


def why_held(name: str, low: float, high: float) -> str:
    """Why a wish was moved into what the director may reach."""
    return f"the director keeps {name} near its preset: {low:.3g} to {high:.3g}"


def in_words(name: str, value: float, parts: Sequence[Part], moved: str, held_by: str) -> str:
    """Why a dimension is as it is: "drums at 1.8 dB: 3 likes while drums was high +1.3; ..."."""
    row = DIMENSIONS[name]
    sums = [f"{part.what} {part.change:+.2g}" for part in sorted(parts, key=lambda part: -abs(part.change))]
    reasons = "; ".join(sums) or moved or ("the presets" if value != row.neutral else "the artist's own")
    held = HELD.get(held_by, "")
    return f"{name} at {told(name, value)}: {reasons}" + (f" ({held})" if held else "")
