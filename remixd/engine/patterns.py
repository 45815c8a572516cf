"""Patterns of hits for the layers of sessions, and the bank that they strike. Thread: [housekeeping]."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from remixd._kernel.patterns import PatternShelf
from remixd._kernel.sampler import Bank, Pattern
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.synth.bank import make_bank
from remixd.synth.sound import Audio

EDGE_FRAMES: Final = 144
"""A slice of a stem fades in and out over 3 ms."""

SLICE_FRAMES_MAX: Final = 192_000


@cache
def bank() -> Bank:
    """The one bank of this process, made when it is first asked for: a quarter of a second of work."""
    made = Bank(list(make_bank()))
    made.lock_memory()
    return made


@cache
def bank_id() -> int:
    """The CRC-32 of all its sounds: another bank sounds otherwise."""
    found = 0
    for sound in make_bank():
        found = zlib.crc32(sound.tobytes(), found)
    return found


def _slice(stems: Sequence[Stem], start: int, frames: int) -> Audio:
    if not EDGE_FRAMES * 2 <= frames <= SLICE_FRAMES_MAX:
        raise ValueError(f"a slice cannot be {frames} frames")
    sound = np.zeros((frames, 2), np.float32)
    for stem in stems:
        sound += stem.read(start, frames)
    edge = np.linspace(0.0, 1.0, EDGE_FRAMES, dtype=np.float32)[:, None]
    sound[:EDGE_FRAMES] *= edge
    sound[-EDGE_FRAMES:] *= edge[::-1]
    return sound


def make_pattern(score: Mapping[str, Any], open_stem: Callable[[Path], Stem]) -> Pattern:
    """A pattern of a score as control writes it.

    Where it has `slices`, (start, frames) of its `stems` together, its sounds are these and not the bank's.
    Raises KeyError, TypeError or ValueError for what is no score, OSError for a stem that is not there.
    """
    sounds = bank()
    if score["slices"]:
        stems = [open_stem(Path(each["path"])) for each in score["stems"]]
        sounds = Bank([_slice(stems, int(start), int(frames)) for start, frames in score["slices"]])
        sounds.lock_memory()
    pattern = Pattern(
        sounds, score["hits"], key=int(score["key"]), player=int(score["player"]),
        start=float(score["start"]), end=float(score["end"]),
    )  # fmt: skip
    pattern.lock_memory()
    return pattern


class Patterns:
    """The patterns that lie ready for the sessions of one engine, or are on their decks."""

    def __init__(self, open_stem: Callable[[Path], Stem]) -> None:
        self._open_stem = open_stem
        self._shelves: dict[int, PatternShelf] = {}

    def lay(self, session: Session, scores: Sequence[Mapping[str, Any]], withdrawn: Sequence[int]) -> None:
        """Lay patterns down for a session, all or none; take others away that no command will ask for.

        Raises what `make_pattern` raises, ValueError also if there is no room.
        """
        shelf = self._shelves.setdefault(session.key, PatternShelf(session))
        for key in withdrawn:
            shelf.withdraw(key)
        shelf.collect()
        laid: list[int] = []
        try:
            for score in scores:
                shelf.shelve(pattern := make_pattern(score, self._open_stem))
                laid.append(pattern.key)
        except BaseException:
            for key in laid:
                shelf.withdraw(key)
            raise

    def collect(self, session: Session) -> None:
        """Free what no deck has any more."""
        if shelf := self._shelves.get(session.key):
            shelf.collect()

    def forget(self, session_key: int) -> None:
        """A session is over."""
        self._shelves.pop(session_key, None)
