"""Keys: of cadences whose key is beyond doubt, moved, mistuned, faint and silent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from harmonies import notes, tones_of, triad
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from remixd.analysis.key import Key, find_key
from remixd.analysis.streams import lockstep, shifted
from remixd.demo import Song
from remixd.track.camelot import key_name
from remixd.units import StemRole

MAJOR_CADENCE = [(0, 4), (5, 4), (7, 4), (0, 4), (9, 3), (2, 3), (7, 4), (0, 4)]
MINOR_CADENCE = [(0, 3), (5, 3), (7, 4), (0, 3), (8, 4), (5, 3), (7, 4), (0, 3)]


def cadence(tonic: float, *, minor: bool, level: float = 0.05) -> np.ndarray:
    steps = MINOR_CADENCE if minor else MAJOR_CADENCE
    return notes([[p + tonic for p in triad(60 + up, third)] for up, third in steps], 1.0, level=level)


def bass_line(tonic: float, *, minor: bool) -> np.ndarray:
    steps = MINOR_CADENCE if minor else MAJOR_CADENCE
    return notes([[36 + (up + tonic) % 12] for up, _third in steps], 1.0)


def key_of(stems: dict[StemRole, np.ndarray]) -> Key | None:
    return find_key({role: tones_of(pcm) for role, pcm in stems.items()})


@given(tonic=st.integers(0, 11), minor=st.booleans(), level=st.sampled_from([0.002, 0.05, 0.2]))
@settings(max_examples=12)
def test_a_cadence_moved_by_semitones_moves_its_key(tonic: int, minor: bool, level: float) -> None:
    found = key_of({"other": cadence(tonic, minor=minor, level=level), "bass": bass_line(tonic, minor=minor)})
    assert found is not None
    assert found.name == key_name(tonic, minor=minor)


@pytest.mark.parametrize("cents", [-40, -15, 25, 45])
def test_another_tuning_is_told_and_does_not_matter(cents: int) -> None:
    found = key_of({"other": cadence(2 + cents / 100, minor=False)})
    assert found is not None
    assert found.name == "D major"
    assert found.tuning_cents == pytest.approx(cents, abs=6)


def test_opposite_polarity_of_the_channels_does_not_matter() -> None:
    pcm = cadence(4, minor=True)
    pcm[:, 1] *= -1
    found = key_of({"other": pcm})
    assert found is not None
    assert found.name == "E minor"


def test_drums_say_nothing_and_a_voice_only_where_it_is_alone() -> None:
    song, other = cadence(0, minor=False), cadence(6, minor=False)
    assert key_of({"other": song, "vocals": other, "drums": other}) == key_of({"other": song})
    assert key_of({"drums": other}) is None
    alone = key_of({"vocals": other})
    assert alone is not None
    assert alone.name == "F# major"


@pytest.mark.parametrize(
    "pcm",
    [np.zeros((0, 2), np.float32), np.zeros((90_000, 2), np.float32), noise(900_000, seed=3, level=0.2)],
)
def test_silence_and_noise_have_no_key(pcm: np.ndarray) -> None:
    assert key_of({"other": pcm}) is None


def test_a_song_in_two_keys_is_less_sure_than_either_half() -> None:
    first, second = cadence(0, minor=False), cadence(6, minor=False)
    both = key_of({"other": np.concatenate([first, first, second, second])})
    one = key_of({"other": np.concatenate([first, first, first, first])})
    assert one is not None
    assert both is None or both.confidence < 0.6 * one.confidence


@pytest.mark.parametrize("semitones", [0, 3])
def test_the_key_of_the_demo_song(semitones: int) -> None:
    song = Song(semitones=semitones, sections=("verse", "chorus"), space=0.0)
    found = key_of({"other": song.render("other", 44_100), "bass": song.render("bass", 44_100)})
    assert found is not None
    assert found.name == song.analysis()["key"]
    assert found.confidence > 0.5


@given(cuts=st.lists(st.integers(1, 30_000), min_size=1, max_size=8))
@settings(max_examples=8)
def test_blocks_do_not_matter_to_the_spectra(cuts: list[int]) -> None:
    pcm = cadence(0, minor=False)[:100_000]
    edges = np.minimum(np.cumsum([0, *cuts, 100_000]), 100_000)
    pieces = iter([pcm[a:b] for a, b in itertools.pairwise(edges)])
    joined = np.concatenate([block for (block,) in lockstep([pieces], 7000)])
    np.testing.assert_array_equal(joined, pcm)
    whole = tones_of(pcm, block=len(pcm)).amplitudes
    np.testing.assert_allclose(tones_of(pcm, block=cuts[0] + 500).amplitudes, whole, atol=0.05)


@given(lengths=st.lists(st.integers(0, 300), min_size=1, max_size=4), frames=st.integers(1, 90))
def test_streams_in_lockstep_lose_nothing_and_end_in_silence(lengths: list[int], frames: int) -> None:
    stems = [noise(length, seed=index, level=0.3) for index, length in enumerate(lengths)]
    parts = list(lockstep([[stem[:7], stem[7:]] for stem in stems], frames))
    for index, stem in enumerate(stems):
        joined = np.concatenate([np.zeros((0, 2), np.float32), *(part[index] for part in parts)])
        assert len(joined) == max(lengths)
        np.testing.assert_array_equal(joined[: len(stem)], stem)
        assert not joined[len(stem) :].any()


@given(by=st.integers(-200, 200), cut=st.integers(0, 100))
def test_a_shifted_stream_comes_earlier_or_after_silence(by: int, cut: int) -> None:
    pcm = noise(100, seed=1, level=0.3)
    moved = np.concatenate([np.zeros((0, 2), np.float32), *shifted([pcm[:cut], pcm[cut:]], by)])
    expected = pcm[by:] if by >= 0 else np.concatenate([np.zeros((-by, 2), np.float32), pcm])
    np.testing.assert_array_equal(moved, expected)
