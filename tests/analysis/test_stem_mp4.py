import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import add_stem_atom, hits, write_stem_mp4

from remixd.analysis.stem_mp4 import StemEntry, says_nothing, stem_entries

NAMES = ("Drums", "Bass", "Synths", "Vox")
ENTRIES = tuple(StemEntry(name=name, colour="#00ff9e") for name in NAMES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An MP4 of five streams without a `stem` atom."""
    path = tmp_path_factory.mktemp("mp4") / "song.stem.mp4"
    return write_stem_mp4(path, [hits(0.3, 120)] * 5, None).read_bytes()


def with_atom(path: Path, plain: bytes, content: bytes) -> Path:
    path.write_bytes(plain)
    add_stem_atom(path, content)
    return path


def document(stems: object) -> bytes:
    return json.dumps({"version": 1, "stems": stems}).encode()


def test_the_names_and_colours_of_the_stems_are_read(tmp_path: Path, plain: bytes) -> None:
    path = with_atom(tmp_path / "a", plain, document([{"name": name, "color": "#00ff9E"} for name in NAMES]))
    assert stem_entries(path) == ENTRIES


def test_without_an_atom_there_are_no_names(tmp_path: Path, plain: bytes) -> None:
    (tmp_path / "a").write_bytes(plain)
    assert stem_entries(tmp_path / "a") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 50_000,
        b"7",
        document(None),
        document([]),
        document([{"name": "a"}] * 3),
        document([{"name": "a"}] * 500),
        document([{"name": "a" * 2**20}] * 4),
    ],
)
def test_an_unusable_atom_counts_as_none(tmp_path: Path, plain: bytes, content: bytes) -> None:
    assert stem_entries(with_atom(tmp_path / "a", plain, content)) is None


def test_names_become_one_short_line(tmp_path: Path, plain: bytes) -> None:
    stems = [{"name": "A\nB\x00C"}, {"name": 7}, "x", {"name": "y" * 500}]
    entries = stem_entries(with_atom(tmp_path / "a", plain, document(stems)))
    assert entries
    assert tuple(entry.name for entry in entries) == ("A B C", "", "", "y" * 60)


@given(data=st.data())
def test_hostile_boxes_neither_hang_nor_crash(
    data: st.DataObject, plain: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = with_atom(
        tmp_path_factory.getbasetemp() / "fuzz",
        plain,
        document([{"name": n, "color": "#00FF9e"} for n in NAMES]),
    )
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        box = data.draw(st.sampled_from([b"moov", b"udta", b"stem", b"mdat", b"ftyp", b"meta"]))
        at = raw.rfind(box)
        if at >= 4:
            size = data.draw(st.sampled_from([0, 1, 7, 8, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1))
            raw[at - 4 : at] = struct.pack(">I", size)
    path.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert stem_entries(path) in (None, ENTRIES)


def test_endless_boxes_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(struct.pack(">I", 8) + b"free" + (struct.pack(">I", 8) + b"free") * 300_000)
    assert stem_entries(tmp_path / "a") is None


@pytest.mark.parametrize(
    ("name", "nothing"), [("", True), ("Stem 3", True), ("track_1", True), ("Kick 1", False)]
)
def test_a_number_is_no_name(name: str, nothing: bool) -> None:
    assert says_nothing(name) is nothing


@pytest.mark.parametrize(
    "colour", [None, 7, "", "green", "#fff", "#12345g", "#1234567", "#123456\n", "１２３４５６"]
)
def test_what_is_no_colour_is_left_out(tmp_path: Path, plain: bytes, colour: object) -> None:
    path = with_atom(tmp_path / "a", plain, document([{"name": name, "color": colour} for name in NAMES]))
    assert stem_entries(path) == tuple(StemEntry(name=name, colour="") for name in NAMES)
