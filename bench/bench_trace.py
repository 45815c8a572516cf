"""What does it cost that every block is traced?

The same session is played by two feeds, as a sound device does it, one with a trace and one without; they
take turns, a second of sound each, in one thread whose own CPU time is read. A second one without a trace
tells how alike two of the same are. Tempo and pitch rest where a block is cheapest, and a trace is dearest
beside it; where they move, it is as in a session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from remixd.units import RATE_HZ

from . import ours
from .costs import Costs, Renders, measure_seconds
from .results import Case, Limit
from .runner import Task
from .songs import make_music

BLOCKS: Final = (32, 128, 512)
SONG_S: Final = 10.0
SOFT: Final = 0.1
ROUNDS: Final = 60
ROUNDS_QUICK: Final = 8
SETTINGS: Final = {"copy": (1.0, 0.0), "tempo and pitch": (1.06, 2.0)}
SHARE_MAX: Final = 0.01


def run(task: Task) -> None:
    """Measure both settings at every block size."""
    ours.prepare()
    rounds = ROUNDS_QUICK if task.quick else ROUNDS
    task.settings(rounds=rounds, song_s=SONG_S)
    with ours.cached(make_music(SONG_S, SOFT), 1.0) as files:
        for name, (tempo, pitch) in SETTINGS.items():
            for block in BLOCKS:
                task.tell(f"{name}, blocks of {block} frames")
                players: dict[str, Renders] = {
                    each: ours.Fed(files, tempo=tempo, pitch=pitch, traced=each == "traced")
                    for each in ("traced", "plain", "plain again")
                }
                _tell(task, name, block, measure_seconds(players, block, rounds))


def _tell(task: Task, name: str, block: int, cost_ms: Mapping[str, Costs]) -> None:
    case: Case = {"case": name, "block": block}
    block_ms = cost_ms["plain"] * block / RATE_HZ
    extra_ms = (cost_ms["traced"] - cost_ms["plain"]) * block / RATE_HZ
    task.figure("a block without a trace", "us", block_ms * 1e3, case)
    task.figure("a trace's cost a block", "us", extra_ms * 1e3, case)
    length_ms = block / RATE_HZ * 1e3
    task.figure(
        "of the time that a block lasts", "share", extra_ms / length_ms, case,
        limits=[Limit(statistic="median", at_most=SHARE_MAX)],
    )  # fmt: skip
    task.figure("with a trace over without", "ratio", cost_ms["traced"] / cost_ms["plain"], case)
    again = cost_ms["plain again"] / cost_ms["plain"]
    task.figure("without one over without", "ratio", again, case, note="how alike two of the same are")
