"""Files that were damaged at random: each is a clear error or a good track, and nothing is left behind."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import hits, write_coded, write_float_wav, write_stem_mp4, write_wav

from remixd.analysis.ingest import ingest
from remixd.errors import RemixdError
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

Damage = Callable[[bytearray, random.Random], None]
NAMES = ("a.wav", "float.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.stem.mp4")


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 3, 30])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def flip_the_head(data: bytearray, rng: random.Random) -> None:
    for _ in range(3):
        data[rng.randrange(min(64, len(data)))] = rng.randrange(256)


def drop_the_middle(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 5000)]


def repeat_the_middle(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.randrange(1, 5000)]


def scribble(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at : at + 200] = rng.randbytes(200)


DAMAGES: tuple[Damage, ...] = (cut, flip, flip_the_head, drop_the_middle, repeat_the_middle, scribble)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    sound = hits(0.6, 120, 48_000)
    for name in NAMES:
        if name == "float.wav":
            write_float_wav(folder / name, sound, 48_000)
        elif name == "a.stem.mp4":
            write_stem_mp4(folder / name, [sound] * 5, ["Drums", "Bass", "Other", "Vox"], 48_000)
        else:
            (write_wav if name == "a.wav" else write_coded)(folder / name, sound, 48_000)
    return {name: (folder / name).read_bytes() for name in NAMES}


def attempted(path: Path, library: Library) -> Track | str:
    """The track, or what the error says. Any other exception is a failure."""
    try:
        return ingest(path, library, ImportOptions(), lambda _share, _doing: None).track
    except RemixdError as error:
        return str(error)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_an_error_or_a_good_track(
    tmp_path: Path, originals: dict[str, bytes], name: str, damage: Damage
) -> None:
    rng = random.Random(f"{name} {damage.__name__}")
    with Library(tmp_path / "library") as library:
        for attempt in range(3):
            data = bytearray(originals[name])
            damage(data, rng)
            other_suffix = name if attempt else "a" + Path(rng.choice(NAMES)).suffix
            path = tmp_path / other_suffix
            path.write_bytes(bytes(data))
            before = {row.id for row in library.tracks()}
            outcome = attempted(path, library)
            if isinstance(outcome, str):
                assert path.name in outcome
                assert len(outcome.splitlines()) == 1
                assert {row.id for row in library.tracks()} == before
            else:
                for stem in outcome.stems:
                    sound = np.concatenate(list(read_flac(outcome.file_of(stem), stem.gain)))
                    assert sound.shape == (outcome.frames, 2)
                    assert np.isfinite(sound).all()
            assert list((library.path / "incoming").iterdir()) == []
            assert {entry.name for entry in (library.path / "tracks").iterdir()} == {
                row.id for row in library.tracks()
            }
