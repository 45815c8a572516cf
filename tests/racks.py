"""What tests of racks share: callables that behave in every way, and commands for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remixd._kernel import mailbox
from remixd._kernel.mailbox import ReportEntry
from remixd._kernel.rack import Rack
from remixd._kernel.session import Session

QUANTUM = 64
EVERY_DECK, WHOLE_DECK = 255, 0xFFFF
Planar = NDArray[np.float32]
Call = Callable[[Planar, float, float], Planar]


def scaled(gain: float) -> Call:
    """Louder or softer."""
    return lambda block, _beat, _rate: block * np.float32(gain)


def late(frames: int) -> Call:
    """The same, so many frames later."""
    kept = np.zeros((2, frames), np.float32)

    def call(block: Planar, _beat: float, _rate: float) -> Planar:
        nonlocal kept
        kept = np.concatenate([kept, block], axis=1)
        out, kept = kept[:, :QUANTUM].copy(), kept[:, QUANTUM:]
        return out

    return call


def owing(pattern: tuple[int, ...]) -> Call:
    """The same, but never so many frames as it takes: at most those of the pattern, in turn."""
    kept = np.zeros((2, 0), np.float32)
    turn = 0

    def call(block: Planar, _beat: float, _rate: float) -> Planar:
        nonlocal kept, turn
        kept = np.concatenate([kept, block], axis=1)
        frames = min(pattern[turn % len(pattern)], kept.shape[1])
        turn += 1
        out, kept = kept[:, :frames].copy(), kept[:, frames:]
        return out

    return call


def smooth(share: float) -> Call:
    """A one-pole low pass: it has a state."""
    state = np.zeros(2, np.float32)

    def call(block: Planar, _beat: float, _rate: float) -> Planar:
        out = np.empty_like(block)
        for frame in range(block.shape[1]):
            state[:] += np.float32(share) * (block[:, frame] - state)
            out[:, frame] = state
        return out

    return call


def weigh(session: Session, key: int, weight: float, **words: Any) -> bool:
    """Post a command for a rack; for the master unless a deck is named."""
    kind = {"kind": mailbox.RACK, "extra": float(key), "ramp_frames": words.pop("ramp_frames", 960)}
    return session.post(words.pop("id", key), words.pop("part", WHOLE_DECK), weight, **kind, **words)


def put(session: Session, key: int, call: Call, weight: float | None = None, **words: Any) -> Rack:
    """Lay a rack down, and, with a weight, use it."""
    made = {name: words.pop(name) for name in ("delay_frames", "owed_frames") if name in words}
    session.racks.put(rack := Rack(call, key, **made))
    if weight is not None:
        assert weigh(session, key, weight, **words)
    return rack


def told(session: Session, kind: int) -> list[ReportEntry]:
    """The reports of a kind, of those that have come since."""
    return [report for report in session.take_reports() if report.kind == kind]
