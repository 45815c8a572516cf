"""Sections: of forms played here, and of the demo song in several orders."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from harmonies import RATE_HZ, notes, tones_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from remixd.analysis.activity import find_singing
from remixd.analysis.bands import BandLevels, Bands
from remixd.analysis.loudness import LoudnessMeter
from remixd.analysis.section_names import name_sections
from remixd.analysis.sections import Form, find_form
from remixd.analysis.tones import Tones
from remixd.demo import Song
from remixd.units import StemRole

BAR_S = 1.0
PARTS = {  # roots of a bar's chord, and whether drums play
    "A": ((0, 5, 7, 0), True), "B": ((9, 2, 4, 11), True), "C": ((8, 3, 10, 1), False),
}  # fmt: skip


def bands_of(pcm: np.ndarray, rate_hz: int = RATE_HZ) -> Bands:
    levels = BandLevels(rate_hz)
    levels.add(pcm)
    return levels.finish()


@cache
def part(letter: str, bars: int, up: int) -> tuple[np.ndarray, np.ndarray]:
    """Chords and drums of a part, a chord a bar."""
    roots, drums = PARTS[letter]
    pitches = [sorted(55 + (root + up + third - 55) % 12 for third in (0, 4, 7)) for root in roots]
    chords = notes([pitches[bar % 4] for bar in range(bars)], BAR_S)
    beats = noise(len(chords), seed=2, level=0.1) * np.exp(-(np.arange(len(chords)) % 22_050) / 2000)[:, None]
    return chords, (beats * drums).astype(np.float32)


def form_of(form: list[tuple[str, int]], *, up: int = 0, gain: float = 1.0) -> Form:
    played = [part(letter, bars, up) for letter, bars in form]
    chords, drums = (gain * np.concatenate([stems[index] for stems in played]) for index in (0, 1))
    seconds = len(chords) / RATE_HZ
    downbeats_s = np.arange(0.0, seconds - 0.5, BAR_S)
    bands = {"keys": bands_of(chords), "kit": bands_of(drums)}
    return find_form(bands, {"other": tones_of(chords)}, downbeats_s.tolist(), seconds)


@pytest.mark.parametrize(
    "form",
    [
        [("A", 8), ("B", 8), ("A", 8), ("B", 8)],
        [("C", 4), ("A", 8), ("B", 8), ("A", 8), ("C", 4)],
        [("A", 16), ("C", 8), ("A", 8)],
        [("A", 8), ("B", 8), ("C", 6), ("A", 8)],
    ],
)
def test_sections_begin_where_music_changes_and_have_the_letters_of_the_form(
    form: list[tuple[str, int]],
) -> None:
    found = form_of(form).sections
    bars = np.cumsum([0, *(length for _, length in form)])
    assert [section.start_s for section in found] == pytest.approx(bars[:-1] * BAR_S)
    assert found[-1].end_s == pytest.approx(bars[-1] * BAR_S)
    first = list(dict.fromkeys(letter for letter, _ in form))
    assert [section.letter for section in found] == ["ABC"[first.index(letter)] for letter, _ in form]


@given(up=st.integers(1, 11), gain=st.sampled_from([0.03, 3.0]))
@settings(max_examples=4)
def test_key_and_gain_do_not_matter_to_the_form(up: int, gain: float) -> None:
    form = [("A", 8), ("B", 8), ("A", 8)]
    plain, other = form_of(form).sections, form_of(form, up=up, gain=gain).sections
    assert [(s.start_s, s.letter) for s in other] == [(s.start_s, s.letter) for s in plain]


def test_phrases_are_four_bars_and_begin_anew_with_each_section() -> None:
    form = form_of([("A", 8), ("B", 8), ("C", 6), ("A", 8)])
    assert form.phrases_s == pytest.approx([0, 4, 8, 12, 16, 20, 22, 26])


def test_a_song_that_never_changes_is_one_section() -> None:
    assert [section.letter for section in form_of([("A", 24)]).sections] == ["A"]


@pytest.mark.parametrize("bars", [0, 1, 7])
def test_a_song_of_a_few_bars_has_no_form(bars: int) -> None:
    pcm = notes([[60]] * max(bars, 1), BAR_S)
    starts = [float(bar) for bar in range(bars)]
    form = find_form({"keys": bands_of(pcm)}, {"other": tones_of(pcm)}, starts, len(pcm) / RATE_HZ)
    assert form.sections == ()
    assert form.phrases_s == tuple(starts[::4])


def test_silence_is_one_section() -> None:
    pcm = np.zeros((16 * RATE_HZ, 2), np.float32)
    form = find_form(
        {"keys": bands_of(pcm)}, {"other": tones_of(pcm)}, [float(bar) for bar in range(16)], 16.0
    )
    assert len(form.sections) == 1


def test_the_form_of_the_demo_song_is_found_more_exactly_than_by_a_grid_of_phrases() -> None:
    song = Song(
        bpm=150, sections=("intro", "verse", "chorus", "bridge", "verse", "chorus", "outro"), space=0.0
    )
    truth = song.analysis()
    stems = {name: song.render(name, 22_050) for name in ("drums", "bass", "other", "vocals.en")}
    bands = {name: bands_of(pcm, 22_050) for name, pcm in stems.items()}
    tones: dict[StemRole, Tones] = {
        "bass": tones_of(stems["bass"], 22_050),
        "other": tones_of(stems["other"], 22_050),
    }
    form = find_form(bands, tones, truth["downbeats_s"], truth["duration_s"])
    real = {section["start_s"] for section in truth["sections"][1:]}
    found = {round(section.start_s, 9) for section in form.sections[1:]}
    grid = set(truth["phrases_s"][1:])
    assert len(found & real) / len(found) > len(grid & real) / len(grid)
    assert len(found & real) >= 0.6 * len(real)
    meter = LoudnessMeter(22_050)
    meter.add(np.sum(list(stems.values()), axis=0, dtype=np.float32))
    names = name_sections(form.sections, meter.finish(), find_singing(bands["vocals.en"]))
    assert names[0].label == "intro"
    choruses = [s["start_s"] for s in truth["sections"] if s["label"] == "chorus"]
    called = [s.start_s for s, name in zip(form.sections, names, strict=True) if name.label == "chorus"]
    assert called == pytest.approx(choruses)
    assert all(name.how for name in names)


def test_without_evidence_sections_keep_their_letters() -> None:
    form = form_of([("A", 8), ("B", 8)])
    meter = LoudnessMeter(RATE_HZ)
    meter.add(noise(16 * RATE_HZ, seed=1, level=0.1))
    names = name_sections(form.sections, meter.finish(), None)
    assert [name.label for name in names] == ["A", "B"]
    assert not any(name.guessed for name in names)
    assert name_sections((), meter.finish(), None) == ()
