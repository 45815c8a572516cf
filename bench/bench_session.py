"""What does the same session cost as one would write it with pedalboard, or in Liquidsoap?

Four stems at another tempo, a gain each, summed through a limiter. A session of ours and pedalboard's take
turns, a second of sound each, and this thread's CPU time is read. pedalboard stretches nothing in a stream:
it is given a second at a time, and every seam is heard. Liquidsoap plays to a file in a process of its own;
what a second costs is the difference between a long song and a short one, so that its start costs nothing.
Its `stretch` is a resampler, which moves the pitch with the tempo; its `soundtouch` keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from remixd.errors import Unavailable
from remixd.units import StemRole

from . import ours
from .costs import Costs, Renders, measure_seconds
from .results import Case
from .runner import Task
from .scripted import HOW, OPERATORS, STRETCH, PedalboardSession, opened_liquidsoap
from .songs import Audio, make_music

TEMPO: Final = 1.1
SETTING: Final = "tempo 1.1"
BLOCK: Final = 128
ROUNDS: Final = 20
ROUNDS_QUICK: Final = 5
SONG_S: Final = 10.0
SHORT_S: Final = 2.0
LONG_S: Final = 62.0
LONG_QUICK_S: Final = 22.0
RUNS: Final = 5
RUNS_QUICK: Final = 1
FINE, COARSE = "pedalboard, a second at a time", "pedalboard, high_quality=False"


def run(task: Task) -> None:
    """Measure ours beside pedalboard, then Liquidsoap."""
    ours.prepare()
    rounds, runs = (ROUNDS_QUICK, RUNS_QUICK) if task.quick else (ROUNDS, RUNS)
    long_s = LONG_QUICK_S if task.quick else LONG_S
    task.settings(
        rounds=rounds, block=BLOCK, tempo=TEMPO, liquidsoap_runs=runs,
        peers={FINE: "Rubber Band's finer engine", COARSE: "Rubber Band's faster engine",
               **{_named(operator): how for operator, how in HOW.items()}},
    )  # fmt: skip
    music = make_music(SONG_S)
    task.tell("sessions of remixd and of pedalboard")
    cost_ms = _measure_turns(music, rounds)
    _tell_costs(task, cost_ms)
    mine = {name: costs for name, costs in cost_ms.items() if name not in (FINE, COARSE)}
    for peer in (FINE, COARSE):
        for name, costs in mine.items():
            _tell_ratio(task, peer, name, cost_ms[peer] / costs)
    try:
        _measure_liquidsoap(task, mine, runs, long_s)
    except Unavailable as error:
        task.skip("Liquidsoap", str(error))


def _measure_turns(music: Mapping[StemRole, Audio], rounds: int) -> dict[str, Costs]:
    with ours.cached(music) as files:
        players: dict[str, Renders] = {
            f"{ours.NAME}, {variant}": ours.Player(files, variant, tempo=TEMPO) for variant in ours.VARIANTS
        }
        players[FINE] = PedalboardSession(music, tempo=TEMPO)
        players[COARSE] = PedalboardSession(music, tempo=TEMPO, fine=False)
        return measure_seconds(players, BLOCK, rounds)


def _measure_liquidsoap(task: Task, mine: Mapping[str, Costs], runs: int, long_s: float) -> None:
    songs = {seconds: make_music(seconds) for seconds in (SHORT_S, long_s)}
    with opened_liquidsoap(songs) as liquidsoap:
        costs: dict[str, list[float]] = {operator: [] for operator in OPERATORS}
        for number in range(runs):
            task.tell(f"Liquidsoap, run {number + 1} of {runs}")
            begun_s, short_s = liquidsoap.cpu_s(STRETCH, SHORT_S, TEMPO)  # its start is the same for both
            for operator in OPERATORS:
                spent_s, sound_s = liquidsoap.cpu_s(operator, long_s, TEMPO)
                costs[operator].append((spent_s - begun_s) / (sound_s - short_s) * 1e3)
    for operator, spent in costs.items():
        cost_ms = np.array(spent)
        _tell_costs(task, {_named(operator): cost_ms})
        for name, our_costs in mine.items():
            _tell_ratio(task, _named(operator), name, cost_ms / np.median(our_costs))


def _tell_costs(task: Task, cost_ms: Mapping[str, Costs]) -> None:
    for name, costs in cost_ms.items():
        case: Case = {"system": name, "setting": SETTING}
        task.figure("CPU of four stems", "ms", costs, case, note="a second of sound, mixed and limited")


def _tell_ratio(task: Task, peer: str, over: str, ratio: Costs) -> None:
    case: Case = {"system": peer, "setting": SETTING, "over": over}
    task.figure("times the cost", "ratio", ratio, case, note="of whole sessions")


def _named(operator: str) -> str:
    return f"Liquidsoap, {operator}"
