"""Why the director moves as it does, in words."""

from __future__ import annotations

from remixd.mix import DIMENSIONS


def told(name: str, value: float) -> str:
    """A value of a dimension, for a person."""
    unit = DIMENSIONS[name].unit
    shown = f"{value:.3g}"
    return shown if unit in ("ratio", "amount") else f"{shown} {unit}"


def why_moved(name: str, fans: int, wanted: float, value: float) -> str:
    """Why a dimension moves to `value`, when `fans` want `wanted` on average."""
    who = "a fan wishes" if fans == 1 else f"{fans} fans wish, on average,"
    row = DIMENSIONS[name]
    still = "" if value == wanted else f", by at most {row.slew.told(row.unit)}"
    return f"{who} {name} at {told(name, wanted)}{still}"


def why_still(name: str, now: float) -> str:
    """Why a dimension does not move."""
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
