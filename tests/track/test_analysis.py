import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.errors import InvalidInput
from remixd.track.analysis import LEAST_BEAT_S, Alternative, Analysis, BarBeat, Chord, Section, Span

SONG_S = 200.0


def times(*, least: int = 0) -> st.SearchStrategy[tuple[float, ...]]:
    moment = st.floats(0.0, SONG_S, allow_subnormal=False)
    return st.lists(moment, min_size=least, max_size=30, unique=True).map(lambda t: tuple(sorted(t)))


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[float, float, str]]:
    edges = draw(times())
    return [(a, b, draw(st.text(max_size=20))) for a, b in zip(edges[::2], edges[1::2], strict=False)]


def alternatives() -> st.SearchStrategy[Alternative]:
    return st.builds(
        Alternative,
        bpm=st.floats(1.0, 1000.0),
        metre=st.sampled_from(["3/4", "6/8"]),
        first_beat_s=st.floats(0.0, SONG_S),
        first_downbeat_s=st.floats(0.0, SONG_S),
        chance=st.floats(0.0, 1.0),
    )


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    names = st.text(max_size=20)
    onsets_s = draw(st.dictionaries(names, times(), max_size=3))
    hows = st.sampled_from(["hand", "given", "guessed", "letter"])
    return Analysis(
        source=draw(st.sampled_from(["demo", "computed", "grid"])),
        duration_s=SONG_S,
        bpm=draw(st.none() | st.floats(1.0, 1000.0)),
        metre=draw(st.sampled_from([None, "4/4", "3/4", "7/8", "12/16"])),
        beats_s=draw(times()),
        downbeats_s=draw(times()),
        key=draw(st.none() | st.text(max_size=20)),
        chords=tuple(Chord(start_s=a, end_s=b, name=n) for a, b, n in draw(spans())),
        alternatives=tuple(draw(st.lists(alternatives(), max_size=3))),
        energy=draw(st.none() | st.floats(1.0, 10.0)),
        energy_curve=tuple(draw(st.lists(st.floats(0.0, 1.0), max_size=5))),
        loudness_lufs=draw(st.none() | st.floats(-70.0, 3.0)),
        loudness_range_lu=draw(st.none() | st.floats(0.0, 40.0)),
        true_peak_dbtp=draw(st.none() | st.floats(-90.0, 9.0)),
        sections=tuple(
            Section(start_s=a, end_s=b, label=n, how=draw(hows), because=draw(names))
            for a, b, n in draw(spans())
        ),
        singing=draw(st.none() | spans().map(lambda s: tuple(Span(start_s=a, end_s=b) for a, b, _ in s))),
        phrases_s=draw(times()),
        onsets_s=onsets_s,
        onset_strengths={
            name: tuple(draw(st.lists(st.floats(0.0, 1.0), min_size=len(of), max_size=len(of))))
            for name, of in onsets_s.items()
            if draw(st.booleans())
        },
        estimated=tuple(draw(st.lists(names, max_size=3))),
        confidence=draw(st.dictionaries(names, st.floats(0.0, 1.0), max_size=3)),
    )


def waltz() -> Analysis:
    """Three beats a bar at 120 bpm, after a pickup of one beat."""
    beats = tuple(1.0 + 0.5 * i for i in range(13))
    return Analysis(
        source="demo", duration_s=10.0, bpm=120.0, metre="3/4", beats_s=beats, downbeats_s=beats[1::3]
    )


@given(analysis=analyses())
def test_an_analysis_survives_its_document(analysis: Analysis) -> None:
    assert Analysis.from_json(analysis.to_json()) == analysis


def test_version_1_is_read_and_sections_that_were_estimated_are_told_so() -> None:
    document = {
        "format": "remixd-analysis-1", "source": "computed", "duration_s": 9.0, "estimated": ["sections"],
        "sections": [{"start_s": 0, "end_s": 4, "label": "B2"}, {"start_s": 4, "end_s": 9, "label": "hook"}],
        "onsets_s": {"drums": [1.0]},
    }  # fmt: skip
    found = Analysis.from_json(json.dumps(document))
    assert [part.how for part in found.sections] == ["letter", "guessed"]
    assert (found.singing, found.onset_strengths, found.energy_curve) == (None, {}, ())
    given = Analysis.from_json(json.dumps({**document, "estimated": []}))
    assert [(part.how, part.estimated) for part in given.sections] == [("given", False)] * 2
    assert json.loads(found.to_json())["format"] == "remixd-analysis-2"
    assert Analysis.from_json(found.to_json()) == found


def test_a_song_without_singing_is_not_one_of_which_nobody_knows() -> None:
    for singing in ((), None):
        song = Analysis(source="computed", duration_s=9.0, singing=singing)
        assert Analysis.from_json(song.to_json()).singing == singing


def test_a_tempo_is_constant_where_the_beats_are_an_even_row() -> None:
    assert waltz().constant_tempo
    assert json.loads(waltz().to_json())["constant_tempo"] is True
    slowing = tuple(index + 0.01 * index**2 for index in range(12))
    assert not Analysis(source="demo", duration_s=20.0, beats_s=slowing).constant_tempo
    assert not Analysis(source="demo", duration_s=20.0).constant_tempo


@given(analysis=analyses(), moments=st.lists(st.floats(-10.0, 2 * SONG_S), min_size=2, max_size=20))
def test_the_bar_and_beat_never_run_backwards(analysis: Analysis, moments: list[float]) -> None:
    positions = [analysis.bar_beat(at) for at in sorted([*moments, *analysis.beats_s, *analysis.downbeats_s])]
    if not analysis.beats_s:
        assert set(positions) == {None}
        return
    for before, after in itertools.pairwise(positions):
        assert before is not None
        assert after is not None
        assert before.bar >= 0
        assert before.beat >= 1.0
        assert before.bar < after.bar or (before.bar == after.bar and before.beat <= after.beat + 1e-6)


@pytest.mark.parametrize(
    ("position_s", "expected"),
    [
        (1.5, "1:1.00"),
        (1.75, "1:1.50"),
        (2.9999999, "1:3.99"),
        (3.0, "2:1.00"),
        (1.0, "0:3.00"),
        (1.25, "0:3.50"),
        (0.5, "0:2.00"),
        (-5.0, "0:1.00"),
        (7.0, "4:3.00"),
        (7.5, "5:1.00"),  # beyond the last beat the last period goes on
        (9.0, "6:1.00"),
    ],
)
def test_a_position_is_told_in_bars_and_beats(position_s: float, expected: str) -> None:
    assert str(waltz().bar_beat(position_s)) == expected


def test_bars_of_different_length_are_counted_by_their_downbeats() -> None:
    beats = tuple(float(i) for i in range(12))
    song = Analysis(source="demo", duration_s=20.0, metre="4/4", beats_s=beats, downbeats_s=(0.0, 4.0, 6.0))
    assert [str(song.bar_beat(at)) for at in (5.5, 6.0, 9.5, 10.0)] == [
        "2:2.50",
        "3:1.00",
        "3:4.50",
        "4:1.00",
    ]


def test_a_song_without_downbeats_counts_from_its_first_beat() -> None:
    song = Analysis(source="computed", duration_s=9.0, beats_s=(1.0, 2.0))
    assert str(song.bar_beat(5.0)) == "2:1.00"
    assert Analysis(source="computed", duration_s=9.0).bar_beat(5.0) is None
    assert Analysis(source="computed", duration_s=9.0, bpm=60.0, beats_s=(1.0,)).bar_beat(2.5) == BarBeat(
        1, 2.5
    )


def broken(**changed: Any) -> str:
    return json.dumps({**json.loads(waltz().to_json()), **changed})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"beats_s": [1.0, 0.5]}, "beats_s[1]"),
        ({"beats_s": [1.0, 1.0]}, "beats_s[1]"),
        ({"beats_s": [math.nan]}, "beats_s[0]"),
        ({"beats_s": [math.inf]}, "beats_s[0]"),
        ({"beats_s": [10.5]}, "beats_s[0]"),
        ({"beats_s": [-0.1]}, "beats_s[0]"),
        ({"beats_s": ["1"]}, "beats_s[0]"),
        ({"beats_s": [10**400]}, "beats_s[0]"),
        ({"beats_s": 1}, "beats_s"),
        ({"downbeats_s": [True]}, "downbeats_s[0]"),
        ({"duration_s": None}, "duration_s"),
        ({"duration_s": -1}, "duration_s"),
        ({"bpm": 0}, "bpm"),
        ({"bpm": math.nan}, "bpm"),
        ({"metre": "four"}, "metre"),
        ({"metre": 4}, "metre"),
        ({"key": 7}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"source": "somebody"}, "source"),
        ({"chords": [{"start_s": 2, "end_s": 1, "name": "C"}]}, "chords[0]: end_s"),
        ({"chords": [{"start_s": 1, "end_s": 2}]}, "chords[0]: name"),
        ({"sections": [{"start_s": 0, "end_s": 5, "label": "a"}, {"start_s": 4, "end_s": 6, "label": "b"}]},
         "sections[1]: start_s"),
        ({"sections": ["intro"]}, "sections[0]"),
        ({"onsets_s": {"drums": [3, 2]}}, "drums[1]"),
        ({"onsets_s": []}, "onsets_s"),
        ({"confidence": {"bpm": 1.5}}, "confidence: bpm"),
        ({"estimated": [1]}, "estimated[0]"),
        ({"onset_strengths": {"drums": [0.5]}}, "onset_strengths: drums has 1"),
        ({"onsets_s": {"a": [1.0]}, "onset_strengths": {"a": [1.5]}}, "a[0]"),
        ({"singing": [{"start_s": 2, "end_s": 2}]}, "singing[0]: end_s"),
        ({"energy_curve": [0.5, 1.1]}, "energy_curve[1]"),
        ({"loudness_range_lu": -1}, "loudness_range_lu"),
        ({"true_peak_dbtp": "loud"}, "true_peak_dbtp"),
        ({"alternatives": [{"bpm": 0}]}, "alternatives[0]: bpm"),
        ({"alternatives": [{"bpm": 60, "metre": "4"}]}, "alternatives[0]: metre"),
        ({"sections": [{"start_s": 0, "end_s": 5, "label": "a", "how": "felt"}]}, "sections[0]: how"),
        ({"format": "remixd-analysis-3"}, "newer remixd"),
        ({"format": "something"}, "format"),
    ],
)  # fmt: skip
def test_a_broken_field_is_named_in_one_line(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Analysis.from_json(broken(**changed))
    assert named in str(refused.value)
    assert "analysis.json" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", "[" * 100_000, '{"format": "remixd-analysis-1"}']
)
def test_what_is_no_analysis_at_all_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Analysis.from_json(text)


def test_two_beats_on_top_of_each_other_do_not_count_bars_without_end() -> None:
    analysis = Analysis(source="demo", duration_s=10.0, beats_s=(0.0, 1e-283))
    later = analysis.bar_beat(9.0)
    assert later is not None
    assert 0 < later.bar < 9.0 / LEAST_BEAT_S
    assert 1.0 <= later.beat < 5.0
