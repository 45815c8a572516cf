"""What an import says of stems that are, or are not, their master."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recordings import write_wav
from sounds import noise

from remixd.analysis.ingest import ingest
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library

RATE_HZ = 44_100
DRUMS, BASS = (noise(8 * RATE_HZ, seed=seed, level=0.05) for seed in (1, 2))


def notes(folder: Path, **files: np.ndarray) -> list[str]:
    """Import stems and master, and return what is told of their sum."""
    (folder / "song").mkdir()
    for name, pcm in files.items():
        write_wav(folder / "song" / f"{name}.wav", pcm, RATE_HZ, bits=24)
    with Library(folder / "library") as library:
        track = ingest(folder / "song", library, ImportOptions(), lambda _share, _doing: None).track
    return [note for note in track.notes if not note.startswith("left out")]


def test_stems_that_are_the_master_are_told_as_such_in_one_line(tmp_path: Path) -> None:
    [told] = notes(tmp_path, drums=DRUMS, bass=BASS, master=DRUMS + BASS)
    assert told.startswith("the stems sum to the master to -")
    assert float(told.split()[-2]) < -80


def test_a_late_stem_and_one_of_opposite_polarity_are_named_with_how_late(tmp_path: Path) -> None:
    late = np.roll(BASS, 441, axis=0)
    late[:441] = 0
    told = notes(tmp_path, drums=-DRUMS, bass=late, master=DRUMS + BASS)
    assert "bass is 10.0 ms late beside the master" in told
    assert "drums has the opposite polarity of the master" in told
    assert told[-1].startswith("aligned, to -")


def test_a_stem_that_is_not_in_the_master_is_named(tmp_path: Path) -> None:
    assert "bass is silent, or is not in the master" in notes(tmp_path, drums=DRUMS, bass=BASS, master=DRUMS)


def test_a_silent_master_says_nothing_of_its_stems(tmp_path: Path) -> None:
    told = notes(tmp_path, drums=DRUMS, bass=BASS, master=np.zeros_like(DRUMS))
    assert "the master is silent: the stems cannot be compared with it" in told
    assert not any(note.startswith(("bass", "drums")) for note in told)


def test_a_master_with_effects_of_its_own_blames_no_stem(tmp_path: Path) -> None:
    told = notes(tmp_path, drums=DRUMS, bass=BASS, master=np.tanh(20 * (DRUMS + BASS)) / 4)
    assert len(told) == 1
