"""Sound that goes on in a way that is known, and the first sample where it does not.

A pattern repeats every `period` frames, and so does all that is made of it by what does not change: a mix, an
effect, a stretcher at rest. So the first sample that is not what it was a period before is the first that a
change touched, to the sample. Two patterns: one value throughout (a period of one), and noise that is never
near zero, which no stretching can leave as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.track.analysis import Section
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from .songs import Audio, Form

NOISE_PERIOD: Final = 4096
"""A multiple of every block that is measured, and of a stretcher's hop."""
BEAT_FRAMES: Final = 3 * NOISE_PERIOD
"""A beat of .256 s, a bar and a phrase of four: whatever jumps or loops by them goes on in step."""
SECTION_BEATS: Final = 20
LOOP_BEATS: Final = 16
LEVELS, NOISE = "levels", "noise"
"""The sections of the song."""

STARTS_S: Final = {LEVELS: 0.0, NOISE: SECTION_BEATS * BEAT_FRAMES / RATE_HZ}

LEVEL: Final = 0.1
QUIETEST: Final = 0.2
"""Of the noise, as a share of its peak."""

SAME: Final = 1e-6
"""Beside full scale: what rounding in single precision can make of the same sound. -120 dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How a sound goes on while nothing changes.

    Attributes:
        section: of the song, where it does so.
        period: after so many frames each sample is the same again.
        same: by how much they may differ then.
    """

    section: str
    period: int
    same: float

    def departure(self, samples: NDArray[np.float32], start: int, end: int) -> int | None:
        """The first sample in [start, end) that is not the one a period before; None if there is none.

        Args:
            samples: float32, one channel.
            start: nothing is looked for in the first period, which has no past.
            end: may lie behind the last sample.
        """
        start, end = max(start, self.period), min(end, len(samples))
        if start >= end:
            return None
        before = samples[start - self.period : end - self.period]
        departed = np.abs(samples[start:end] - before) > self.same
        return start + int(departed.argmax()) if departed.any() else None


STEADY: Final = Continuation(section=LEVELS, period=1, same=0.0)
TEXTURE: Final = Continuation(section=NOISE, period=NOISE_PERIOD, same=SAME)
EITHER: Final = Continuation(section=LEVELS, period=NOISE_PERIOD, same=SAME)
"""From one section to the other."""


def make_pattern(seed: int, periods: int, level: float = LEVEL) -> Audio:
    """Noise of one period, again and again: float32 (frames, 2), each sample QUIETEST to 1 times `level`."""
    rng = np.random.default_rng(seed)
    signs = rng.choice((-1.0, 1.0), NOISE_PERIOD)
    wave = (rng.uniform(QUIETEST, 1.0, NOISE_PERIOD) * signs * level).astype(np.float32)
    return np.repeat(np.tile(wave, periods)[:, None], 2, axis=1)


def make_song() -> tuple[dict[StemRole, Audio], Form]:
    """Four stems, of one value each in the first section and of noise in the second."""
    frames = SECTION_BEATS * BEAT_FRAMES
    stems = {
        role: np.concatenate(
            [np.full((frames, 2), LEVEL, np.float32), make_pattern(seed, frames // NOISE_PERIOD)]
        )
        for seed, role in enumerate(STEM_ROLES)
    }
    middle_s, end_s = (frames * count / RATE_HZ for count in (1, 2))
    sections = (
        Section(label=LEVELS, start_s=0.0, end_s=middle_s),
        Section(label=NOISE, start_s=middle_s, end_s=end_s),
    )
    return stems, Form(bpm=60 * RATE_HZ / BEAT_FRAMES, phrase_bars=1, sections=sections)
