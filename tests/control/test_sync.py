"""Told to follow, a deck that nobody hears jumps into the beat; one that is heard drifts there."""

from __future__ import annotations

import numpy as np
import pytest
from performing import Performance, track
from sounds import music, roughness

from remixd._kernel import fft, mailbox
from remixd.config import user_cache_path

BEAT = 24_000
LENGTH = 32 * BEAT
OFF = 0.4
"""Beats by which the second deck is behind."""


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def two(fader_db: float) -> Performance:
    it = Performance()
    pcm = music(LENGTH)
    for deck in range(2):
        it.load(deck, track(f"song-{deck}", {"other": pcm}, beat_frames=BEAT), {"other": pcm})
    assert it.do("channel", 1, name="fader", value=fader_db, ramp_s=0.0).accepted
    assert it.do("seek", 1, value=(8 - OFF) * BEAT / 48_000).accepted
    it.play(4800)
    assert it.do("lead", 0).accepted
    assert it.do("play", 0).accepted
    assert it.do("play", 1).accepted
    it.play(BEAT)
    assert it.do("lead", 0).accepted
    return it


def error_beats(it: Performance) -> float:
    """How far the second deck is from the beat of the first."""
    _, places = it.places[-1]
    off = (places[1] - places[0]) / BEAT
    return abs(off - round(off))


def test_a_deck_with_its_fader_down_is_in_beat_at_once() -> None:
    it = two(-60.0)
    assert error_beats(it) == pytest.approx(OFF, abs=0.02)
    answer = it.do("sync", 1)
    assert "not heard: it jumps into the beat" in answer.because
    it.play(2400)
    assert error_beats(it) * BEAT < 3, "within 50 us"
    assert len(it.applied(mailbox.ALIGN)) == 1


def test_a_deck_that_is_heard_drifts_in_without_a_jump() -> None:
    it = two(0.0)
    before = it.play(BEAT)
    assert it.do("sync", 1).accepted
    heard = it.play(BEAT)
    assert 0.2 < error_beats(it) < OFF
    assert not it.applied(mailbox.ALIGN)
    assert roughness(heard).max() < 1.5 * roughness(before).max()
    steps = np.diff([places[1] for _, places in it.places[-50:]])
    assert (abs(steps / 480 - 1) < 0.06).all()
    it.play(16 * BEAT)
    assert error_beats(it) * BEAT < 48, "within a millisecond"


def test_a_deck_that_rests_starts_in_beat() -> None:
    it = two(0.0)
    assert it.do("pause", 1).accepted
    it.play(4800)
    assert it.do("sync", 1).accepted
    it.play(4800)
    assert it.do("play", 1).accepted
    it.play(2400)
    assert error_beats(it) * BEAT < 3
