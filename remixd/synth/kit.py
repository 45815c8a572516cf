"""What the groove layer plays: the sounds of its bank, in order, and how loud each is. No sound is made here.

A level is that of one stroke, K-weighted as ITU-R BS.1770-4 has it, as if it were all there is in 400 ms:
so strokes that sound equally loud have equal levels, and what a bar of them comes to can be reckoned.
Thread: any.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 0.4

BASS_LOW: Final = 24
BASS_HIGH: Final = 47
"""MIDI numbers of the lowest and highest note of the bass: C1 and B2."""

HATS: Final = 1
NOTES: Final = 2
"""Groups of which only one sounds: a closed hat ends an open one, a note of the bass the one before."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound of the bank: its name, its level in LUFS, and its group; 0 is none."""

    name: str
    level_lufs: float
    group: int = 0


SOUNDS: Final = (
    Sound("kick", -18.0),
    Sound("snare", -18.0),
    Sound("clap", -20.0),
    Sound("rim", -24.0),
    Sound("hat", -27.0, HATS),
    Sound("open", -25.0, HATS),
    Sound("ride", -27.0),
    Sound("shaker", -28.0),
    Sound("tambourine", -27.0),
    Sound("tom_high", -20.0),
    Sound("tom_mid", -20.0),
    Sound("tom_low", -20.0),
    Sound("riser", -16.0),
    Sound("impact", -12.0),
    *(Sound(f"bass {pitch}", -20.0, NOTES) for pitch in range(BASS_LOW, BASS_HIGH + 1)),
)

INDEX: Final = {sound.name: index for index, sound in enumerate(SOUNDS)}
"""Which sound of the bank a name is."""


def bass(pitch: int) -> int:
    """The sound of a MIDI note, moved by octaves into the bass's range."""
    while pitch > BASS_HIGH:
        pitch -= 12
    while pitch < BASS_LOW:
        pitch += 12
    return INDEX[f"bass {pitch}"]


def loudness_lufs(strokes: Iterable[tuple[int, float]], seconds: float) -> float:
    """How loud strokes are together, each a sound and its linear gain, in so many seconds; -120 for none."""
    energy = sum(gain * gain * 10.0 ** (SOUNDS[sound].level_lufs / 10.0) for sound, gain in strokes)
    return 10.0 * math.log10(energy * WINDOW_S / seconds) if energy > 1e-12 else -120.0
