"""Songs to measure with: four stems, made from numbers alone, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.control.encoder import write_audio
from remixd.track.analysis import Analysis, Section
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

Audio = NDArray[np.float32]
BPM: Final = 120.0
CHORD_HZ: Final = (261.6, 329.6, 392.0, 523.3, 784.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a song is counted: its tempo and metre, the bars of a phrase, and its sections, none by default."""

    bpm: float = BPM
    metre: str = "4/4"
    phrase_bars: int = 4
    sections: tuple[Section, ...] = ()


PLAIN: Final = Form()


def make_music(seconds: float, level: float = 0.1) -> dict[StemRole, Audio]:
    """Drums, bass, vocals and other, as busy as music: onsets, vibrato, chords. float32 (frames, 2) each."""
    rng = np.random.default_rng(7)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_beat_s = time_s % (60 / BPM)
    vibrato = 2 * np.pi * 220 * time_s + 0.8 * np.sin(2 * np.pi * 5.5 * time_s)
    waves = {
        "drums": rng.standard_normal(len(time_s)) * np.exp(-since_beat_s * 30) * 1.5,
        "bass": np.sin(2 * np.pi * 55 * time_s) + 0.4 * np.sin(2 * np.pi * 110 * time_s),
        "vocals": np.sum([np.sin(k * vibrato) / k for k in range(1, 16)], axis=0),
        "other": np.sum([np.sin(2 * np.pi * hz * time_s) for hz in CHORD_HZ], axis=0) / 2.5,
    }
    return {role: _stereo(waves[role] * level) for role in STEM_ROLES}


def make_levels(seconds: float, level: float = 0.1) -> dict[StemRole, Audio]:
    """Stems that hold one value throughout, so that the very first sample that a gain changes can be told."""
    frames = round(seconds * RATE_HZ)
    return {role: np.full((frames, 2), level, dtype=np.float32) for role in STEM_ROLES}


def write_song(folder: Path, stems: Mapping[StemRole, Audio], form: Form = PLAIN) -> Path:
    """Write stems as a folder that can be imported, its beats beside it. Returns the folder."""
    folder.mkdir(parents=True)
    seconds = len(next(iter(stems.values()))) / RATE_HZ
    for role, pcm in stems.items():
        write_audio(folder / f"{role}.wav", iter([pcm]), RATE_HZ)
    beats_s = tuple(np.arange(0.0, seconds, 60 / form.bpm).tolist())
    downbeats_s = beats_s[:: int(form.metre.partition("/")[0])]
    analysis = Analysis(
        source="demo", duration_s=seconds, bpm=form.bpm, metre=form.metre, beats_s=beats_s,
        downbeats_s=downbeats_s, phrases_s=downbeats_s[:: form.phrase_bars], sections=form.sections,
    )  # fmt: skip
    (folder / "analysis.json").write_text(analysis.to_json(), "utf-8")
    return folder


def _stereo(wave: NDArray[np.float64]) -> Audio:
    delayed = np.roll(wave, 29)
    return np.stack([wave, 0.8 * delayed], axis=1).astype(np.float32)
