"""Blocks that never come to a JACK port: of a session, in turns with a native client that burns as much.

Each plays on a server of its own, and only one at a time; who hears them and counts is a native client, too.
The session stretches, so that a block costs something; the native client burns what the session's blocks
took in the turn before, in the callback where they took it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from remixd.client import Client, Signal
from remixd.units import RATE_HZ

from .daemons import Daemon
from .jacks import jack_server
from .native import ratio_upper
from .native_jack import NativeJack
from .ours import NAME
from .results import Case, Limit
from .runner import Task

PAIRS: Final = 10
PAIRS_QUICK: Final = 2
TURN_S: Final = 20.0
TURN_QUICK_S: Final = 0.4
SETTLE_S: Final = 0.3
STRETCHED: Final = {"tempo": 1.1, "pitch": 2.0}
NATIVE: Final = "native client"
UPPER: Final = (Limit(statistic="max", at_most=1.5),)

Turn = tuple[int, int]
"""Blocks that came, and those that did not."""


def measure(task: Task, server: str, block: int, daemon: Daemon) -> None:
    """Take turns. Raises Unavailable where there can be no native client.

    Args:
        task: gets the figures.
        server: that the daemon plays on.
        block: of the server, in frames.
        daemon: a daemon without sessions.
    """
    pairs, turn_s = (PAIRS_QUICK, TURN_QUICK_S) if task.quick else (PAIRS, TURN_S)
    task.settings(pairs=pairs, turn_s=turn_s)
    ours: list[Turn] = []
    native: list[Turn] = []
    burns_us = []
    with NativeJack() as made, jack_server(block) as other, daemon.client() as client:
        for pair in range(pairs):
            task.tell(f"lost blocks, turn {pair + 1} of {pairs}")
            turn, share = _our_turn(client, daemon, made, server, turn_s)
            burn_ns = round(share * block * 1e9 / RATE_HZ)
            ours.append(turn)
            burns_us.append(burn_ns / 1e3)
            with made.play(other, burn_ns):
                native.append(_listen(made, other, turn_s))
    task.figure(
        "CPU a block", "us", burns_us, {"block": block}, note=f"of {NAME}; the {NATIVE} burns the same"
    )
    tell(task, ours, native, turn_s * pairs, {"block": block})


def tell(task: Task, ours: Sequence[Turn], native: Sequence[Turn], seconds: float, case: Case) -> None:
    """Keep what was lost, and its ratio where there is one.

    Args:
        task: gets the figures.
        ours: its turns.
        native: the native client's.
        seconds: of all turns of one together.
        case: of the figures.
    """
    for system, turns in ((NAME, ours), (NATIVE, native)):
        lost = [each[1] for each in turns]
        note = f"a turn; {sum(each[0] for each in turns)} blocks came in {seconds:g} s"
        task.figure("lost blocks", "count", lost, {"system": system, **case}, note=note)
    lost_here, lost_there = (sum(each[1] for each in turns) for turns in (ours, native))
    here, there = (sum(map(sum, turns)) for turns in (ours, native))
    upper = ratio_upper(lost_here, here, lost_there, there)
    if not lost_here and not lost_there:
        task.skip(f"lost blocks over the {NATIVE}'s", f"neither lost any, in {seconds:g} s each")
    elif not lost_there:
        lower = 1.0 / ratio_upper(0, there, lost_here, here)
        note = f"the lower 95 % limit of a ratio of Poisson rates: the {NATIVE} lost none"
        task.figure(f"lost blocks over the {NATIVE}'s", "ratio", [lower], case, limits=UPPER, note=note)
    else:
        can_tell = ratio_upper(lost_there, there, lost_there, there) <= UPPER[0].at_most
        note = "the upper 95 % limit of a ratio of Poisson rates"
        note += "" if can_tell else f"; {lost_there} are too few to judge by"
        limits = UPPER if can_tell else ()
        task.figure(f"lost blocks over the {NATIVE}'s", "ratio", [upper], case, limits=limits, note=note)


def _our_turn(
    client: Client, daemon: Daemon, made: NativeJack, server: str, turn_s: float
) -> tuple[Turn, float]:
    """A turn of a session, and the share of a core that its callback's thread took."""
    session = client.create_session(daemon.track, sink="device:JACK").id
    try:
        client.send(session, [Signal(id="lost-blocks", fan="", wishes=STRETCHED)])
        time.sleep(SETTLE_S)
        before, began_ns = _threads_ns(daemon.engine_pid()), time.monotonic_ns()
        turn = _listen(made, server, turn_s)
        spent, ended_ns = _threads_ns(daemon.engine_pid()), time.monotonic_ns()
    finally:
        client.delete_session(session)
    most = max(ns - before.get(thread, 0) for thread, ns in spent.items())
    return turn, most / (ended_ns - began_ns)


def _listen(made: NativeJack, server: str, turn_s: float) -> Turn:
    with made.hear(server) as ear:
        time.sleep(SETTLE_S / 2)
        came, lost = ear.count()
        time.sleep(turn_s)
        came_then, lost_then = ear.count()
    return came_then - came, max(lost_then - lost, 0)


def _threads_ns(process: int) -> dict[str, int]:
    """CPU time of each thread of a process."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return {each.name: int((each / "schedstat").read_text("ascii").split()[0]) for each in threads}
