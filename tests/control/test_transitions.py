"""From deck to deck and from section to section: in beat, at the right power, and never with two basses."""

from __future__ import annotations

import numpy as np
import pytest
from performing import SECOND, Performance, track
from sounds import Audio, level_db, music, noise, roughness

from remixd._kernel import fft, mailbox
from remixd.config import user_cache_path
from remixd.control.command import Refused
from remixd.track.rights import Rights

BEAT = 24_000
BAR = 4 * BEAT
PHRASE = 4 * BAR
LENGTH = 40 * BAR
OPEN = Rights(mash_ups=True)


def song(seed: int, frames: int = LENGTH) -> Audio:
    return music(frames, seed=seed, level=0.2)


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.fixture(scope="module")
def songs() -> tuple[Audio, Audio]:
    return song(1), song(2)


def two(one: Audio, other: Audio, *, beat: float = 25_000.0, **words: object) -> Performance:
    """A song of 120 bpm that plays, and another on deck B."""
    it = Performance()
    it.load(0, track("first", {"other": one}), {"other": one})
    it.load(1, track("second", {"other": other}, beat_frames=beat, **words), {"other": other})  # type: ignore[arg-type]
    assert it.do("play", 0).accepted
    it.play(SECOND)
    return it


def test_a_crossfade_begins_on_the_phrase_and_keeps_its_power() -> None:
    one, other = noise(LENGTH, seed=1), noise(LENGTH, seed=2)
    it = two(one, other, beat=24_000.0)
    began = it.samples(mailbox.PLAY, 0)[0]
    answer = it.do("mix", 0, other=1, name="crossfade", value=4.0)
    assert answer.accepted, answer.reason
    it.play(2 * PHRASE)
    (start,) = it.samples(mailbox.PLAY, 1)
    assert start == began + PHRASE
    heard = np.concatenate(it.heard)
    window = BEAT // 2
    levels = [level_db(heard[at : at + window]) for at in range(start, start + 4 * BAR, window)]
    assert np.ptp([*levels, level_db(one)]) < 1.0
    (end,) = it.samples(mailbox.PAUSE, 0)
    assert end == start + 4 * BAR
    np.testing.assert_allclose(heard[end + 2000 : end + 9000], other[end - start + 2000 : end - start + 9000])
