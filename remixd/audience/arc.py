"""An energy arc: how lively a session is to be over time. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from remixd.errors import InvalidInput

Arc = tuple[tuple[float, float], ...]
"""Points: seconds of sound after the arc began, rising; and energy, from 0, calm, to 1."""

POINTS_MAX: Final = 64
AFTER_S_MAX: Final = 86_400.0


def check_arc(points: Iterable[tuple[float, float]]) -> Arc:
    """The points of an arc as they are.

    Raises InvalidInput if there are more than `POINTS_MAX`, an energy is not 0 to 1, a time is not 0 to
    `AFTER_S_MAX`, or times do not rise.
    """
    arc = tuple(points)
    if len(arc) > POINTS_MAX:
        raise InvalidInput(f"arc has {len(arc)} points; at most {POINTS_MAX} are taken", field="arc")
    before_s = -1.0
    for index, (after_s, energy) in enumerate(arc):
        if not 0.0 <= after_s <= AFTER_S_MAX:
            raise InvalidInput(
                f"arc[{index}].after_s goes from 0 to {AFTER_S_MAX:g} s, not {after_s:g}", field="arc"
            )
        if not 0.0 <= energy <= 1.0:
            raise InvalidInput(f"arc[{index}].energy goes from 0 to 1, not {energy:g}", field="arc")
        if after_s <= before_s:
            raise InvalidInput(
                f"arc[{index}].after_s does not rise: {after_s:g} s follows {before_s:g} s", field="arc"
            )
        before_s = after_s
    return arc


def parse_arc(text: str) -> Arc:
    """Read `AFTER_S:ENERGY,...`, such as `0:0.3,600:0.8`; empty for no arc.

    Raises InvalidInput for another form, and as `check_arc` does.
    """
    points: list[tuple[float, float]] = []
    for word in text.split(",") if text.strip() else ():
        after, colon, energy = word.partition(":")
        try:
            points.append((float(after), float(energy)))
        except ValueError:
            colon = ""
        if not colon:
            raise InvalidInput(f"arc: {word.strip()[:40]!r} is not SECONDS:ENERGY", field="arc")
    return check_arc(points)


def arc_text(points: Iterable[tuple[float, float]]) -> str:
    """What `parse_arc` reads."""
    return ",".join(f"{after_s!r}:{energy!r}" for after_s, energy in points)
