"""Strips: a gain moves in a straight line, from frame to frame, alike in both channels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.mix import PLAYABLE

STEMS = [noise(1500, seed=seed, level=0.03) for seed in range(3)]
ROLES = [0, 1, 3]


@given(
    starts=st.lists(st.integers(1, 1400), min_size=3, max_size=3),
    lengths=st.lists(st.integers(1, 700), min_size=3, max_size=3),
    levels_db=st.lists(st.sampled_from([-60.0, -6.0, 3.0]), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_stems_are_summed_with_gains_on_straight_lines(
    starts: list[int], lengths: list[int], levels_db: list[float]
) -> None:
    session = Session([Stem.of(pcm) for pcm in STEMS], ROLES, loop=False)
    expected = np.zeros((1500, 2))
    names = ("drums", "bass", "other")
    for pcm, name, start, length, level_db in zip(STEMS, names, starts, lengths, levels_db, strict=True):
        session.post(1, PLAYABLE.index(name), level_db, sample=start, ramp_frames=length)
        goal = 0.0 if level_db <= -60 else 10 ** (level_db / 20)
        done = np.clip((np.arange(1500) - start + 1) / length, 0, 1)
        expected += (1 + (goal - 1) * done)[:, None] * pcm
    np.testing.assert_allclose(session.render(1500), expected, atol=1e-7)
