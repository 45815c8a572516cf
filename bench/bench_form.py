"""Do sections begin where the music does, and is the key right?

Sections are looked for on the song's true bars, so that only the form is judged, and compared with a plain
grid of four bars: songs whose score tells when parts come in or rest (LMMS), a tracker's patterns, and the
demo song in other orders. The MIDI songs play all their parts throughout: of them only the key is known. Keys
have MIREX's weighted score, and count where the signature and the notes agree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.key import find_key
from remixd.analysis.sections import find_form
from remixd.analysis.song_features import StemSource, listen
from remixd.demo import Song
from remixd.units import StemRole

from .bench_analysis import BESIDE, FOLDER, read_song
from .results import Case
from .runner import Task
from .section_scores import arranged, read_lmms_parts, score_boundaries, score_key

Audio = NDArray[np.float32]

GRID_BARS: Final = 4
PROJECTS: Final = {
    "lmms_mauiwowi": "Alf42red-Mauiwowi.mmpz",
    "lmms_dearjondoe": "StrictProduction-DearJonDoe.mmp",
}
KEYS: Final = {"midi_no_work_song": "C minor"}
TRACKER: Final = "mod_robochickens"
DEMOS: Final = (
    (96.0, 2.0, ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")),
    (132.0, -4.0, ("verse", "verse", "chorus", "bridge", "verse", "chorus", "outro")),
    (150.0, 5.0, ("intro", "verse", "chorus", "bridge", "verse", "chorus", "outro")),
)
"""Beats a minute, semitones and sections."""
DEMO_STEMS: Final[tuple[tuple[StemRole, str], ...]] = (
    ("drums", "drums"), ("bass", "bass"), ("vocals", "vocals.ko"), ("other", "other"),
)  # fmt: skip
DEMO_RATE_HZ: Final = 22_050


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A song and what is known of it; `boundaries_s` and `key` are empty where that is nothing."""

    name: str
    rate_hz: int
    stems: Sequence[tuple[StemRole, Audio]]
    downbeats_s: Sequence[float]
    boundaries_s: Sequence[float] = ()
    key: str = ""


def run(task: Task) -> None:
    """Find the form and the key of every song."""
    for form in _songs(Path(os.environ.get(FOLDER) or BESIDE), task):
        task.tell(form.name)
        case: Case = {"song": form.name}
        frames = max(pcm.shape[0] for _, pcm in form.stems)
        heard = listen(
            {f"{role} {n}": StemSource(role=role, blocks=[pcm]) for n, (role, pcm) in enumerate(form.stems)},
            form.rate_hz,
        )
        found = find_form(heard.bands, heard.tones, form.downbeats_s, frames / form.rate_hz)
        if form.boundaries_s:
            starts_s = [section.start_s for section in found.sections]
            for system, times_s in (("remixd", starts_s), ("grid", form.downbeats_s[::GRID_BARS])):
                score = score_boundaries(times_s, form.boundaries_s)
                told: Case = {**case, "boundaries": system}
                task.figure("boundaries, precision", "share", [score.precision], told)
                task.figure("boundaries, recall", "share", [score.recall], told)
                task.figure("boundaries found", "", [score.found], told)
        if form.key:
            key = find_key(heard.tones)
            task.figure("key, weighted", "share", [score_key(key.name if key else None, form.key)], case)


def _songs(folder: Path, task: Task) -> Iterator[Form]:
    for bpm, semitones, sections in DEMOS[: 1 if task.quick else None]:
        yield _demo(bpm, semitones, sections)
    for name in (*PROJECTS, TRACKER, *KEYS) if not task.quick else ():
        if not (folder / "stems" / name / "truth.json").is_file():
            task.skip(name, f"it is not in {folder}; {FOLDER} names the folder")
            continue
        yield _real(folder, name)


def _demo(bpm: float, semitones: float, sections: tuple[str, ...]) -> Form:
    song = Song(bpm=bpm, semitones=semitones, sections=sections)
    truth: dict[str, Any] = song.analysis()
    return Form(
        name=f"demo, {bpm:g} bpm",
        rate_hz=DEMO_RATE_HZ,
        stems=[(role, song.render(name, DEMO_RATE_HZ)) for role, name in DEMO_STEMS],
        downbeats_s=truth["downbeats_s"],
        boundaries_s=[section["start_s"] for section in truth["sections"]],
        key=truth["key"],
    )


def _real(folder: Path, name: str) -> Form:
    song = read_song(folder, name)
    downbeats_s = song.truth.downbeats_s
    boundaries_s: Sequence[float] = ()
    if name in PROJECTS:
        parts = read_lmms_parts(folder / "scores" / PROJECTS[name], downbeats_s.shape[0])
        boundaries_s = downbeats_s[arranged(parts)].tolist()
    elif name == TRACKER:
        truth = json.loads((folder / "stems" / name / "truth.json").read_text("utf-8"))
        boundaries_s = truth["pattern_boundaries"]
    return Form(
        name=name,
        rate_hz=song.rate_hz,
        stems=[(role, np.stack([pcm, pcm], axis=1)) for role, pcm in song.stems],
        downbeats_s=downbeats_s.tolist(),
        boundaries_s=boundaries_s,
        key=KEYS.get(name, ""),
    )
