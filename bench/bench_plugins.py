"""What does a plug-in in a process of its own cost who renders, and how often does its answer come too late?

Blocks of 64 frames go through a plug-in as a stream's packets do, eight in one go every 10.7 ms, and as a
device asks for 128 frames: two in one go, every 2.7 ms. Their answers are used in the next go. Beside that,
in turns, the same plug-in is called directly by pedalboard, with nothing between. Then once more while every
core is kept busy by processes of ordinary priority.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import pedalboard
from numpy.typing import NDArray

from remixd.control.plugins import find_files
from remixd.engine.hosted import Hosted
from remixd.engine.realtime import promote_thread

from .results import Limit
from .runner import Skipped, Task

PLUGIN: Final = "ZaMaximX2"
SECONDS: Final = 10.0
SECONDS_QUICK: Final = 1.0
TURNS: Final = 3
FRAMES: Final = 64
IN_ONE_GO: Final = (8, 2)
"""Blocks, and how many later their answers are used."""
RATE_HZ: Final = 48_000
NOTE: Final = "a block of 64 frames"
LATE_LIMIT: Final = (Limit(statistic="median", at_most=0.001),)

Call = Callable[[NDArray[np.float32]], object]


def run(task: Task) -> None:
    """Play noise through a plug-in, hosted and directly."""
    path = next((path for path in find_files() if path.stem == PLUGIN), None)
    if path is None:
        raise Skipped(f"{PLUGIN} is not here: apt install zam-plugins")
    seconds, turns = (SECONDS_QUICK, 1) if task.quick else (SECONDS, TURNS)
    task.settings(plugin=PLUGIN, seconds=seconds, turns=turns, blocks_in_one_go=IN_ONE_GO)
    direct = _load(path)
    with contextlib.ExitStack() as ending:
        ways = {}
        for blocks in IN_ONE_GO:
            ways[blocks] = Hosted([{"path": str(path)}], blocks_between=blocks)
            ending.callback(ways[blocks].close)
            ways[blocks].go_live()
        for load in ("idle", "busy"):
            with _busy() if load == "busy" else contextlib.nullcontext():
                for turn in range(turns):
                    task.tell(f"{load}, turn {turn + 1} of {turns}")
                    case = {"cores": load, "turn": turn + 1}
                    for blocks, hosted in ways.items():
                        _measure_hosted(task, hosted, blocks, seconds, {**case, "in one go": blocks})
                    taken = play(_called(direct), IN_ONE_GO[0], seconds)
                    task.figure("call", "us", taken, {**case, "plug-in": "direct"}, note=NOTE)


def _load(path: Path) -> pedalboard.VST3Plugin:
    """A plug-in in this process.

    On a thread of its own: plug-ins made with DPF leave the thread that loads them flushing subnormal numbers
    to zero, and this one goes on to other benches.
    """
    with ThreadPoolExecutor(1) as loading:
        return loading.submit(pedalboard.VST3Plugin, str(path)).result()


def _called(plugin: pedalboard.VST3Plugin) -> Call:
    return lambda block: plugin.process(block, RATE_HZ, buffer_size=FRAMES, reset=False)


def _measure_hosted(
    task: Task, hosted: Hosted, blocks: int, seconds: float, case: dict[str, str | int]
) -> None:
    before = hosted.insert.late_blocks
    taken = play(hosted.insert, blocks, seconds)
    late = (hosted.insert.late_blocks - before) / len(taken)
    task.figure("call", "us", taken, {**case, "plug-in": "hosted"}, note=NOTE)
    task.figure("late", "share", [late], case, limits=LATE_LIMIT if case["cores"] == "idle" else ())


def play(call: Call, in_one_go: int, seconds: float) -> list[float]:
    """Call so many times in one go, on a thread like an engine's; how long each call took, us."""
    taken: list[float] = []
    thread = threading.Thread(target=lambda: _play(call, in_one_go, seconds, taken))
    thread.start()
    thread.join()
    return taken


def _play(call: Call, in_one_go: int, seconds: float, taken: list[float]) -> None:
    promote_thread()
    rng = np.random.default_rng(1)
    blocks = (0.1 * rng.standard_normal((64, 2, FRAMES))).astype(np.float32)
    began = time.monotonic()
    while len(taken) * FRAMES < seconds * RATE_HZ:
        for _ in range(in_one_go):
            before = time.perf_counter_ns()
            call(blocks[len(taken) % len(blocks)])
            taken.append((time.perf_counter_ns() - before) / 1000)
        time.sleep(max(0.0, began + len(taken) * FRAMES / RATE_HZ - time.monotonic()))


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Keep every core busy."""
    code = "while True: pass"
    spinning = [subprocess.Popen([sys.executable, "-c", code]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for each in spinning:
            each.kill()
            each.wait()
