"""Music with its truth: the demo song, performed anew at every tempo and in every key.

The song's synthesiser plays notes, not samples: a performance at another tempo or in another key is what an
ideal stretch of the first would sound like. Rendering is dry, since a room rings for the same time at any
tempo. Performances are kept in the user's cache under a key made of the synthesiser's own sources.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

import remixd.demo
from remixd.config import user_cache_path
from remixd.demo import Song
from remixd.demo.grid import HOME_BPM
from remixd.demo.score import Score, written
from remixd.synth.chance import one
from remixd.units import RATE_HZ, STEM_ROLES, StemRole, frames_from_seconds

from .songs import Audio

SECTIONS: Final = ("pre-chorus", "chorus")
BARS: Final = 6
LOOSE_S: Final = 0.0013
"""How far another perfect performance moves a note, at most."""

_STEMS: Final[Mapping[StemRole, str]] = {
    "drums": "drums", "bass": "bass", "vocals": "vocals.en", "other": "other",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """One way to play the song.

    Attributes:
        tempo: over the song's own; semitones: above its own key. Formants stay, and drums do, in every key.
        again: whether it is another take: every note up to 1.3 ms early or late, nothing else changed.
        bars: from the first.
    """

    tempo: float = 1.0
    semitones: float = 0.0
    again: bool = False
    bars: int = BARS

    @property
    def song(self) -> Song:
        """What is played."""
        made = _Again if self.again else Song
        return made(bpm=HOME_BPM * self.tempo, semitones=self.semitones, space=0.0, sections=SECTIONS)

    def stems(self) -> dict[StemRole, Audio]:
        """Its stems, float32 (frames, 2) each; from the cache, if they were made before."""
        path = _folder() / f"{self._name}.npz"
        try:
            with path.open("rb") as file, np.load(file) as kept:
                return {role: kept[role] for role in STEM_ROLES}
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            stems = {role: self.song.render(_STEMS[role], RATE_HZ, stop_bar=self.bars) for role in STEM_ROLES}
            _keep(path, stems)
            return stems

    def onsets(self) -> dict[StemRole, list[int]]:
        """The frames at which notes begin."""
        listed = self.song.analysis()["onsets_s"]
        return {role: [frames_from_seconds(at_s) for at_s in listed[_STEMS[role]]] for role in STEM_ROLES}

    @property
    def _name(self) -> str:
        take = "again" if self.again else "first"
        return f"{self.bars}-{self.tempo:.6f}-{self.semitones:g}-{take}"


class _Again(Song):
    """The song with every note moved by a little of its own."""

    @property
    def score(self) -> Score:
        bpm = self.bpm[0] if isinstance(self.bpm, tuple) else self.bpm  # it does not move
        return _loosened(self.sections, LOOSE_S * bpm / 60.0)


@cache
def _loosened(sections: tuple[str, ...], loose_beats: float) -> Score:
    score = written(sections)

    def moved(note: Any) -> Any:
        return replace(note, beat=max(note.beat + loose_beats * one(note.seed, "loose"), 0.0))

    parts = {stem: tuple(map(moved, notes)) for stem, notes in score.parts.items()}
    sung = {
        stem: tuple(replace(breath, syllables=tuple(map(moved, breath.syllables))) for breath in breaths)
        for stem, breaths in score.sung.items()
    }
    return replace(score, parts=parts, sung=sung)


def full_mix(stems: Mapping[StemRole, Audio]) -> Audio:
    """The sum of the stems."""
    total: Audio = np.sum([stems[role] for role in STEM_ROLES], axis=0, dtype=np.float32)
    return total


def _folder() -> Path:
    """The folder of this version of the synthesiser."""
    return user_cache_path() / "bench" / f"corpus-{_key()}"


@cache
def _key() -> str:
    sources = sorted(Path(remixd.demo.__file__).parent.glob("*.py"))
    text = b"".join(path.read_bytes() for path in [*sources, Path(__file__)]) + np.__version__.encode()
    return hashlib.sha256(text).hexdigest()[:16]


def _keep(path: Path, stems: Mapping[StemRole, Audio]) -> None:
    """Keep a performance for the next run, and no version before this; where nothing can be kept, do not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.parent.glob("corpus-*"):
            if old != path.parent:
                shutil.rmtree(old, ignore_errors=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **stems)  # type: ignore[arg-type]  # numpy's hint is for positional arrays only
        partial.replace(path)
    except OSError:
        return
