"""Units and constants that every process shares. Imports the standard library only."""

from __future__ import annotations

import math
from typing import Final, Literal

RATE_HZ: Final = 48_000
"""The engine's sample rate; everything in the cache and the kernel runs at it."""

PAD_FRAMES: Final = 4096
"""Silence kept before and after every cached stem, so that a whole window can be read anywhere."""

PACKET_FRAMES: Final = 480
"""Frames of one packet of a stream session: 10 ms."""

STEMS_MAX: Final = 8
"""Stems that one track may play at once."""

OFF_DB: Final = -60.0
"""A stem gain at or below this is off: linear 0."""

StemRole = Literal["drums", "bass", "vocals", "other"]
STEM_ROLES: Final[tuple[StemRole, ...]] = ("drums", "bass", "vocals", "other")
"""In the order of the kernel's role indices."""


def gain_from_db(level_db: float) -> float:
    """Linear gain of a level in dB; `OFF_DB` and below are 0."""
    return 0.0 if level_db <= OFF_DB else float(10.0 ** (level_db / 20.0))


def db_from_gain(gain: float) -> float:
    """Level in dB of a linear gain; 0 is `OFF_DB`, which is also the least value returned."""
    return OFF_DB if gain <= 0.0 else max(OFF_DB, 20.0 * math.log10(gain))


def ratio_from_semitones(semitones: float) -> float:
    """Frequency ratio of an interval in equal temperament."""
    return float(2.0 ** (semitones / 12.0))


def seconds_from_frames(frames: int) -> float:
    """Seconds that `frames` last at the engine's rate."""
    return frames / RATE_HZ


def frames_from_seconds(seconds: float) -> int:
    """Whole frames nearest to `seconds` at the engine's rate."""
    return round(seconds * RATE_HZ)
