"""Edits by hand, and what becomes of an analysis under them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packages import write_package

from remixd.errors import InvalidInput, NotFound
from remixd.track.analysis import Analysis, BarBeat, Section
from remixd.track.edited import edited
from remixd.track.edits import FIELDS, NO_EDITS, Edits, SectionEdit, read_edits
from remixd.track.library import Library
from remixd.track.package import load_track, write_track

SONG_S = 60.0


def row(period_s: float, first_s: float = 0.25) -> tuple[float, ...]:
    return tuple(first_s + index * period_s for index in range(math.ceil((SONG_S - first_s) / period_s)))


def computed(**changed: Any) -> Analysis:
    """Steady 120 BPM in fours, with four sections."""
    beats_s = row(0.5)
    values: dict[str, Any] = {
        "source": "computed", "duration_s": SONG_S, "bpm": 120.0, "metre": "4/4", "beats_s": beats_s,
        "downbeats_s": beats_s[::4], "phrases_s": beats_s[::32], "key": "C major",
        "sections": tuple(
            Section(start_s=start_s, end_s=start_s + 15.0, label=label)
            for start_s, label in ((0.0, "intro"), (15.0, "verse"), (30.0, "chorus"), (45.0, "outro"))
        ),
        "estimated": ("metre", "downbeats", "sections"),
        "confidence": {"bpm": 0.5, "metre": 0.2, "key": 0.4},
    }  # fmt: skip
    return Analysis(**(values | changed))


def labels(analysis: Analysis) -> list[tuple[float, float, str]]:
    return [(part.start_s, part.end_s, part.label) for part in analysis.sections]


sections = st.lists(
    st.tuples(st.integers(0, 59), st.sampled_from(["chorus", "verse", "달"])), max_size=8,
    unique_by=lambda part: part[0],
).map(lambda parts: tuple(SectionEdit(start_s=float(at), label=to) for at, to in sorted(parts)))  # fmt: skip
edits = st.builds(
    Edits,
    title=st.none() | st.just("Moon"),
    artist=st.none() | st.sampled_from(["", "Somebody"]),
    bpm=st.none() | st.floats(20.0, 400.0),
    first_downbeat_s=st.none() | st.floats(0.0, 59.9),
    metre=st.sampled_from([None, "3/4", "4/4", "6/8", "32/4"]),
    key=st.sampled_from([None, "8A", "F#m", "C major"]),
    sections=sections,
)


@given(edits=edits)
def test_whatever_is_edited_the_analysis_stays_one_that_can_be_read(edits: Edits) -> None:
    for analysis in (computed(), Analysis(source="computed", duration_s=SONG_S)):
        found = edited(analysis, edits)
        assert Analysis.from_json(found.to_json()) == found
        assert set(found.downbeats_s) <= set(found.beats_s)
        assert set(found.phrases_s) <= set(found.downbeats_s) or not edits.names
        assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(found.sections))


@given(one=edits, two=edits)
def test_edits_are_kept_on_disk_and_later_ones_win(one: Edits, two: Edits) -> None:
    both = one.with_changes(two)
    for name in FIELDS[:-1]:
        assert getattr(both, name) == (getattr(two, name) if name in two.names else getattr(one, name))
    assert {part.start_s for part in both.sections} == {p.start_s for p in (*one.sections, *two.sections)}
    assert set(two.sections) <= set(both.sections)
    assert both.with_changes(NO_EDITS, FIELDS) == NO_EDITS
    assert not NO_EDITS
    assert one.with_changes(NO_EDITS, ["bpm"]) == replace(one, bpm=None)


def test_nothing_edited_changes_nothing() -> None:
    assert edited(computed(), NO_EDITS) == computed()


@given(bpm=st.floats(20.0, 400.0), first_s=st.floats(0.0, 59.9))
def test_a_tempo_and_a_first_downbeat_are_an_even_grid_over_the_whole_song(
    bpm: float, first_s: float
) -> None:
    found = edited(computed(), Edits(bpm=bpm, first_downbeat_s=first_s, metre="3/4"))
    period_s = 60.0 / bpm
    assert found.downbeats_s[0] == first_s
    assert found.beats_s[0] < period_s + 1e-9
    assert SONG_S - period_s - 1e-9 <= found.beats_s[-1] <= SONG_S
    for index, time in enumerate(found.beats_s):
        assert time == pytest.approx(found.beats_s[0] + index * period_s, abs=1e-7)
    first = found.beats_s.index(first_s)
    assert found.downbeats_s == found.beats_s[first::3]
    assert (found.bpm, found.metre) == (bpm, "3/4")
    assert found.bar_beat(first_s) == BarBeat(1, 1.0)


def test_a_first_downbeat_alone_moves_an_even_grid_there() -> None:
    found = edited(computed(), Edits(first_downbeat_s=0.52))
    assert found.downbeats_s[:2] == pytest.approx((0.52, 2.52))
    assert found.beats_s[:3] == pytest.approx((0.02, 0.52, 1.02))
    assert found.beats_s[-1] == pytest.approx(59.52)
    assert found.phrases_s[:2] == pytest.approx((0.52, 16.52))


def test_a_first_downbeat_keeps_the_beats_of_a_song_that_breathes() -> None:
    times_s = tuple(0.25 + 0.5 * index + 0.2 * math.sin(index / 8) for index in range(110))
    rubato = computed(beats_s=times_s, downbeats_s=times_s[::4])
    found = edited(rubato, Edits(first_downbeat_s=times_s[2] + 0.01))
    assert found.beats_s == times_s
    assert found.downbeats_s == times_s[2::4]


def test_a_metre_alone_counts_the_bars_anew() -> None:
    found = edited(computed(), Edits(metre="3/4"))
    assert found.beats_s == computed().beats_s
    assert found.downbeats_s == computed().beats_s[::3]


def test_beats_too_near_to_be_any_are_no_even_grid() -> None:
    times_s = (0.0, 1e-6, 2e-6)  # of an analysis that came along: a grid of them would fill the memory
    crowded = computed(beats_s=times_s, downbeats_s=times_s[:1], phrases_s=(), sections=(), duration_s=0.5)
    assert edited(crowded, Edits(first_downbeat_s=0.25)).beats_s == times_s


def test_a_song_without_beats_gets_them_from_a_tempo_and_only_from_one() -> None:
    silent = Analysis(source="computed", duration_s=SONG_S)
    assert edited(silent, Edits(metre="3/4", first_downbeat_s=1.0)).beats_s == ()
    assert edited(silent, Edits(bpm=60.0, first_downbeat_s=1.0)).downbeats_s[:2] == (1.0, 5.0)


def test_a_section_takes_the_place_of_a_boundary_nearby_and_divides_what_it_begins_in() -> None:
    given_ = (SectionEdit(start_s=15.3, label="bridge"), SectionEdit(start_s=32.0, label="drop"))
    assert labels(edited(computed(), Edits(sections=given_))) == [
        (0.0, 15.3, "intro"), (15.3, 30.0, "bridge"), (30.0, 32.0, "chorus"), (32.0, 45.0, "drop"),
        (45.0, 60.0, "outro"),
    ]  # fmt: skip


def test_short_sections_and_gaps_between_sections_stay() -> None:
    parts = tuple(
        Section(start_s=a, end_s=b, label=to)
        for a, b, to in ((0.0, 10.0, "a"), (20.0, 20.5, "b"), (40.0, 50.0, "c"))
    )
    found = edited(computed(sections=parts), Edits(sections=(SectionEdit(start_s=45.0, label="d"),)))
    assert labels(found) == [(0.0, 10.0, "a"), (20.0, 20.5, "b"), (40.0, 45.0, "c"), (45.0, 50.0, "d")]


def test_sections_by_hand_alone_reach_to_the_next_and_to_the_end() -> None:
    given_ = (SectionEdit(start_s=10.0, label="a"), SectionEdit(start_s=20.0, label="b"))
    found = edited(computed(sections=()), Edits(sections=given_))
    assert labels(found) == [(10.0, 20.0, "a"), (20.0, 60.0, "b")]


def test_what_was_edited_is_no_guess() -> None:
    found = edited(computed(), Edits(metre="4/4", key="8A", first_downbeat_s=0.25))
    assert (found.key, found.estimated) == ("A minor", ("sections",))
    assert found.confidence == {"bpm": 0.5, "metre": 1.0, "key": 1.0}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bpm", 0.0), ("bpm", 19.9), ("bpm", 1e9), ("bpm", math.nan), ("bpm", -120.0),
        ("first_downbeat_s", -0.1), ("first_downbeat_s", math.nan), ("first_downbeat_s", math.inf),
        ("metre", "0/4"), ("metre", "3/5"), ("metre", "33/4"), ("metre", "three"), ("metre", "٣/٤"),
        ("key", "H minor"), ("key", "13A"), ("key", ""),
        ("title", ""), ("title", "a\nb"), ("artist", " x"),
        ("sections", (SectionEdit(start_s=-1.0, label="a"),)),
        ("sections", (SectionEdit(start_s=math.nan, label="a"),)),
        ("sections", (SectionEdit(start_s=1.0, label=""),)),
        ("sections", (SectionEdit(start_s=1.0, label="x" * 41),)),
        ("sections", (SectionEdit(start_s=1.0, label="a"), SectionEdit(start_s=1.5, label="b"))),
        ("sections", tuple(SectionEdit(start_s=float(at), label="a") for at in range(501))),
    ],
)  # fmt: skip
def test_an_absurd_edit_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}") as refused:
        Edits(**{field: value})
    assert refused.value.field.startswith(field)
    assert len(str(refused.value).splitlines()) == 1


def test_a_field_that_there_is_not_cannot_be_reset() -> None:
    with pytest.raises(InvalidInput, match="'bmp' is no field: did you mean bpm") as refused:
        NO_EDITS.with_changes(NO_EDITS, ["bmp"])
    assert refused.value.field == "reset"


def test_a_field_to_reset_that_is_very_long_is_not_told_in_full() -> None:
    with pytest.raises(InvalidInput) as refused:  # gRPC could not carry it
        NO_EDITS.with_changes(NO_EDITS, ["q" * 10**6])
    assert len(str(refused.value)) < 200


@pytest.fixture
def library(tmp_path: Path) -> Any:
    with Library(tmp_path) as opened:
        folder = opened.incoming()
        write_package(folder, frames=480_000, analysis=replace(computed(sections=()), duration_s=10.0,
                      beats_s=row(0.5)[:19], downbeats_s=row(0.5)[:19:4], phrases_s=()))  # fmt: skip
        opened.add(folder)
        yield opened


TRACK = "a-song-0a1b2c3d"


def test_an_edit_is_in_the_track_and_in_the_list_and_survives_a_new_analysis(library: Library) -> None:
    track = library.edit(TRACK, Edits(bpm=128.0, key="8A", title="Sun"))
    assert (track.title, track.analysis.bpm, track.analysis.key) == ("Sun", 128.0, "A minor")
    [row] = library.tracks()
    assert (row.title, row.bpm, row.camelot, row.edited) == ("Sun", 128.0, "8A", True)
    again = Analysis(source="computed", duration_s=10.0, bpm=90.0, key="D major", metre="3/4")
    write_track(track.folder, replace(track, title="A Song", analysis=again))
    found = load_track(track.folder).analysis
    assert (found.bpm, found.key, found.metre) == (128.0, "A minor", "3/4")
    track = library.edit(TRACK, NO_EDITS, ("bpm", "key", "title"))
    assert (track.title, track.analysis.bpm, track.analysis.key) == ("A Song", 90.0, "D major")
    assert not library.tracks()[0].edited
    assert library.tracks()[0].imported_at == row.imported_at


def test_an_edit_beyond_the_end_is_refused_and_nothing_is_edited(library: Library) -> None:
    before = library.edit(TRACK, Edits(bpm=100.0))
    late = Edits(bpm=90.0, sections=(SectionEdit(start_s=10.0, label="late"),))
    for absurd, name in ((late, r"sections\[0\]"), (Edits(first_downbeat_s=11.0), "first_downbeat_s")):
        with pytest.raises(InvalidInput, match=f"^{name}.* the song lasts 10.000 s"):
            library.edit(TRACK, absurd)
    assert library.get(TRACK) == before
    with pytest.raises(NotFound, match="did you mean a-song"):
        library.edit("a-song-0a1b2c3e", late)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("bpm = ", "is not TOML"),
        ("bpm = 1", "format is missing"),
        ('format = "remixd-edits-2"', "newer remixd"),
        ('format = "remixd-edits-1"\nbpm = "fast"', "bpm is not a number"),
        ('format = "remixd-edits-1"\nbpm = 4000', "bpm is 4000"),
        ('format = "remixd-edits-1"\nkey = "H"', "key is not one"),
        ('format = "remixd-edits-1"\nbmp = 100', "did you mean bpm"),
        ('format = "remixd-edits-1"\nsections = [{start_s = 1.0}]', r"sections\[0\]: label is missing"),
    ],
)
def test_a_broken_file_of_edits_is_named(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "edits.toml").write_text(content)
    with pytest.raises(InvalidInput, match=rf"edits\.toml.*{told}") as refused:
        read_edits(tmp_path)
    assert str(refused.value).count("edits.toml") == 1
