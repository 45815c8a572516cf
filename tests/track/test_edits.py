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
from remixd.track.analysis import Alternative, Analysis, BarBeat, Section
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
    alternative=st.none()
    | st.builds(
        Alternative,
        bpm=st.sampled_from([60.0, 90.0, 120.0, 240.0]) | st.floats(1.0, 1000.0),
        metre=st.sampled_from(["3/4", "4/4", "6/8"]),
        first_beat_s=st.floats(0.0, 59.9),
        first_downbeat_s=st.floats(0.0, 59.9),
    ),
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
    for name in set(FIELDS) - {"sections"}:
        undone = two.alternative is not None and name in ("bpm", "first_downbeat_s", "metre")
        kept = None if undone else getattr(one, name)
        assert getattr(both, name) == (getattr(two, name) if name in two.names else kept)
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


BREATHING_S = tuple(0.25 + 0.5 * index + 0.2 * math.sin(index / 8) for index in range(110))


def counted(bpm: float, first_s: float, metre: str = "4/4", bar_s: float | None = None) -> Edits:
    """The song counted another way."""
    bar_s = first_s if bar_s is None else bar_s
    way = Alternative(bpm=bpm, metre=metre, first_beat_s=first_s, first_downbeat_s=bar_s, chance=0.3)
    return Edits(alternative=way)


def test_half_the_tempo_is_every_second_beat_of_a_song_that_breathes() -> None:
    rubato = computed(beats_s=BREATHING_S, downbeats_s=BREATHING_S[::4], phrases_s=BREATHING_S[::16])
    found = edited(rubato, counted(60.0, BREATHING_S[1], bar_s=BREATHING_S[5]))
    assert found.beats_s == pytest.approx(BREATHING_S[1::2])
    assert found.downbeats_s == pytest.approx(BREATHING_S[5::8])
    assert set(found.phrases_s) <= set(found.downbeats_s)
    assert (found.bpm, found.metre, found.constant_tempo) == (60.0, "4/4", False)


def test_twice_the_tempo_keeps_the_beats_and_puts_one_between_each_two() -> None:
    rubato = computed(beats_s=BREATHING_S, downbeats_s=BREATHING_S[::4], phrases_s=())
    found = edited(rubato, counted(240.0, BREATHING_S[0]))
    inner = [time for time in found.beats_s if BREATHING_S[0] <= time <= BREATHING_S[-1]]
    assert inner[::2] == pytest.approx(BREATHING_S)
    assert inner[1::2] == pytest.approx([(a + b) / 2 for a, b in itertools.pairwise(BREATHING_S)])


def test_the_off_beat_and_triplets_lie_between_the_beats() -> None:
    shifted = edited(computed(), counted(120.0, 0.5))
    assert shifted.beats_s[:3] == pytest.approx((0.0, 0.5, 1.0))
    assert shifted.constant_tempo
    swing = edited(computed(), counted(180.0, 0.25, "6/8"))
    assert swing.beats_s[:3] == pytest.approx((0.25, 0.25 + 1 / 3, 0.25 + 2 / 3))
    assert swing.downbeats_s[1] == pytest.approx(2.25)


def test_a_way_to_count_survives_another_tempo_of_a_new_analysis() -> None:
    chosen = counted(60.0, 0.25)
    first = edited(computed(), chosen)
    slow = computed(bpm=60.0, beats_s=row(1.0), downbeats_s=row(1.0)[::4], phrases_s=())
    silent = computed(bpm=None, beats_s=(), downbeats_s=(), phrases_s=())
    other = computed(bpm=97.0, beats_s=row(60 / 97), downbeats_s=(), phrases_s=())
    for analysis in (slow, silent, other):
        found = edited(analysis, chosen)
        assert found.beats_s == pytest.approx(first.beats_s)
        assert found.downbeats_s == pytest.approx(first.downbeats_s)


def test_other_edits_are_laid_over_a_way_to_count_and_it_undoes_earlier_ones() -> None:
    chosen = counted(60.0, 0.25)
    both = Edits(bpm=128.0, metre="3/4", title="Moon").with_changes(chosen)
    assert both.names == ("title", "alternative")
    later = both.with_changes(Edits(metre="3/4"))
    found = edited(computed(), later)
    assert (found.bpm, found.metre) == (60.0, "3/4")
    assert found.downbeats_s[1] - found.downbeats_s[0] == pytest.approx(3.0)
    assert "alternative" not in later.with_changes(NO_EDITS, ["alternative"]).names


def test_sections_tell_who_named_them() -> None:
    guess = Section(start_s=0.0, end_s=60.0, label="verse", how="guessed", because="sung 90 %")
    found = edited(computed(sections=(guess,)), Edits(sections=(SectionEdit(start_s=30.0, label="drop"),)))
    assert [(part.how, part.because, part.estimated) for part in found.sections] == [
        ("guessed", "sung 90 %", True), ("hand", "", False),
    ]  # fmt: skip


def test_a_title_that_is_too_long_is_told_with_its_limit() -> None:
    with pytest.raises(InvalidInput, match=r"^title has 301 characters: at most 300 are kept$"):
        Edits(title="x" * 301)
    with pytest.raises(InvalidInput, match=r"^artist has 5000 characters: at most 300"):
        Edits(artist="x" * 5000)
    assert Edits(title="x" * 300).title == "x" * 300


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
        ("alternative", Alternative(bpm=0.0, metre="4/4", first_beat_s=0.0, first_downbeat_s=0.0)),
        ("alternative", Alternative(bpm=math.nan, metre="4/4", first_beat_s=0.0, first_downbeat_s=0.0)),
        ("alternative", Alternative(bpm=60.0, metre="4", first_beat_s=0.0, first_downbeat_s=0.0)),
        ("alternative", Alternative(bpm=60.0, metre="4/4", first_beat_s=-1.0, first_downbeat_s=0.0)),
        ("alternative", Alternative(bpm=60.0, metre="4/4", first_beat_s=0.0, first_downbeat_s=math.inf)),
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
    chosen = Alternative(bpm=60.0, metre="4/4", first_beat_s=0.25, first_downbeat_s=2.25)
    track = library.edit(TRACK, Edits(alternative=chosen))
    assert (track.analysis.bpm, track.edits.alternative) == (60.0, chosen)
    assert library.get(TRACK) == track
    assert library.edit(TRACK, NO_EDITS, ["alternative"]).analysis.bpm == 120.0
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
    for absurd, name in (
        (late, r"sections\[0\]"),
        (Edits(first_downbeat_s=11.0), "first_downbeat_s"),
        (counted(60.0, 10.5), "alternative.first_beat_s"),
    ):
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
        ('format = "remixd-edits-3"', "newer remixd"),
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
