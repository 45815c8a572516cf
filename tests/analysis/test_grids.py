import itertools
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remixd.analysis.grids import SongNames, read_grid
from remixd.errors import InvalidInput
from remixd.track.analysis import LEAST_BEAT_S, Analysis, Section

COMPUTED = Analysis(
    source="computed",
    duration_s=60.0,
    bpm=99.0,
    metre="3/4",
    beats_s=(1.0, 2.0),
    key="A minor",
    sections=(Section(start_s=0.0, end_s=2.0, label="verse"),),
    estimated=("metre", "key"),
    confidence={"bpm": 0.2, "key": 0.9},
)
SONG = SongNames(path=Path("/music/Sets/My Song.flac"), title="My Song")


def applied(path: Path, song: SongNames = SONG, duration_s: float = 60.0) -> Analysis:
    found = read_grid(path, song).apply(replace(COMPUTED, duration_s=duration_s))
    return Analysis.from_json(found.to_json())  # what a package accepts


def refused(path: Path, song: SongNames = SONG) -> str:
    with pytest.raises(InvalidInput) as error:
        read_grid(path, song).apply(COMPUTED)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def grid_or_word(path: Path) -> Analysis | str:
    """What a hostile file gives: a grid, or the word of refusal."""
    try:
        return applied(path)
    except InvalidInput as error:
        return str(error)


def csv(path: Path, text: str) -> Path:
    file = path / "grid.csv"
    file.write_text(text, "utf-8")
    return file


def midi(path: Path, events: Sequence[tuple[int, mido.MetaMessage]], resolution: int = 480) -> Path:
    file = mido.MidiFile(ticks_per_beat=resolution)
    track = mido.MidiTrack()
    for (before, _), (tick, message) in itertools.pairwise([(0, None), *events]):
        track.append(message.copy(time=tick - before))
    file.tracks.append(track)
    file.save(path / "grid.mid")
    return path / "grid.mid"


def tempo(bpm: float) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm))


def metre(count: int, unit: int) -> mido.MetaMessage:
    return mido.MetaMessage("time_signature", numerator=count, denominator=unit)


STEADY = '<TEMPO Inizio="0.520" Bpm="120.00" Metro="4/4" Battito="3"/>'


def entry(location: str, name: str = "x", tempos: str = STEADY) -> str:
    return f"<TRACK TrackID='1' Name={quoteattr(name)} Location={quoteattr(location)}>\n{tempos}\n</TRACK>\n"


def collection(path: Path, *tracks: str, prolog: str = "") -> Path:
    file = path / "collection.xml"
    file.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n{prolog}<DJ_PLAYLISTS Version="1.0.0">\n'
        f'<COLLECTION Entries="{len(tracks)}">\n{"".join(tracks)}</COLLECTION>\n'
        '<PLAYLISTS><NODE Name="a"><TRACK Key="1"/></NODE></PLAYLISTS></DJ_PLAYLISTS>',
        "utf-8",
    )
    return file


# What is taken over


def test_a_grid_replaces_the_beats_and_leaves_what_else_was_found(tmp_path: Path) -> None:
    found = applied(
        csv(tmp_path, "time_s,beat\n" + "\n".join(f"{0.5 * i + 0.1},{i % 3 + 1}" for i in range(9)))
    )
    assert (found.source, found.bpm, found.metre) == ("grid", 120.0, "3/4")
    assert found.beats_s == tuple(0.5 * i + 0.1 for i in range(9))
    assert found.downbeats_s == found.beats_s[::3]
    assert (found.key, found.sections) == (COMPUTED.key, COMPUTED.sections)
    assert found.estimated == ("key",)
    assert found.confidence == {"bpm": 1.0, "beats": 1.0, "metre": 1.0, "downbeats": 1.0, "key": 0.9}


def test_without_bars_they_are_assumed_and_told_so(tmp_path: Path) -> None:
    found = applied(csv(tmp_path, "\n".join(str(i) for i in range(9))))
    assert found.metre == "4/4"
    assert found.downbeats_s == (0.0, 4.0, 8.0)
    assert set(found.estimated) == {"key", "metre", "downbeats"}
    assert found.confidence["metre"] == found.confidence["downbeats"] == 0.0


# CSV


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_however_it_was_written(tmp_path: Path, newline: str, separator: str) -> None:
    lines = ["﻿Time" + separator + "beat", f"0.5{separator}4", "", "# a remark", f" 1.0 {separator} 1 # one"]
    found = applied(csv(tmp_path, newline.join(lines)))
    assert (found.beats_s, found.downbeats_s) == ((0.5, 1.0), (1.0,))


def test_bars_may_change_their_length(tmp_path: Path) -> None:
    beats = [1, 2, 3, 4, 1, 2, 1, 2, 3, 4, 1]
    found = applied(csv(tmp_path, "\n".join(f"{i},{beat}" for i, beat in enumerate(beats))))
    assert found.metre == "4/4"
    assert found.downbeats_s == (0.0, 4.0, 6.0, 10.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no beats"),
        ("time,beat", "holds no beats"),
        ("1", "fewer than two beats"),
        ("0.5\n1.0\nnext\n", "line 3: time_s 'next' is not a number"),
        ("0.5\n-1", "line 2: time_s is -1"),
        ("0.5\nnan", "line 2: time_s is nan"),
        ("0.5\n1e999", "line 2: time_s is inf"),
        ("0.5\n\n0.5", "line 3: 0.5 s is not"),
        ("1.0\n0.5", "line 2: 0.5 s is not"),
        ("0.5,1\n1.0", "line 2: either every line"),
        ("0.5\n1.0,1", "line 2: either every line"),
        ("0.5,0\n1.0,1", "line 1: beat is 0"),
        ("0.5,1\n1.0,1.5", "line 2: beat 1.5 is not a whole number"),
        ("0.5,1,2\n1.0,1", "line 1: has 3 columns"),
        ("0.5\n1.0\n61", "line 3: 61 s is past the end of the song, 60.000 s"),
    ],
)
def test_a_broken_line_of_a_csv_is_named(tmp_path: Path, text: str, told: str) -> None:
    assert refused(csv(tmp_path, text)).startswith(f"grid.csv: {told}")


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=200) | st.text(alphabet="0123456789.,;e#\n\t-", max_size=80).map(str.encode))
def test_whatever_a_csv_holds_is_a_grid_or_refused(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(raw)
    found = grid_or_word(path)
    assert isinstance(found, Analysis) or found.startswith("fuzz.csv: ")
    if isinstance(found, Analysis):
        assert min(np.diff(found.beats_s)) >= LEAST_BEAT_S - 1e-9


# MIDI


def test_a_tempo_map_is_followed_between_the_beats_too(tmp_path: Path) -> None:
    # 120 bpm; at beat 2.5 it becomes 60: beat 3 comes half a beat of 60 later.
    found = applied(midi(tmp_path, [(0, tempo(120)), (1200, tempo(60))]), duration_s=6.0)
    np.testing.assert_allclose(found.beats_s, [0.0, 0.5, 1.0, 1.75, 2.75, 3.75, 4.75, 5.75], atol=1e-9)
    assert (found.metre, found.downbeats_s) == ("4/4", (0.0, found.beats_s[4]))
    assert found.bpm == pytest.approx(60.0)


def test_a_beat_is_the_unit_of_the_metre(tmp_path: Path) -> None:
    found = applied(midi(tmp_path, [(0, tempo(90)), (0, metre(6, 8))]), duration_s=10.0)
    assert (found.metre, found.bpm) == ("6/8", pytest.approx(180.0, rel=1e-5))
    np.testing.assert_allclose(np.diff(found.downbeats_s), 2.0, rtol=1e-5)


def test_a_new_metre_begins_a_bar(tmp_path: Path) -> None:
    found = applied(midi(tmp_path, [(0, tempo(60)), (4 * 480, metre(3, 4))]), duration_s=11.5)
    np.testing.assert_allclose(found.downbeats_s, [0.0, 4.0, 7.0, 10.0], atol=1e-9)


def test_a_ramp_of_tempo_keeps_every_beat_where_it_is(tmp_path: Path) -> None:
    bpms = np.linspace(120, 150, 40)
    path = midi(tmp_path, [(480 * i, tempo(bpm)) for i, bpm in enumerate(bpms)])
    found = applied(path, duration_s=15.0)
    expected = np.concatenate([[0.0], np.cumsum(60.0 / bpms)])[: len(found.beats_s)]
    assert len(found.beats_s) > 30
    np.testing.assert_allclose(found.beats_s, expected, atol=1e-4)  # tempos are whole microseconds


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([], "no tempo map"),
        ([(0, tempo(120)), (480, metre(40, 4))], "tick 480: a time signature of 40/4"),
        ([(0, tempo(60)), (480 * 20_000, tempo(70))], "tick 9600000: is later than 4 hours"),
        ([(0, mido.MetaMessage("set_tempo", tempo=1))], "tick 0: a tempo of 6e+07"),
        ([(0, mido.MetaMessage("set_tempo", tempo=0))], "tick 0: a tempo of"),
    ],
)
def test_a_tempo_map_that_cannot_be_is_refused(
    tmp_path: Path, events: list[tuple[int, mido.MetaMessage]], told: str
) -> None:
    assert told in refused(midi(tmp_path, events))


def test_beats_are_not_counted_for_weeks(tmp_path: Path) -> None:
    path = midi(tmp_path, [(0, tempo(120)), (1_000_000, tempo(100))], resolution=1)
    tracemalloc.start()
    try:
        assert "tick 1000000: is later than 4 hours" in refused(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6  # of 4 hours; 12 days would take 400 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((b"\xff\x58\x04\x03\x02\x18\x08", b"\xff\x59\x02\x20\x00\x00\xff\x01\x00"), "32 sharps"),
        ((b"\x00\xff\x2f\x00", b""), "it ends early"),
    ],
)
def test_why_a_file_is_no_midi_is_told(tmp_path: Path, change: tuple[bytes, bytes], told: str) -> None:
    path = midi(tmp_path, [(0, tempo(120)), (0, metre(3, 4))])
    path.write_bytes(path.read_bytes().replace(*change))
    assert f"grid.mid: is not a MIDI file: {told}" in refused(path).replace("Could not decode key with ", "")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_midi_file_is_a_grid_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    raw = bytearray(midi(folder, [(0, tempo(120)), (0, metre(3, 4)), (960, tempo(90))]).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "fuzz.mid"
    path.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    found = grid_or_word(path)
    assert isinstance(found, Analysis) or found.startswith("fuzz.mid: ")


# rekordbox


def test_a_collections_grid_begins_where_it_says(tmp_path: Path) -> None:
    path = collection(
        tmp_path, entry("file://localhost/other/Else.mp3"), entry("file://localhost/b/My%20Song.flac")
    )
    found = applied(path, duration_s=10.0)
    assert found.beats_s[:3] == (0.52, 1.02, 1.52)
    assert found.downbeats_s[:2] == (1.52, 3.52)  # the first beat is the third of its bar
    assert (found.bpm, found.metre) == (120.0, "4/4")
    assert 9.5 < found.beats_s[-1] <= 10.0


def test_a_later_tempo_takes_over_without_a_doubled_beat(tmp_path: Path) -> None:
    tempos = (
        '<TEMPO Inizio="10.021" Bpm="100" Metro="3/4" Battito="1"/>\n'
        '<TEMPO Inizio="0.0" Bpm="120" Metro="4/4" Battito="1"/>'
    )
    found = applied(
        collection(tmp_path, entry("file://localhost/b/My%20Song.flac", tempos=tempos)), duration_s=13.0
    )
    assert len(found.beats_s) == 20 + 5
    np.testing.assert_allclose(found.beats_s[19:22], [9.5, 10.021, 10.621])
    np.testing.assert_allclose(found.downbeats_s[-2:], [10.021, 11.821])


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("file://localhost/elsewhere/MY%20SONG.FLAC", "x"),
        ("file://localhost/elsewhere/My%20Song.mp3", "x"),
        ("file://localhost/elsewhere/01.mp3", "my song"),
    ],
)
def test_a_song_is_known_by_its_file_or_title(tmp_path: Path, location: str, name: str) -> None:
    other = entry("file://localhost/a/b.mp3", "b", STEADY.replace("120.00", "90.00"))
    assert applied(collection(tmp_path, other, entry(location, name))).bpm == 120.0


def test_the_very_file_goes_before_its_namesakes(tmp_path: Path) -> None:
    namesake = entry("file://localhost/elsewhere/My%20Song.flac", "x", STEADY.replace("120.00", "90.00"))
    path = collection(tmp_path, namesake, entry("file://localhost/music/Sets/My%20Song.flac"), namesake)
    assert applied(path).bpm == 120.0


def test_the_only_track_of_a_collection_may_have_any_name(tmp_path: Path) -> None:
    assert applied(collection(tmp_path, entry("file://localhost/a/b.mp3"))).bpm == 120.0


MINE = "file://localhost/b/My%20Song.flac"


@pytest.mark.parametrize(
    ("tracks", "told"),
    [
        ([], "collection.xml: My Song.flac is not in this collection: it holds no tracks"),
        ([entry("file:///a"), entry("file:///b")], "it holds 2 others"),
        ([entry(MINE), entry(MINE)], "collection.xml: lines 4, 7: x is there 2 times"),
        ([entry(MINE, tempos="")], "collection.xml: line 4: x has no beat grid there"),
        ([entry(MINE, tempos='<TEMPO Bpm="120"/>')], "line 5: Inizio '' is not a number"),
        ([entry(MINE, tempos='<TEMPO Inizio="0" Bpm="0"/>')], "line 5: Bpm is 0"),
        ([entry(MINE, tempos='<TEMPO Inizio="0" Bpm="9" Metro="four"/>')], "line 5: Metro 'four'"),
        ([entry(MINE, tempos='<TEMPO Inizio="0" Bpm="9" Battito="5"/>')], "line 5: Battito is 5"),
        ([entry(MINE, tempos=STEADY + "\n" + STEADY)], "line 6: 0.52 s is not after"),
        ([entry(MINE, tempos=STEADY + "<")], "collection.xml: line 5: is not XML"),
        (["<A>" * 200], "nested too deeply"),
    ],
)
def test_what_is_wrong_in_a_collection_is_named_by_its_line(
    tmp_path: Path, tracks: list[str], told: str
) -> None:
    assert told in refused(collection(tmp_path, *tracks))


BOMB = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
PEEPING = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize("prolog", [BOMB, PEEPING, '<!DOCTYPE x SYSTEM "http://localhost/x.dtd">\n'])
def test_a_collection_that_declares_entities_is_refused(tmp_path: Path, prolog: str) -> None:
    told = refused(collection(tmp_path, entry(MINE, name="&b;"), prolog=prolog))
    assert told == "collection.xml: line 2: declares a document type, which no collection does: refused"


def test_a_large_collection_is_read_as_a_stream(tmp_path: Path) -> None:
    others = [entry(f"file://localhost/m/{i}.mp3", f"t{i}", STEADY * 3) for i in range(3000)]
    assert applied(collection(tmp_path, *others, entry(MINE), *others)).bpm == 120.0


# Any file


@pytest.mark.parametrize("name", ["grid.txt", "grid", "grid.json"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("0.5\n1.0")
    assert "is no beat grid" in refused(tmp_path / name)


def test_a_missing_grid_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("none.csv", "folder.csv"):
        assert refused(tmp_path / name) == f"{name}: is not there, or no file"


@pytest.mark.parametrize("suffix", [".mid", ".xml", ".csv"])
def test_a_grid_of_another_kind_than_its_suffix_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(bytes(range(256)) * 8)
    assert refused(tmp_path / f"a{suffix}").startswith(f"a{suffix}: ")
