"""Effects that keep to the beat: what racks are told of it, and what they make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from decks import OTHER, SECOND
from racks import QUANTUM, Call, Planar, put
from sounds import Audio, music, roughness

from remixd._kernel.effects import Delay, Tremolo
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

FRAMES = 3 * SECOND


@pytest.mark.parametrize("tempo", [1.0, 1.25])
def test_a_rack_is_told_where_the_beat_is(tempo: float) -> None:
    pcm = music(FRAMES, level=0.1)
    beats = np.arange(0.0, FRAMES, 20_000)
    words: dict[str, Any] = {"beats": beats, "levels": [1] * len(beats), "mix": (tempo, 0, 0, 0, 0, 0)}
    session = Session([Stem.of(pcm)], [OTHER], loop=False, **words)
    heard: list[tuple[float, float]] = []

    def call(block: Planar, beat: float, rate: float) -> Planar:
        heard.append((beat, rate))
        return block

    put(session, 1, call, 1.0)
    session.render(SECOND)
    for number, (beat, rate) in enumerate(heard):
        assert abs(beat - number * QUANTUM * tempo / 20_000) < 1e-6
        assert abs(rate - tempo / 20_000) < 1e-12


def rendered(call: Call, pcm: Audio, rates: list[float]) -> Audio:
    beat, out = 0.0, []
    for at, rate in zip(range(0, len(pcm), QUANTUM), rates, strict=False):
        out.append(call(np.ascontiguousarray(pcm[at : at + QUANTUM].T), beat, rate).T.copy())
        beat += rate * QUANTUM
    return np.concatenate(out)


def test_a_delay_by_beats_follows_the_tempo_without_a_click() -> None:
    pcm = music(4 * SECOND, level=0.2)
    impulse = np.zeros_like(pcm)
    impulse[3 * SECOND] = 1.0
    quanta = len(pcm) // QUANTUM
    rates = [2 / SECOND] * (quanta // 2) + [2.5 / SECOND] * (quanta // 2)
    delay = 3 / 16 / 2.5 * SECOND
    echoed = rendered(Delay(beats=3 / 16, mix=1.0, feedback=0.0), impulse, rates)
    assert np.abs(echoed[:, 0]).argmax() == 3 * SECOND + round(delay)
    moved = rendered(Delay(beats=3 / 16, mix=0.5), pcm, rates)
    steady = rendered(Delay(beats=3 / 16, mix=0.5), pcm, [2 / SECOND] * quanta)
    assert roughness(moved).max() < 1.2 * roughness(steady).max()


def test_a_delay_by_beats_is_not_moved_by_beats_that_waver() -> None:
    pcm = music(SECOND, level=0.2)
    wavering = [2 / SECOND * (1 + 0.002 * (-1) ** number) for number in range(len(pcm) // QUANTUM)]
    steady = [wavering[0]] * len(wavering)
    np.testing.assert_array_equal(
        rendered(Delay(beats=0.5), pcm, wavering), rendered(Delay(beats=0.5), pcm, steady)
    )


def test_a_tremolo_is_full_on_the_beat_and_goes_over_softly_where_the_music_jumps() -> None:
    ones = np.ones((SECOND, 2), np.float32)
    swing = rendered(Tremolo(beats=0.25, depth=0.8), ones, [2 / SECOND] * (SECOND // QUANTUM))[:, 0]
    period = SECOND // 8
    np.testing.assert_allclose(swing[::period], 1.0, atol=1e-6)
    np.testing.assert_allclose(swing[period // 2 :: period], 0.2, atol=1e-6)
    tremolo = Tremolo(beats=0.25, depth=1.0)
    jumped = []
    for number in range(200):
        beat = number * QUANTUM * 2 / SECOND + (0.1 if number >= 100 else 0.0)
        jumped.append(tremolo(np.ones((2, QUANTUM), np.float32), beat, 2 / SECOND)[0].copy())
    gains = np.concatenate(jumped)
    assert np.abs(np.diff(gains)).max() < 0.01
    frames = np.arange(10_000, 200 * QUANTUM)
    expected = 0.5 + 0.5 * np.cos(2 * np.pi * (frames * 2 / SECOND + 0.1) / 0.25)
    np.testing.assert_allclose(gains[10_000:], expected, atol=1e-3)


@pytest.mark.parametrize(
    "words", [{"beats": -1.0}, {"feedback": 1.0}, {"mix": 2.0}, {"delay_seconds": float("nan")}]
)
def test_a_delay_that_cannot_be_is_not_made(words: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="takes"):
        Delay(**words)
