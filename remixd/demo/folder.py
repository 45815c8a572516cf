"""The song as a folder of stems, as an importer takes it."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Final

import numpy as np

from remixd.demo.song import ARTIST, TITLE, Song
from remixd.synth.sound import Audio

_FULL_SCALE: Final = (1 << 23) - 1
_BYTES: Final = 3


def write_song(folder: Path, song: Song | None = None, rate_hz: int = 48_000) -> Path:
    """Render a song into a folder, made if it is not there.

    Writes `drums.wav bass.wav other.wav vocals.ko.wav vocals.en.wav` (24-bit PCM), `song.toml` (title,
    artist) and, last of all, `analysis.json`: a folder without it was not finished. Files of these names
    are replaced.

    Args:
        folder: where to.
        song: the song at its own tempo and key if None.
        rate_hz: sample rate of the stems.

    Returns:
        The folder.

    Raises OSError where a file cannot be written, ValueError for a rate that cannot be. Thread: [ingest].
    """
    song = song or Song()
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / "analysis.json"
    finished.unlink(missing_ok=True)
    for stem in song.STEMS:
        _write_wav(folder / f"{stem}.wav", song.render(stem, rate_hz), rate_hz)
    (folder / "song.toml").write_text(f'title = "{TITLE}"\nartist = "{ARTIST}"\n', encoding="utf-8")
    unfinished = folder / "analysis.json.part"
    unfinished.write_text(json.dumps(song.analysis(), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(finished)
    return folder


def _write_wav(path: Path, sound: Audio, rate_hz: int) -> None:
    """24-bit PCM; `Song.render` never reaches full scale, so there is nothing to clip."""
    samples = np.rint(sound * np.float64(_FULL_SCALE)).astype("<i4")
    packed = samples.reshape(-1, 1).view(np.uint8)[:, :_BYTES]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(_BYTES)
        file.setframerate(rate_hz)
        file.writeframes(packed.tobytes())
