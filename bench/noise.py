"""The noise floor of a run: what this machine does to a fixed amount of work, and to a short sleep.

No figure of the run can be told more exactly than these.
"""

from __future__ import annotations

import time
from typing import Final

from .results import Figure

SPIN_STEPS: Final = 20_000
"""Steps of one round of work: about a millisecond."""

SLEEP_S: Final = 0.001


def measure_noise(seconds: float, when: str) -> list[Figure]:
    """Work and sleep in turns for `seconds`. `when` tells the figures of one run apart."""
    rounds_ms: list[float] = []
    late_us: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends or not rounds_ms:
        rounds_ms.append(_work_ms())
        began = time.perf_counter_ns()
        time.sleep(SLEEP_S)
        late_us.append((time.perf_counter_ns() - began) / 1e3 - SLEEP_S * 1e6)
    least_ms = min(rounds_ms)
    return [
        Figure(
            name="fixed work", unit="ratio", samples=tuple(spent / least_ms for spent in rounds_ms),
            case={"when": when}, note=f"wall time of equal rounds over the shortest, {least_ms:.3f} ms",
        ),
        Figure(
            name="fixed work: a round", unit="ms", samples=tuple(rounds_ms), case={"when": when},
            note="wall time; how fast this machine was",
        ),
        Figure(
            name="sleep of 1 ms: late by", unit="us", samples=tuple(late_us), case={"when": when},
        ),
    ]  # fmt: skip


def _work_ms() -> float:
    began = time.perf_counter_ns()
    total = 0
    for step in range(SPIN_STEPS):
        total += step
    return (time.perf_counter_ns() - began) / 1e6
