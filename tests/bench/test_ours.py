"""The kernel as benches use it: the right length, pitch and start, and nothing where nothing was asked."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE_HZ, music, tone

from remixd.bench import ours
from remixd.units import STEM_ROLES

FRAMES = RATE_HZ


@pytest.fixture(scope="module", autouse=True)
def plans():
    ours.prepare()


@pytest.mark.parametrize("tempo", [0.8, 1.25])
def test_a_stretched_stem_has_its_length_pitch_and_start(tempo):
    sound = tone(FRAMES, 500.0, level=0.8)
    sound[: FRAMES // 4] = 0
    stretched = ours.stretch({"bass": sound, "vocals": sound[:-100]}, tempo, 0.0)
    for role, frames in (("bass", FRAMES), ("vocals", FRAMES - 100)):
        out = stretched[role]
        assert out.shape == (round(frames / tempo), 2)
        assert np.argmax(np.abs(out[:, 0]) > 0.4) / RATE_HZ == pytest.approx(0.25 / tempo, abs=0.03)
        held = out[len(out) // 2 : 9 * len(out) // 10, 0]
        spectrum = np.abs(np.fft.rfft(held * np.hanning(len(held)), 1 << 18))
        assert spectrum.argmax() * RATE_HZ / (1 << 18) == pytest.approx(500.0, abs=0.5)
        assert np.abs(held).max() == pytest.approx(0.8, rel=0.02)


def test_at_its_own_tempo_and_pitch_a_stem_comes_back_as_it_was():
    stems = {role: music(FRAMES // 2, seed=number) for number, role in enumerate(STEM_ROLES)}
    back = ours.stretch(stems, 1.0, 0.0)
    for role, sound in stems.items():
        np.testing.assert_allclose(back[role], sound, atol=1e-6)


@pytest.mark.parametrize("variant", ours.VARIANTS)
def test_a_player_loops_and_its_gains_move_only_if_asked(variant):
    sound = np.full((FRAMES // 2, 2), 0.2, dtype=np.float32)
    with ours.cached({"vocals": sound}, 1.0) as files:
        still = ours.Player(files, variant)
        moving = ours.Player(files, variant, moving=True)
        levels = [
            np.concatenate([player.render(256).copy()[:, 0] for _ in range(200)])
            for player in (still, moving)
        ]
    assert np.ptp(levels[0]) < 1e-6
    assert levels[1].max() == pytest.approx(0.2, rel=0.05)
    assert levels[1].min() < 0.15
    with pytest.raises(ValueError, match="no variant"):
        ours.Player(files, "another")
