"""What the operating system grants a thread that must be on time. What it refuses is told, not hidden."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Iterable

_PR_SET_TIMERSLACK = 29
_PRIORITY = 60
_SWITCH_S = 0.0002
_NICENESS = -10


def quiet_python() -> None:
    """Stop the garbage collector: what exists now stays, and nothing later is collected.

    And let a thread that waits for Python, such as one that has racks, wait no longer than must be.
    Thread: [housekeeping], once, before the render thread starts.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.disable()


def hurry_thread() -> None:
    """Ask that the calling thread goes before ordinary ones. Thread: [housekeeping], once.

    It has little to do, but when an engine has died a hundred sessions wait for it. A refusal is not told: it
    costs no sound while nothing dies. Threads that exist are left as they are.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def pin_thread(thread: int, cores: Iterable[int]) -> None:
    """Have a thread run on these cores alone, as far as there are such. Thread: [housekeeping].

    Args:
        thread: its id for the operating system; 0 for the calling one.
        cores: any of them; none changes nothing.
    """
    if wanted := set(cores):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(thread, wanted)


def promote_thread() -> list[str]:
    """Ask for real-time scheduling of the calling thread; the refusals, as sentences.

    Thread: [render], before it renders.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError as refusal:
        # An ordinary thread may be woken up to 50 us late by default; one nanosecond asks for "now".
        hurry_thread()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)
        return [f"no real-time scheduling ({refusal.strerror}): sound may drop out when the machine is busy"]
    return []
