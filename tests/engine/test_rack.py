"""Chains of effects: built, measured, the same every time, and changed without a click."""

from __future__ import annotations

from typing import Any

import numpy as np
import pedalboard
import pytest
from racks import QUANTUM
from sounds import Audio, music, noise
from switches import switch
from vst3s import zam

from remixd._kernel import fft
from remixd.config import user_cache_path
from remixd.control.score import rack_score
from remixd.engine import rack as module
from remixd.engine.rack import EFFECTS, STAGES, Chain, build, rebuild
from remixd.engine.racks import Racks

SECOND = 48_000
Element = dict[str, Any]

EVERY: list[Element] = [
    {"effect": "highpass", "cutoff_frequency_hz": 120}, {"effect": "lowpass", "cutoff_frequency_hz": 6000},
    {"effect": "low_shelf", "gain_db": 5}, {"effect": "high_shelf", "gain_db": -5},
    {"effect": "peak", "gain_db": 4}, {"effect": "compressor", "threshold_db": -30, "ratio": 4},
    {"effect": "distortion", "drive_db": 12}, {"effect": "chorus"}, {"effect": "phaser"},
    {"effect": "reverb", "room_size": 0.7}, {"effect": "bitcrush", "bit_depth": 10},
    {"effect": "ladder", "mode": "LPF24", "cutoff_hz": 2000}, {"effect": "clipping", "threshold_db": -12},
    {"effect": "gain", "gain_db": -4}, {"effect": "noise_gate", "threshold_db": -40},
    {"effect": "delay", "beats": 0.75}, {"effect": "tremolo", "beats": 0.25},
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def quanta(chain: Chain, pcm: Audio) -> Audio:
    blocks = []
    for at in range(0, len(pcm), QUANTUM):
        block = np.ascontiguousarray(pcm[at : at + QUANTUM].T)
        blocks.append(chain(block, at / 24_000, 1 / 24_000).T.copy())
    return np.concatenate(blocks)


def test_every_effect_but_one_is_offered_without_delay() -> None:
    assert {element["effect"] for element in EVERY} | {"pitch_shift"} == {*EFFECTS, *STAGES}
    for element in EVERY:
        built = build([element])
        assert (built.delay_frames, built.owed_frames) == (0, 0)
        assert 0 < built.cost_ns < 333_000


@pytest.mark.parametrize("element", EVERY, ids=lambda element: element["effect"])
def test_a_chain_that_is_built_again_gives_the_same_bits(element: Element) -> None:
    pcm = music(100 * QUANTUM, level=0.3)
    chain = [element, {"effect": "reverb"}, element]
    built = build(chain)
    first = quanta(built.chain, pcm)
    assert np.abs(first - pcm).max() > 0.01
    np.testing.assert_array_equal(quanta(rebuild(chain, 0, 0).chain, pcm), first)


def test_a_chain_begins_silent_and_settled() -> None:
    for element in EVERY:
        block = np.zeros((2, QUANTUM), np.float32)
        assert np.abs(build([element]).chain(block, 0.0, 1 / 24_000)).max() < 1e-5


def test_effects_of_pedalboard_sound_as_they_do_called_directly() -> None:
    pcm = noise(200 * QUANTUM)
    built = build([{"effect": "highpass", "cutoff_frequency_hz": 300}, {"effect": "peak", "gain_db": 6}])
    board = pedalboard.Pedalboard([pedalboard.HighpassFilter(300), pedalboard.PeakFilter(gain_db=6)])
    expected = board(pcm.T, 48_000, reset=True).T
    np.testing.assert_allclose(quanta(built.chain, pcm), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("chain", "because"),
    [
        ([], "1 to 16"),
        ([{"effect": "gain"}] * 17, "1 to 16"),
        ([{"effect": "wah"}], "no effect 'wah'"),
        ([{}], "no effect 'None'"),
        ([{"effect": ["reverb"]}], "no effect"),
        ([{"effect": "vst3", "path": "x"}], "x is not there"),
        ([{"effect": "reverb", "room": 1}], "no parameter 'room'"),
        ([{"effect": "reverb", "is_effect": 1}], "no parameter"),
        ([{"effect": "reverb", "__class__": 1}], "no parameter"),
        ([{"effect": "reverb", "room_size": 3}], "between 0.0 and 1.0"),
        ([{"effect": "reverb", "room_size": None}], "goes from"),
        ([{"effect": "reverb", "room_size": [1]}], "goes from"),
        ([{"effect": "phaser", "rate_hz": 1e30}], "goes from 0 to 100"),
        ([{"effect": "gain", "gain_db": float("nan")}], "goes from"),
        ([{"effect": "gain", "gain_db": True}], "goes from"),
        ([{"effect": "ladder", "mode": "LPF48"}], "LPF12"),
        ([{"effect": "ladder", "mode": ["LPF12"]}], "LPF12"),
        ([{"effect": "chorus", "feedback": 100}], "no sound"),
        ([{"effect": "tremolo", "beats": "x"}], "tremolo cannot be made"),
        ([{"effect": "delay", "feedback": 2}], "delay cannot be made"),
        ([{"effect": "pitch_shift", "semitones": 3}], "delay the sound by 1[0-9]{3} ms, .* 100 ms"),
    ],
)
def test_what_cannot_be_built_is_told_in_a_sentence(chain: list[Element], because: str) -> None:
    with pytest.raises(ValueError, match=because) as told:
        build(chain)
    assert "\n" not in str(told.value)


def test_a_plug_in_is_as_late_as_its_score_says_here_and_where_it_is_played_again() -> None:
    chain = [{"effect": "gain", "gain_db": -6.0}, {"effect": "vst3", "path": str(zam("ZaMaximX2"))}]
    pcm = music(40 * QUANTUM, level=0.3)
    heard = []
    for blocks in (2, 8):
        rack, built = Racks().build({"key": 1, "chain": chain, "blocks_between": blocks})
        assert rack.delay_frames == built.delay_frames == blocks * QUANTUM + 480
        again, rebuilt = Racks().build(rack_score(chain, key=1, built={
            "delay_frames": built.delay_frames, "owed_frames": built.owed_frames, "blocks_between": blocks,
        }))  # fmt: skip
        assert again.delay_frames == rack.delay_frames
        first = quanta(built.chain, pcm)
        np.testing.assert_array_equal(quanta(rebuilt.chain, pcm), first)
        heard.append(first[built.delay_frames :])
        built.chain.close()
        rebuilt.chain.close()
    np.testing.assert_array_equal(heard[0][: len(heard[1])], heard[1])


class Slow:
    """A stage that takes too long."""

    def __call__(self, block: module.Planar, _beat: float, _rate: float) -> module.Planar:
        for _ in range(300_000):
            pass
        return block


def test_a_rack_over_budget_is_refused_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.STAGES, "slow", Slow)
    with pytest.raises(ValueError, match=r"takes [0-9]{3,} us for 64 frames, .* 333 us"):
        build([{"effect": "slow"}])


@pytest.mark.parametrize("seed", range(3))
def test_twenty_switches_and_morphs_at_random_moments_do_not_click(seed: int) -> None:
    assert switch(music(4 * SECOND, seed=seed, level=0.3), 20, seed, 9000) == []
