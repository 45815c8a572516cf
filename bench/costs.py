"""What rendering costs: CPU time of this thread, read around many blocks or around each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from remixd.units import RATE_HZ

from .peers import Peer, Setting
from .songs import Audio

Costs = NDArray[np.floating[Any]]

SECOND: Final = RATE_HZ


class Renders(Protocol):
    """Something that renders sound, as many frames a call as one likes."""

    def render(self, frames: int) -> object:
        """Render the next frames."""


class PeerPlayer:
    """Stretches stems, each in a stream of its own, over and over; what comes out is counted and dropped.

    Args:
        peer: whose streams.
        stems: float32 (frames, 2), with the setting of each.
    """

    def __init__(self, peer: Peer, stems: Sequence[tuple[Audio, Setting]]) -> None:
        tempo = stems[0][1].tempo
        frames = round(peer.feed_frames * tempo) if peer.feed_frames >= SECOND else peer.feed_frames
        self._streams = [peer.open(setting) for _, setting in stems]
        self._blocks = [cycle(peer.cut(sound[: len(sound) // frames * frames], frames)) for sound, _ in stems]
        self._ready = [0] * len(stems)
        self._axis = 1 if peer.planar else 0

    def render(self, frames: int) -> None:
        """Have the next frames of every stem."""
        for at, (stream, blocks) in enumerate(zip(self._streams, self._blocks, strict=True)):
            ready = self._ready[at]
            while ready < frames:
                ready += stream.process(next(blocks)).shape[self._axis]
            self._ready[at] = ready - frames


def measure_seconds(players: Mapping[str, Renders], block: int, rounds: int) -> dict[str, Costs]:
    """CPU milliseconds a second of sound, one value a round, of players that take turns.

    The clock is read once a turn. One more round, first, warms up and is dropped.
    """
    spent: dict[str, list[float]] = {name: [] for name in players}
    blocks = SECOND // block
    for round_number in range(rounds + 1):
        for name, player in players.items():
            began = time.thread_time_ns()
            for _ in range(blocks):
                player.render(block)
            cost_ns = time.thread_time_ns() - began
            if round_number:
                spent[name].append(cost_ns / 1e6 * SECOND / (blocks * block))
    return {name: np.array(costs) for name, costs in spent.items()}


def measure_blocks(
    make: Callable[[], Sequence[Renders]], block: int, blocks: int, warm_up: Sequence[int], repeats: int
) -> Costs:
    """CPU seconds of every block, all of some players together, at its least over repeats.

    Every repeat does the same work on players made anew, so what is least at a position is what that block
    costs; what is more, the machine added.

    Args:
        make: makes the players.
        block: frames of one.
        blocks: how many.
        warm_up: blocks that each player renders before, uncounted, so that they are not in step.
        repeats: how often.
    """
    least = np.full(blocks, np.inf)
    for _ in range(repeats):
        players = make()
        for player, count in zip(players, warm_up, strict=True):
            for _ in range(count):
                player.render(block)
        for at in range(blocks):
            began = time.thread_time_ns()
            for player in players:
                player.render(block)
            least[at] = min(least[at], time.thread_time_ns() - began)
    return least / 1e9
