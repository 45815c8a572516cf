"""Songs that were damaged at random, and what must hold whatever becomes of them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mido
import numpy as np
import tomli_w
from recordings import MUSIC, hits, sine, write_coded, write_float_wav, write_stem_mp4, write_wav

from remixd.analysis.decode import Source, decode
from remixd.analysis.ingest import ingest
from remixd.errors import RemixdError
from remixd.track.analysis import Analysis
from remixd.track.flac import read_flac
from remixd.track.import_options import ImportOptions
from remixd.track.library import Library
from remixd.track.package import Track

RATE_HZ: Final = 48_000
SECONDS: Final = 0.4
Damage = Callable[[bytearray, random.Random], None]


@dataclass(frozen=True, slots=True)
class Specimen:
    """A file to damage, in what it belongs to.

    Attributes:
        name: of the file.
        song: what is imported, in the folder of the specimen; the file itself, or what it lies beside.
        grid: whether the file is given as a grid.
    """

    name: str
    song: str
    grid: bool = False


SINGLE: Final = ("a.wav", "float.wav", "deep.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.stem.mp4")
SPECIMENS: Final = (
    *(Specimen(name, name) for name in SINGLE),
    *(Specimen(f"song/{name}", "song") for name in ("song.toml", "analysis.json", "drums.flac")),
    *(Specimen(f"grid.{suffix}", "a.wav", grid=True) for suffix in ("xml", "mid", "csv")),
)

CSV: Final = "time_s,beat,metre\n" + "".join(f"{0.05 + beat * 0.1:.3f},{beat % 4 + 1}\n" for beat in range(4))
XML: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0"><COLLECTION Entries="1">\n'
    '<TRACK TrackID="1" Name="a" Location="file://localhost/a.wav">\n'
    '<TEMPO Inizio="0.020" Bpm="600.00" Metro="4/4" Battito="1"/></TRACK>\n</COLLECTION></DJ_PLAYLISTS>\n'
)


def make_originals(folder: Path) -> None:
    """One whole file of each kind, of a real song where there is one beside this checkout."""
    sound = _music()
    for name in SINGLE:
        path = folder / name
        if name == "float.wav":
            write_float_wav(path, sound, RATE_HZ)
        elif name == "deep.wav":
            write_wav(path, sound, RATE_HZ, bits=24)
        elif name == "a.stem.mp4":
            write_stem_mp4(path, [sound] * 5, ["Drums", "Bass", "Other", "Vox"], RATE_HZ)
        else:
            (write_wav if name == "a.wav" else write_coded)(path, sound, RATE_HZ)
    song = folder / "song"
    song.mkdir()
    write_coded(song / "drums.flac", sound, RATE_HZ)
    write_wav(song / "bass.wav", sine(SECONDS, 80, RATE_HZ), RATE_HZ)
    write_wav(song / "master.wav", sound, RATE_HZ)
    (song / "song.toml").write_text(
        tomli_w.dumps({"title": "A", "artist": "B", "isrc": "C", "language": "ko"})
    )
    analysis = Analysis(
        source="demo", duration_s=SECONDS, bpm=600.0, metre="4/4", beats_s=(0.0, 0.1, 0.2, 0.3),
        downbeats_s=(0.0,), key="A minor", onsets_s={"drums": (0.1, 0.2)},
    )  # fmt: skip
    (song / "analysis.json").write_text(analysis.to_json())
    (folder / "grid.csv").write_text(CSV)
    (folder / "grid.xml").write_text(XML)
    meta = [
        mido.MetaMessage("set_tempo", tempo=100_000),
        mido.MetaMessage("time_signature", numerator=4, denominator=4),
        mido.MetaMessage("set_tempo", tempo=110_000, time=960),
        mido.MetaMessage("end_of_track", time=960),
    ]
    mido.MidiFile(tracks=[mido.MidiTrack(meta)]).save(folder / "grid.mid")


def _music() -> np.ndarray:
    mix = MUSIC / "mixes" / "skyvibe.ogg"
    if not mix.is_file():
        return hits(SECONDS, 300, RATE_HZ)
    part = next(iter(decode(Source(path=mix, name="mix")))).block
    return np.asarray(part[-round(SECONDS * RATE_HZ) :], np.float64)


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


def swap(data: bytearray, rng: random.Random) -> None:
    """Two stretches change places."""
    first, second = sorted(rng.randrange(len(data)) for _ in range(2))
    size = rng.randrange(1, 300)
    one, other = bytes(data[first : first + size]), bytes(data[second : second + size])
    data[second : second + size] = one
    data[first : first + size] = other


def huge_number(data: bytearray, rng: random.Random) -> None:
    """Four bytes are all ones, or the greatest that has a sign: lengths and counts that nobody can have."""
    at = rng.randrange(max(1, len(data) - 4))
    data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)])


BYTES: Final[tuple[Damage, ...]] = (
    cut, flip, flip_the_head, drop_the_middle, repeat_the_middle, scribble, swap, huge_number,
)  # fmt: skip

NASTY: Final = (
    b"-1", b"0", b"1e309", b"NaN", b"-Infinity", b"9" * 400, b"null", b"true", b'""', b'"\\ud800"', b"[]",
    b"{}", b"[" * 3000, b'"' + b"x" * 5000 + b'"', b"1979-05-27", b"0x7fffffffffffffff", b"\xff\xfe", b"\0",
    b"&x;", b"", "\u202e가".encode(),
)  # fmt: skip


def replace_a_word(data: bytearray, rng: random.Random) -> None:
    """One word of a text is another one, such as nobody would write."""
    text = bytes(data)
    ends = [at for at, byte in enumerate(text) if byte in b' \n,:=[]{}<>"'] + [len(text)] * 2
    first = rng.randrange(len(ends) - 1)
    data[ends[first] + 1 : ends[first + 1]] = rng.choice(NASTY)


def shuffle_lines(data: bytearray, rng: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    rng.shuffle(lines)
    data[:] = b"\n".join(lines * rng.choice([1, 2]))


TEXT: Final[tuple[Damage, ...]] = (*BYTES, replace_a_word, replace_a_word, replace_a_word, shuffle_lines)


def damaged(originals: Path, folder: Path, specimen: Specimen, seed: object) -> tuple[Path, ImportOptions]:
    """Make a damaged song in a folder that is empty; the same for the same seed. Returns how to import it."""
    rng = random.Random(f"{specimen.name} {seed}")
    for name in {specimen.name.partition("/")[0], specimen.song}:
        source = originals / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    path = folder / specimen.name
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 1, 2])):
        is_text = path.suffix in (".toml", ".json", ".csv", ".xml")
        if len(data) > 20 or (data and not is_text):
            rng.choice(TEXT if is_text else BYTES)(data, rng)
    path.write_bytes(bytes(data))
    if specimen.name == specimen.song and rng.random() < 0.2:
        path = path.rename(folder / f"a{Path(rng.choice(SINGLE)).suffix}")
    options = ImportOptions(grid=path if specimen.grid else None)
    return (folder / specimen.song if specimen.name != specimen.song else path), options


def outcome(song: Path, options: ImportOptions, library: Library) -> Track | str:
    """The track, or what the error says. Any other exception is a failure."""
    try:
        return ingest(song, library, options, lambda _share, _doing: None).track
    except RemixdError as error:
        return str(error)


def check_outcome(found: Track | str, song: Path, options: ImportOptions) -> None:
    """An error is one line that names a file; a track sounds, in its length."""
    if isinstance(found, str):
        assert len(found.splitlines()) == 1, found
        assert found.isprintable(), repr(found)
        assert len(found) < 1000, found
        assert "failed within" not in found
        names = {song.name, *((options.grid and {options.grid.name}) or ())}
        names |= {entry.name for entry in song.iterdir()} if song.is_dir() else set()
        assert any(name in found for name in names), found
        return
    for stem in found.stems:
        sound = np.concatenate(list(read_flac(found.file_of(stem), stem.gain)))
        assert sound.shape == (found.frames, 2)
        assert np.isfinite(sound).all()
    assert Analysis.from_json(found.analysis.to_json()) == found.analysis


def check_library(library: Library) -> None:
    """Nothing of an import is left but tracks that can be read."""
    assert list((library.path / "incoming").iterdir()) == []
    listed = {row.id for row in library.tracks()}
    assert {entry.name for entry in (library.path / "tracks").iterdir()} == listed
    assert all(library.get(track).id == track for track in listed)


def open_files() -> int:
    """How many descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children(pid: int, word: bytes = b"") -> list[int]:
    """The children of a process that have a word in their command lines."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if word in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found
