"""The host's work: blocks from shared memory through plug-ins, and back, until the engine is gone.

What it tells, a JSON object a line: `{"ready": {"latency_frames", "cost_ns", "names"}}` once, or
`{"error": SENTENCE}` and it ends. A plug-in may crash it or hang at any time: that is what it is for.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from remixd._kernel.exchange import FRAMES, SIZE_BYTES, Exchange
from remixd.pluginhost.effect import BLOCK_NS, Effect, cost_ns

MEMORY_FD: Final = 3
STATUS_FD: Final = 4
LOOK_S: Final = 1.0
"""How often it looks whether its engine is still there."""
PRIORITY: Final = 40
"""Behind what renders."""
HOLD_US: Final = 300_000
"""A plug-in that computes for so long without a pause, at that priority, is ended by the system."""
KILL_US: Final = 400_000

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_TIMERSLACK: Final = 29

Load = Callable[[Mapping[str, Any]], Effect]


def run(parent: int, rack: Sequence[Mapping[str, Any]], load: Load) -> int:
    """Load a rack's plug-ins, say so, and answer blocks as long as `parent` lives; the exit status.

    Args:
        parent: the engine's process.
        rack: its elements, in order.
        load: makes an effect of each.
    """
    _end_with(parent)
    try:
        exchange = Exchange(mmap.mmap(MEMORY_FD, SIZE_BYTES))
        effects = [load(element) for element in rack]
        _check(effects)
        cost = cost_ns(effects)
        if cost >= BLOCK_NS:
            raise ValueError(
                f"a block of {BLOCK_NS // 1000} us takes {cost // 1000} us: too slow to play live"
            )
        latency = sum(effect.latency_frames for effect in effects)
        _be_on_time()
        _tell(
            {"ready": {"latency_frames": latency, "cost_ns": cost, "names": [each.name for each in effects]}}
        )
        _answer(exchange, effects, parent)
    except Exception as error:  # whatever it is, the one who waits is told
        _tell({"error": str(error) or type(error).__name__})
        return 1
    return 0


def _check(effects: Sequence[Effect]) -> None:
    """Raises ValueError for an effect that makes no stereo sound of 64 frames."""
    for effect in effects:
        out = effect.process(np.zeros((2, FRAMES), np.float32))
        if out.shape != (2, FRAMES):
            raise ValueError(f"{effect.name} made {out.shape} of a block of (2, {FRAMES})")


def _answer(exchange: Exchange, effects: Sequence[Effect], parent: int) -> None:
    block = np.zeros((2, FRAMES), np.float32)
    while exchange.wait(LOOK_S) or os.getppid() == parent:
        while exchange.receive(block):
            sound = block
            for effect in effects:
                sound = effect.process(sound)
                if sound.shape != block.shape:
                    raise ValueError(f"{effect.name} made {sound.shape} of a block of {block.shape}")
            exchange.answer(np.ascontiguousarray(sound, dtype=np.float32))


def _end_with(parent: int) -> None:
    """Die when the engine does, leave no core file, and load behind what plays."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # what an engine hurries for is not loading this
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    if os.getppid() != parent:  # it was gone before
        os._exit(0)


def _be_on_time() -> None:
    """Ask for real-time scheduling; without it answers come late now and then, which is told."""
    gc.collect()
    gc.freeze()
    gc.disable()
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_RTTIME, (HOLD_US, KILL_US))
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))


def _tell(told: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(STATUS_FD, json.dumps(told).encode() + b"\n")
