"""Is every preset as loud as the artist's own mix?

Each song is rendered in the original and in every preset that is for it, racks in the session as they
are live, and the integrated loudness (ITU-R BS.1770) is compared. Louder must not win votes: the median over
songs has to be within 1 LU. Where a real song has a lead, that stands in for the voice.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from remixd.analysis.loudness import LoudnessMeter
from remixd.control.start import allowed
from remixd.demo import Song
from remixd.director.preset_files import load_blend, shipped_names
from remixd.track.rights import Rights
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from . import ours
from .bench_analysis import BESIDE, FOLDER, read_song
from .results import Case, Limit
from .runner import Task
from .songs import Audio

SECONDS: Final = 40.0
SECONDS_QUICK: Final = 8.0
SKIPPED_S: Final = 20.0
WITHIN_LU: Final = 1.0
OPEN: Final = Rights(ranges={}, vocals_solo=True)
DEMOS: Final = (
    ("vocals.ko", {"sections": ("verse", "chorus")}),
    ("vocals.en", {"bpm": 132.0, "semitones": -4.0, "sections": ("chorus", "bridge")}),
)
REAL: Final = (
    "lmms_dearjondoe",
    "lmms_mauiwowi",
    "midi_no_work_song",
    "midi_the_hobo_6-4",
    "mod_robochickens",
)

NOTHING: Final = "there is nothing to be heard"

Sounds = Mapping[StemRole, Audio]


def run(task: Task) -> None:
    """Compare every preset with the original in every song."""
    ours.prepare()
    presets = {name: load_blend({name: 1.0}) for name in shipped_names()}
    apart_lu: dict[str, list[float]] = {name: [] for name in presets}
    for song, sounds in _songs(task):
        roles = tuple(role for role in STEM_ROLES if role in sounds)
        with ours.cached(sounds, level=1.0) as files:
            original = _lufs(ours.perform(files, presets["original"].mix, ()))
            if original is None:
                task.skip(song, NOTHING)
                continue
            for name, preset in presets.items():
                if preset.objection(roles, None):
                    continue
                task.tell(f"{song}: {name}")
                mix = allowed(preset, OPEN, roles).mix
                found = _lufs(ours.perform(files, mix, preset.racks))
                if found is None:
                    task.skip(f"{name} of {song}", NOTHING)
                else:
                    apart_lu[name].append(found - original)
    for name, samples in apart_lu.items():
        if not samples:
            continue
        case: Case = {"preset": name}
        task.figure("louder than the original by", "LU", samples, case)
        task.figure(
            "median away from the original by", "LU", [abs(statistics.median(samples))], case,
            limits=[Limit(statistic="max", at_most=WITHIN_LU)],
        )  # fmt: skip


def _songs(task: Task) -> Iterator[tuple[str, Sounds]]:
    for vocals, words in DEMOS[: 1 if task.quick else None]:
        demo = Song(**words)
        names = {role: vocals if role == "vocals" else role for role in STEM_ROLES}
        seconds = SECONDS_QUICK if task.quick else SECONDS
        yield f"demo, {vocals}", {r: _cut(demo.render(name, RATE_HZ), seconds) for r, name in names.items()}
    folder = Path(os.environ.get(FOLDER) or BESIDE)
    for name in () if task.quick else REAL:
        if not (folder / "stems" / name / "truth.json").is_file():
            task.skip(name, f"it is not in {folder}; {FOLDER} names the folder")
            continue
        yield name, _real(folder, name)


def _real(folder: Path, name: str) -> Sounds:
    song = read_song(folder, name)
    sounds: dict[StemRole, Audio] = {}
    for role, mono in song.stems:
        heard = np.ascontiguousarray(soxr.resample(mono, song.rate_hz, RATE_HZ), np.float32)
        stereo = _cut(np.stack([heard, heard], axis=1))
        sounds[role] = sounds[role] + stereo if role in sounds else stereo
    return sounds


def _cut(sound: Audio, seconds: float = SECONDS) -> Audio:
    """Some of a sound, from after its beginning where it is long enough."""
    frames, skipped = round(seconds * RATE_HZ), round(SKIPPED_S * RATE_HZ)
    return sound[skipped : skipped + frames] if len(sound) > frames + skipped else sound[:frames]


def _lufs(sound: Audio) -> float | None:
    meter = LoudnessMeter(RATE_HZ)
    meter.add(sound)
    return meter.finish().integrated_lufs
