"""Stems summed in the spectrum sound as stems do that are summed afterwards, but for when gains act."""

from __future__ import annotations

import pytest
from decks import OTHER_GAIN, SECOND, TEMPO, Move, one, steered
from sounds import noise, roughness, tone


@pytest.mark.parametrize("tempo", [1.0, 1.1])
def test_a_stem_that_begins_muted_is_never_heard(tempo: float) -> None:
    session = one(noise(SECOND), summed=True, mix=(tempo, 0, 0, 0, 0, -60))
    assert not session.render(20_000).any()


@pytest.mark.parametrize("apart", range(-2048, 2049, 512))
def test_gains_may_move_with_the_tempo_and_nothing_clicks(apart: int) -> None:
    pcm = tone(4 * SECOND, 200.0)
    planned = [
        Move(20_000, TEMPO, 1.1),
        Move(20_000 + apart, OTHER_GAIN, -60.0),
        Move(50_000, OTHER_GAIN, 0.0),
        Move(70_000, TEMPO, 1.0),
        Move(84_000 + 2 * apart, OTHER_GAIN, -60.0),
    ]
    heard = steered(one(pcm, summed=True), planned, [], 2 * SECOND)
    assert roughness(heard).max() < 1.5 * roughness(pcm).max()
