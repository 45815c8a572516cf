import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st
from packages import a_stem, a_track, write_package

from remixd.errors import InvalidInput, NotFound
from remixd.track.package import Analysis, Track, load_track, write_track

HOSTILE = 'quote " backslash \\ triple """ \' newline \n tab \t bell \x07 del \x7f nul \x00 한국어 🎵'


def on_disk(track: Track) -> None:
    """The files that a package must have, empty: `load_track` reads no audio."""
    for stem in (*track.stems, *([track.master] if track.master else [])):
        track.file_of(stem).parent.mkdir(exist_ok=True)
        track.file_of(stem).touch()


@given(title=st.text(), artist=st.text(), notes=st.lists(st.text(), max_size=4), language=st.text(max_size=9))
@example(title=HOSTILE, artist="x" * 300, notes=[HOSTILE, ""], language="ko")
def test_a_track_survives_the_disk_whatever_its_title(
    title: str, artist: str, notes: list[str], language: str
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        track = a_track(
            folder,
            stems=(
                a_stem("vocals-ko", "vocals", language=language, gain=4.0, colour="#009e73"),
                a_stem("vocals-en", "vocals", language="en", plays=False, estimated=True),
            ),
            title=title,
            artist=artist,
            isrc=title,
            notes=tuple(notes),
            source_kind="stem_mp4",
            source_name=artist,
            rate_hz=44_100,
            frames=12_345,
        )
        if len(notes) % 2:
            track = replace(track, master=a_stem("master", plays=False, file="master.flac", gain=2.0))
        write_track(folder, track)
        on_disk(track)
        assert load_track(folder) == track


def test_alternates_are_kept_but_do_not_play(tmp_path: Path) -> None:
    track = a_track(
        tmp_path,
        stems=(
            a_stem("vocals-en", "vocals"),
            a_stem("vocals-ko", "vocals", plays=False),
            a_stem("keys", "other"),
            a_stem("kick", "drums"),
            a_stem("hat", "drums"),
        ),
    )
    assert [stem.name for stem in track.playing_stems] == ["vocals-en", "keys", "kick", "hat"]
    assert track.roles == ("drums", "vocals", "other")
    assert [stem["plays"] for stem in track.to_json()["stems"]] == [True, False, True, True, True]


def test_the_package_is_told_flat(tmp_path: Path) -> None:
    analysis = Analysis(source="demo", duration_s=0.1, bpm=120.0, beats_s=(0.0,), onsets_s={"drums": (0.0,)})
    told = a_track(tmp_path, analysis=analysis).to_json()
    assert told["bpm"] == 120.0
    assert told["beats_s"] == [0.0]
    assert told["duration_s"] == 0.1
    assert {"id", "title", "stems", "downbeats_s", "metre", "key", "sections", "notes", "estimated"} <= set(
        told
    )


def test_more_than_eight_stems_never_play(tmp_path: Path) -> None:
    nine = [a_stem(f"stem-{i}") for i in range(9)]
    with pytest.raises(InvalidInput, match="9 stems"):
        a_track(tmp_path, stems=nine)
    assert a_track(tmp_path, stems=[*nine[:8], replace(nine[8], plays=False)])


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "a--b", "-a", "a.b", "x" * 81, "한"])
def test_a_stem_has_a_name_that_is_safe_as_a_file(name: str) -> None:
    with pytest.raises(InvalidInput):
        a_stem(name)


@pytest.mark.parametrize("gain", [0.5, 0.0, -2.0, 3.0, 1.5])
def test_a_gain_is_a_power_of_two(gain: float) -> None:
    with pytest.raises(InvalidInput):
        a_stem("drums", gain=gain)


def edited(folder: Path, **changed: Any) -> None:
    path = folder / "track.toml"
    path.write_text(tomli_w.dumps({**tomllib.loads(path.read_text()), **changed}))


STEM = {
    "name": "drums",
    "role": "drums",
    "language": "",
    "file": "stems/drums.flac",
    "gain": 1.0,
    "plays": True,
}
NULL = {"residual_db": -90.0, "aligned_db": -90.0, "segment_s": 10.0, "segments_db": [], "stems": []}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"format": "remixd-track-2"}, "newer remixd"),
        ({"format": "mp3"}, "format"),
        ({"title": 3}, "title"),
        ({"id": "../../etc"}, "id"),
        ({"rate_hz": 0}, "rate_hz"),
        ({"rate_hz": 44_100.5}, "rate_hz"),
        ({"frames": -1}, "frames"),
        ({"frames": 48_000 * 14_401}, "frames"),
        ({"notes": "one"}, "notes"),
        ({"source": {"kind": "tape", "name": "", "content": ""}}, "kind"),
        ({"source": 1}, "source"),
        ({"stems": []}, "0 stems"),
        ({"stems": [STEM, STEM]}, "one name"),
        ({"stems": [{**STEM, "role": "guitar"}]}, "stems[0]: role"),
        ({"stems": [{**STEM, "file": "../drums.flac"}]}, "stems[0]: file"),
        ({"stems": [{**STEM, "file": "/etc/passwd"}]}, "stems[0]: file"),
        ({"stems": [{**STEM, "gain": 3.0}]}, "gain"),
        ({"stems": [{**STEM, "gain": float("nan")}]}, "gain"),
        ({"stems": [{**STEM, "plays": 1}]}, "plays"),
        ({"stems": [{**STEM, "colour": "green"}]}, "colour"),
        ({"stems": [{**STEM, "estimated": "yes"}]}, "stems[0]: estimated"),
        ({"master": {"file": "/etc/passwd", "gain": 1.0}}, "master: file"),
        ({"null_test": 1}, "null_test"),
        ({"null_test": {**NULL, "segments_db": [0.0, "loud"]}}, "null_test: segments_db[1]"),
        ({"null_test": {**NULL, "segments_db": [0.0] * 20_000}}, "null_test: segments_db"),
        ({"null_test": {**NULL, "stems": [{"name": "drums"}]}}, "null_test: stems[0]: late_frames"),
    ],
)
def test_a_broken_field_of_a_package_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    write_package(tmp_path)
    edited(tmp_path, **changed)
    with pytest.raises(InvalidInput) as refused:
        load_track(tmp_path)
    assert named in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_package_that_lacks_a_file_is_not_there(tmp_path: Path) -> None:
    write_package(tmp_path)
    (tmp_path / "stems" / "bass.flac").unlink()
    with pytest.raises(NotFound, match=r"bass\.flac"):
        load_track(tmp_path)
    (tmp_path / "track.toml").unlink()
    with pytest.raises(NotFound, match=r"track\.toml"):
        load_track(tmp_path)


def test_an_analysis_of_another_song_is_refused(tmp_path: Path) -> None:
    track = write_package(tmp_path)
    write_track(tmp_path, replace(track, analysis=Analysis(source="demo", duration_s=9.0)))
    with pytest.raises(InvalidInput, match="duration_s"):
        load_track(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[[[", b"x = " + b"[" * 20_000, b"a" * (2**20 + 1)])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    write_package(tmp_path)
    (tmp_path / "track.toml").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"track\.toml"):
        load_track(tmp_path)
