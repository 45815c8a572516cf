"""Chords: of notes laid on a beat, of the demo song, and of what has none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from harmonies import RATE_HZ, notes, tones_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from remixd.analysis.chords import NO_CHORD, QUALITIES, ChordSpan, find_chords
from remixd.analysis.tones import Tones
from remixd.demo import Song
from remixd.units import StemRole

BEAT_S = 0.5
INTERVALS = {suffix: intervals for suffix, intervals, _ in QUALITIES}
SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
Bars = list[tuple[int, str]]


def play(bars: Bars, up: int = 0, level: float = 0.05) -> dict[StemRole, np.ndarray]:
    """Four beats of each chord, root and quality, with its root in the bass."""
    chordal, bass = [], []
    for root, quality in bars:
        pitches = sorted(57 + (root + up + interval - 57) % 12 for interval in INTERVALS[quality])
        chordal += [pitches] * 4
        bass += [[36 + (root + up) % 12]] * 4
    return {"other": notes(chordal, BEAT_S, level=level), "bass": notes(bass, BEAT_S, level=level)}


def chords_of(stems: dict[StemRole, np.ndarray], key: str | None = None) -> tuple[ChordSpan, ...]:
    tones = {role: tones_of(pcm) for role, pcm in stems.items()}
    beats_s = np.arange(0, len(stems["other"]) / RATE_HZ - 0.1, BEAT_S).tolist()
    return find_chords(tones, beats_s, beats_s[::4], key)


def names(bars: Bars, up: int = 0) -> list[str]:
    return [SHARPS[(root + up) % 12] + quality for root, quality in bars]


@given(
    bars=st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(sorted(INTERVALS))), min_size=3, max_size=5, unique=True
    ).filter(lambda bars: all(a[0] != b[0] for a, b in itertools.pairwise(bars))),
    up=st.integers(0, 11),
    level=st.sampled_from([0.004, 0.1]),
)
@settings(max_examples=20)
def test_chords_are_found_in_every_key_at_every_level(bars: Bars, up: int, level: float) -> None:
    found = chords_of(play(bars, up, level))
    assert [span.name for span in found] == names(bars, up)
    starts = [span.start_s for span in found]
    assert starts == pytest.approx([4 * BEAT_S * bar for bar in range(len(bars))])


def test_the_bass_tells_chords_of_the_same_notes_apart() -> None:
    stems = play([(9, "m7"), (9, "m7")])
    assert [span.name for span in chords_of(stems)] == ["Am7"]
    stems["bass"] = play([(0, ""), (0, "")])["bass"]
    assert chords_of(stems)[0].name[0] == "C"


@pytest.mark.parametrize(("downbeats_s", "change_s"), [([0.0, 2.0], 2.0), ([0.0, 1.5], 1.5)])
def test_a_beat_between_two_chords_goes_to_where_the_bar_begins(
    downbeats_s: list[float], change_s: float
) -> None:
    c_major, d_major = [60, 64, 67], [62, 66, 69]
    chordal = notes([c_major] * 3 + [c_major + d_major] + [d_major] * 4, BEAT_S)
    bass = notes([[36]] * 3 + [[36, 38]] + [[38]] * 4, BEAT_S)
    tones: dict[StemRole, Tones] = {"other": tones_of(chordal), "bass": tones_of(bass)}
    found = find_chords(tones, [index * BEAT_S for index in range(8)], downbeats_s)
    assert [(span.name, span.start_s) for span in found] == [("C", 0.0), ("D", change_s)]


@pytest.mark.parametrize(("key", "name"), [("A minor", "Am"), ("F# minor", "A"), ("A major", "A")])
def test_of_two_thirds_that_sound_the_keys_own_is_believed(key: str, name: str) -> None:
    minor, major = (notes([[57, third, 64]] * 2, BEAT_S) for third in (60, 61))
    stems: dict[StemRole, np.ndarray] = {"other": minor + 1.1 * major, "bass": notes([[33]] * 2, BEAT_S)}
    assert chords_of(stems, key)[0].name == name


def test_names_are_spelt_as_the_key_is() -> None:
    stems = play([(10, ""), (3, "")])
    assert [span.name for span in chords_of(stems, "Bb major")] == ["Bb", "Eb"]
    assert [span.name for span in chords_of(stems, "G minor")] == ["Bb", "Eb"]
    assert [span.name for span in chords_of(stems, "B major")] == ["A#", "D#"]


def test_spans_are_one_after_another_without_a_gap() -> None:
    found = chords_of(play([(0, ""), (5, ""), (7, "7"), (0, "")]))
    for before, after in itertools.pairwise(found):
        assert before.end_s == after.start_s
        assert before.name != after.name
    assert all(0.0 < span.confidence <= 1.0 for span in found)


@pytest.mark.parametrize("kind", ["silence", "noise", "one note"])
def test_what_is_no_chord_is_called_none(kind: str) -> None:
    pcm = {
        "silence": np.zeros((4 * RATE_HZ, 2), np.float32),
        "noise": noise(4 * RATE_HZ, seed=1, level=0.1),
        "one note": notes([[60]] * 8, BEAT_S),
    }[kind]
    assert [span.name for span in chords_of({"other": pcm})] == [NO_CHORD]


def test_a_rest_is_no_chord() -> None:
    stems = play([(0, ""), (0, ""), (0, "")])
    for pcm in stems.values():
        pcm[4 * RATE_HZ // 2 : 8 * RATE_HZ // 2] = 0.0
    assert [span.name for span in chords_of(stems)] == ["C", NO_CHORD, "C"]


def test_nothing_at_all_has_no_spans() -> None:
    assert find_chords({}, [0.0, 0.5], [0.0]) == ()
    assert find_chords({"other": tones_of(np.zeros((0, 2), np.float32))}, []) == ()


def test_without_beats_chords_are_found_in_time() -> None:
    stems = play([(0, ""), (5, ""), (7, ""), (0, "")])
    found = find_chords({role: tones_of(pcm) for role, pcm in stems.items()}, [])
    assert [span.name for span in found] == ["C", "F", "G", "C"]
    assert [span.start_s for span in found] == pytest.approx([0, 2, 4, 6], abs=0.3)


@pytest.mark.parametrize(
    ("sections", "semitones"), [(("verse", "chorus"), 0), (("pre-chorus", "chorus"), -4)]
)
def test_the_chords_of_the_demo_song(sections: tuple[str, ...], semitones: int) -> None:
    song = Song(sections=sections, semitones=semitones, space=0.0)
    truth = song.analysis()
    tones: dict[StemRole, Tones] = {
        "other": tones_of(song.render("other", RATE_HZ)),
        "bass": tones_of(song.render("bass", RATE_HZ)),
    }
    found = find_chords(tones, truth["beats_s"], truth["downbeats_s"], truth["key"])
    right = sum(
        max(0.0, min(span.end_s, chord["end_s"]) - max(span.start_s, chord["start_s"]))
        for span in found
        for chord in truth["chords"]
        if span.name == chord["name"]
    )
    assert right > 0.93 * song.duration_s
