"""What does a session cost per second of sound, and how even is that cost?

A four-stem session is rendered offline, in this thread, block by block; the thread's own CPU time is read
around every block. All cases and floors take turns, a second of sound each, so that what the machine does
meanwhile falls on all of them. The floors are what numpy needs for the bare arithmetic: summing the stems
with their gains, and the FFTs alone of a phase vocoder.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from remixd._kernel import stretch
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.config import user_cache_path
from remixd.mix import PLAYABLE
from remixd.track.cache import write_pcm
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from .results import Case
from .runner import Task
from .songs import Audio, make_music

BLOCKS: Final = (64, 128, 512)
SONG_S: Final = 10.0
ROUNDS: Final = 20
ROUNDS_QUICK: Final = 3
SOFT: Final = 0.1
LOUD: Final = 0.5
FFT_FRAMES: Final = 4096
FFT_HOP: Final = 1024
RAMP_EVERY_FRAMES: Final = 960
REPORTS_EVERY: Final = 400

Render = Callable[[], object]
"""Renders one block."""


def run(task: Task) -> None:
    """Measure every case at every block size."""
    stretch.prepare(user_cache_path() / "fftwf.wisdom")
    rounds = ROUNDS_QUICK if task.quick else ROUNDS
    task.settings(rounds=rounds, stems=len(STEM_ROLES), song_s=SONG_S, floor_fft_frames=FFT_FRAMES)
    music = {level: make_music(SONG_S, level) for level in (SOFT, LOUD)}
    with _cached(music[SOFT], "soft") as soft, _cached(music[LOUD], "loud") as loud:
        for block in BLOCKS:
            task.tell(f"blocks of {block} frames")
            cases: dict[str, Render] = {
                "copy": _session(soft, block),
                "gains moving": _session(soft, block, ramps=True),
                "limiter working": _session(loud, block),
                "tempo": _session(soft, block, tempo=1.06),
                "tempo and pitch": _session(soft, block, tempo=1.06, pitch=2.0),
                "floor: numpy sum": _numpy_sum(music[SOFT], block),
                "floor: numpy FFTs": _numpy_ffts(music[SOFT], block),
            }
            _tell_figures(task, block, _measure(cases, block, rounds))


@contextmanager
def _cached(music: Mapping[StemRole, Audio], name: str) -> Iterator[list[Stem]]:
    """The stems as the cache holds them, mapped from files."""
    with tempfile.TemporaryDirectory(prefix="remixd-bench-") as folder:
        stems = []
        for role, pcm in music.items():
            path = Path(folder) / f"{name}-{role}.pcm"
            write_pcm(path, pcm, bytes(32))
            stems.append(Stem.open(path))
        yield stems


def _session(
    stems: list[Stem], block: int, *, tempo: float = 1.0, pitch: float = 0.0, ramps: bool = False
) -> Render:
    mix = {"tempo": tempo, "pitch": pitch}
    session = Session(stems, list(range(len(STEM_ROLES))), mix=[mix.get(name, 0.0) for name in PLAYABLE])
    if not ramps:
        return lambda: session.render(block)
    every, vocals = max(RAMP_EVERY_FRAMES // block, 1), PLAYABLE.index("vocals")
    blocks = 0

    def render() -> None:
        nonlocal blocks
        if blocks % every == 0:
            session.post(blocks, vocals, -6.0 if blocks // every % 2 else 0.0, ramp_frames=RAMP_EVERY_FRAMES)
        if blocks % REPORTS_EVERY == 0:
            session.take_reports()
        blocks += 1
        session.render(block)

    return render


def _numpy_sum(music: Mapping[StemRole, Audio], block: int) -> Render:
    stems = list(music.values())
    gains = np.full(len(stems), 0.9, dtype=np.float32)
    out, part = np.empty((block, 2), np.float32), np.empty((block, 2), np.float32)
    at = 0

    def render() -> None:
        nonlocal at
        np.multiply(stems[0][at : at + block], gains[0], out=out)
        for stem, gain in zip(stems[1:], gains[1:], strict=True):
            np.multiply(stem[at : at + block], gain, out=part)
            np.add(out, part, out=out)
        at = at + block if at + 2 * block <= len(stems[0]) else 0

    return render


def _numpy_ffts(music: Mapping[StemRole, Audio], block: int) -> Render:
    windows = np.stack([stem[:FFT_FRAMES].T for stem in music.values()])
    at = 0

    def render() -> None:
        nonlocal at
        before, at = at, at + block
        if before // FFT_HOP != at // FFT_HOP:
            np.fft.irfft(np.fft.rfft(windows), FFT_FRAMES)

    return render


def _measure(cases: dict[str, Render], block: int, rounds: int) -> dict[str, list[list[int]]]:
    """CPU nanoseconds of every block, by case and round. One more round, first, warms up and is dropped."""
    blocks = RATE_HZ // block
    spent: dict[str, list[list[int]]] = {name: [] for name in cases}
    clock = time.thread_time_ns
    for round_number in range(rounds + 1):
        for name, render in cases.items():
            costs = []
            for _ in range(blocks):
                began = clock()
                render()
                costs.append(clock() - began)
            if round_number:
                spent[name].append(costs)
    return spent


def _tell_figures(task: Task, block: int, spent: dict[str, list[list[int]]]) -> None:
    case: Case
    share = {
        name: np.array([sum(costs) for costs in rounds]) / 1e9 / (RATE_HZ // block * block / RATE_HZ)
        for name, rounds in spent.items()
    }
    for name, rounds in spent.items():
        case = {"case": name, "block": block}
        task.figure("CPU a second of sound", "share", share[name], case, note="of real time")
        if name.startswith("floor"):
            continue
        task.figure("sessions a core", "count", 1 / share[name], case)
        costs = np.concatenate([np.array(round_costs) for round_costs in rounds])
        task.figure("block over mean block", "ratio", costs / costs.mean(), case, note="CPU time")
    for name, floor in (
        ("copy", "floor: numpy sum"),
        ("tempo", "floor: numpy FFTs"),
        ("tempo and pitch", "floor: numpy FFTs"),
    ):
        case = {"case": name, "block": block}
        task.figure("over its floor", "ratio", share[name] / share[floor], case, note=floor)
    for name in ("gains moving", "limiter working", "tempo", "tempo and pitch"):
        case = {"case": name, "block": block}
        more = share[name] - share["copy"]
        task.figure("more than a copy", "share", more, case, note="what that part alone costs, of real time")
