"""What the numbers of figures mean to who compares them: which way is better, and what noise touches them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from .audience_policies import OURS
from .ours import NAME
from .results import Figure

SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
COSTS: Final = ("s", "ms", "us", "MB", "bytes")
"""Units of which less is better."""

SEEDED: Final = frozenset(("quality", "audience", "analysis", "form", "presets", "ballots"))
"""Benches that compute the same from the same seeds and songs; only their times are the machine's."""
WAITING: Final = frozenset(("latency", "load", "chaos", "crowd", "plugins", "page"))
"""Benches whose times are wall clock: who waits is woken up late on a busy machine."""

FOUND: Final = frozenset((
    "took_s", "took_cpu_s", "capacity_cores", "device_blocks", "device_blocks_lost", "peers",
))  # fmt: skip
"""Settings that a run finds, and does not set."""
LENGTHS: Final = frozenset((
    "rounds", "repeats", "blocks", "turns", "turn_s", "kills", "wishes", "load_s", "seconds", "last_s",
    "runs", "liquidsoap_runs", "idle_s", "signals", "moves", "busy_s",
    "counts", "pairs", "grid",
))  # fmt: skip
"""Settings that say how long is measured, and not what; of what is computed they change that, too."""

HIGHER: Final = frozenset((
    "sessions a core", "sessions a core, four stems", "times the cost", "signals a second a core",
    "signals a second, as sent", "signals a second", "sessions that fit an engine", "heard", "beat F", "CMLt",
    "AMLt", "downbeat F", "metre", "confidence: area under the curve", "boundaries, precision",
    "boundaries, recall", "key, weighted", "utility", "utility in a crowd", "served", "onset corr.",
    "coherence", "tone to rest",
))  # fmt: skip
LOWER: Final = frozenset((
    "CPU a second of sound", "more than a copy", "over its floor", "rest over stretch path",
    "block over mean block", "block over its deadline", "a quantum over its time", "CPU", "CPU under load",
    "CPU of the daemon", "CPU when idle", "CPU when nobody sends", "frames missing", "missing", "late",
    "late blocks", "late stalls", "lost blocks", "blocks lost while changes were asked for",
    "beside the plain session", "LSD 2048", "LSD 256", "convergence",
    "log mag.", "tempo error", "regret", "minutes until served", "reversals a minute", "ripple",
))  # fmt: skip
NEITHER: Final = frozenset((
    "constant offset", "offset", "level", "length", "clock behind", "part: limiter",
    "part: wait for the boundary", "found beside the sample told", "moves a minute",
    "the effects alone",
))  # fmt: skip
RELATIVE: Final = frozenset(("ratio",))


def better_of(figure: Figure) -> Literal["lower", "higher", ""]:
    """Which way is better; empty where neither is, or nobody has said."""
    if figure.name in NEITHER or not is_ours(figure):
        return ""
    if figure.name in HIGHER:
        return "higher"
    if figure.limits or figure.name in LOWER or figure.unit in COSTS:
        return "lower"
    return ""


def is_ours(figure: Figure) -> bool:
    """Whether it tells of remixd, and not of a peer or a floor alone."""
    if "over" in figure.case:
        return True
    if str(figure.case.get("case", "")).startswith("floor"):
        return False
    system = figure.case.get("system")
    return system is None or system == OURS or str(system).startswith(NAME)


def set_up_otherwise(bench: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The settings of a bench in which two runs of it measured different things."""
    free = FOUND if bench in SEEDED else FOUND | LENGTHS
    return sorted(
        name for name in (one.keys() | other.keys()) - free if plain(one.get(name)) != plain(other.get(name))
    )


def plain(value: Any) -> str:
    """A setting as a result file holds it: a tuple there is a list."""
    return json.dumps(value, default=str)


def is_relative(figure: Figure) -> bool:
    """Whether it is a ratio to what ran beside it: how fast the machine was falls out of it."""
    return figure.unit in RELATIVE


def in_seconds(unit: str) -> float:
    """Seconds of one of a unit of time; 0 for any other."""
    return SECONDS.get(unit, 0.0)
