"""The sounds of the groove layer: levelled, without an offset, silent at both ends."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import cents, frequency_hz

from remixd.synth.bank import level_lufs, make_bank
from remixd.synth.kit import BASS_HIGH, BASS_LOW, INDEX, SOUNDS, bass, loudness_lufs


@pytest.mark.parametrize("name", list(INDEX))
def test_a_sound_is_as_loud_as_the_kit_says_without_offset_and_ends_in_silence(name: str) -> None:
    sound = make_bank()[INDEX[name]]
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 1.0
    assert level_lufs(sound) == pytest.approx(SOUNDS[INDEX[name]].level_lufs, abs=0.05)
    assert np.abs(sound.mean(axis=0)).max() < 1e-3
    assert np.abs(sound[[0, -1]]).max() < 1e-4
    assert np.abs(sound[-48:]).max() < 0.02 * np.abs(sound).max() or name == "riser"


def test_bass_notes_are_in_tune() -> None:
    for pitch in (BASS_LOW, 33, BASS_HIGH):
        sound = make_bank()[INDEX[f"bass {pitch}"]][4800:]
        expected = 440 * 2 ** ((pitch - 69) / 12)
        heard = frequency_hz(np.pad(sound, ((0, 1 << 18), (0, 0))))
        assert min(abs(cents(heard, expected * harmonic)) for harmonic in (1, 2)) < 20


def test_notes_are_moved_by_octaves_into_the_range_of_the_bass() -> None:
    assert bass(60) == bass(36) == INDEX["bass 36"]
    assert bass(12) == INDEX["bass 24"]


def test_the_loudness_of_strokes_is_what_the_meter_reads_of_them() -> None:
    """Four kicks in two seconds, their loudness as BS.1770 has it for the whole of that time."""
    kick = make_bank()[INDEX["kick"]]
    two_seconds = np.zeros((96_000, 2), np.float32)
    for at in range(0, 96_000, 24_000):
        two_seconds[at : at + len(kick)] += 0.5 * kick
    read = level_lufs(two_seconds) + 10 * np.log10(0.4 / 2.0)
    assert loudness_lufs([(INDEX["kick"], 0.5)] * 4, 2.0) == pytest.approx(read, abs=0.1)
