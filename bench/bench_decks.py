"""What do jumps, loops and decks cost, and does one engine keep a hundred sessions that are steered in time?

First every quantum of 64 frames is timed, at its least over repeats: what a session costs at rest, stretched,
in loops, in sync, and in the quantum in which a jump begins. Then a hundred sessions of four stems are made,
steered, listened to and replaced on one engine of a daemon; in turns with it a thread of C keeps the same
time and burns the same CPU. How much later the engine is than that thread is what is told: how late both are
is the machine's doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from remixd._kernel import mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from . import hundred, ours
from .costs import measure_blocks
from .results import Limit
from .runner import Task
from .songs import make_music

QUANTUM: Final = 64
SONG_S: Final = 10.0
BEAT_FRAMES: Final = RATE_HZ // 2
BLOCKS: Final = 1500
BLOCKS_QUICK: Final = 750
REPEATS: Final = 7
REPEATS_QUICK: Final = 2
WARM_UP: Final = 64
JUMPS_EVERY: Final = 37
"""Quanta from jump to jump: in step with nothing."""

A_THIRD: Final = (Limit(statistic="max", at_most=1 / 3),)

_MIX: Final = (1.1, 2.0, 0.0, 0.0, 0.0, 0.0)
_NEUTRAL: Final = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def run(task: Task) -> None:
    """Measure quanta, then the hundred sessions."""
    ours.prepare()
    with ours.cached(make_music(SONG_S)) as stems:
        _measure_costs(task, stems)
    hundred.measure(task)


class Decks:
    """Decks that play the same stems, on which something is done every so many quanta.

    Args:
        stems: of every deck.
        decks: how many play.
        mix: of all of them.
        copies: how often a deck has its stems.
        first, again: what is done on deck 0 at the start, and every `JUMPS_EVERY` quanta: kind and value.
    """

    def __init__(
        self,
        stems: Mapping[StemRole, Stem],
        *,
        decks: int = 1,
        mix: Sequence[float] = _NEUTRAL,
        copies: int = 1,
        sync: bool = False,
        first: tuple[int, float] | None = None,
        again: tuple[int, float] | None = None,
    ) -> None:
        beats = np.arange(0.0, SONG_S * RATE_HZ, BEAT_FRAMES)
        grid: dict[str, Any] = {"beats": beats, "levels": np.ones(len(beats), np.uint8)}
        roles = [STEM_ROLES.index(role) for role in stems] * copies
        self._session = Session(mix=mix)
        self._again = again
        self._quanta = 0
        for deck in range(decks):
            self._session.shelve(Player(list(stems.values()) * copies, roles, key=deck + 1, **grid))
            self._tell(mailbox.LOAD, 0.0, deck, extra=deck + 1.0)
            if sync and deck:
                self._tell(mailbox.SYNC, 1.0, deck)
            self._tell(mailbox.PLAY, 0.0, deck)
        if first is not None:
            self._tell(*first)

    def _tell(self, kind: int, value: float, deck: int = 0, extra: float = -1.0) -> None:
        self._session.post(1, 0, value, kind=kind, deck=deck, extra=extra)

    def render(self, frames: int) -> object:
        """The next frames."""
        self._quanta += 1
        if self._again is not None and self._quanta % JUMPS_EVERY == 0:
            self._tell(*self._again)
        return self._session.render(frames)


CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "a deck, neutral": {},
    "a deck, stretched": {"mix": _MIX},
    "a deck of eight stems, stretched": {"mix": _MIX, "copies": 2},
    "jumps, neutral": {"again": (mailbox.JUMP, 1.0)},
    "jumps, stretched": {"mix": _MIX, "again": (mailbox.JUMP, 1.0)},
    "jumps, eight stems, stretched": {"mix": _MIX, "copies": 2, "again": (mailbox.JUMP, 1.0)},
    "a loop of 1/8 beat, neutral": {"first": (mailbox.LOOP, 0.125)},
    "a loop of 1/8 beat, stretched": {"mix": _MIX, "first": (mailbox.LOOP, 0.125)},
    "two decks in sync, stretched": {"mix": _MIX, "decks": 2, "sync": True},
    "four decks, neutral": {"decks": 4},
    "four decks, stretched": {"mix": _MIX, "decks": 4},
    "four decks, jumps on one, stretched": {"mix": _MIX, "decks": 4, "again": (mailbox.JUMP, 1.0)},
}


def _measure_costs(task: Task, stems: Mapping[StemRole, Stem]) -> None:
    blocks, repeats = (BLOCKS_QUICK, REPEATS_QUICK) if task.quick else (BLOCKS, REPEATS)
    task.settings(blocks=blocks, repeats=repeats, jumps_every=JUMPS_EVERY, mix=list(_MIX))
    for name, how in CASES.items():
        task.tell(name)
        make = partial(_one, stems, how)
        costs_s = measure_blocks(make, QUANTUM, blocks, [WARM_UP], repeats)
        note = f"CPU time, the least of {repeats} repeats"
        task.figure("a quantum", "us", costs_s * 1e6, {"case": name}, note=note)
        share = costs_s * RATE_HZ / QUANTUM
        task.figure("a quantum over its time", "share", share, {"case": name}, limits=A_THIRD, note=note)


def _one(stems: Mapping[StemRole, Stem], how: Mapping[str, Any]) -> list[Decks]:
    return [Decks(stems, **how)]
