"""A session is played again from its journal: the same samples, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from takes import Take, library, perform, session_score

from remixd._kernel import fft
from remixd.control.journal import Journal
from remixd.control.provenance import wisdom_path

BLOCKS = (16, 64, 128, 480, 4096)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    fft.prepare(wisdom_path())
    return library(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def a_take(folder: Path, player: dict[str, Any] | None) -> Take:
    return Take(folder, session_score(player), Journal(folder / "unused"))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1 << 30),
    block=st.sampled_from(BLOCKS),
    cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=4),
    summed=st.booleans(),
    empty=st.booleans(),
)
def test_whatever_was_commanded_the_replay_is_what_was_heard(
    songs: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory, seed: int, block: int,
    cuts: list[int], summed: bool, empty: bool,
) -> None:  # fmt: skip
    first = {**songs[0], "summed": summed}
    more = [{**songs[1], "summed": summed}, {**songs[1], "key": 3}, {**first, "key": 4}]
    take = a_take(tmp_path_factory.mktemp("take"), None if empty else first)
    heard = perform(take, seed, 120_000, cuts, 60, more if not empty else [*more, {**first, "key": 1}])
    assert len(heard) == 120_000
    np.testing.assert_array_equal(take.replayed(block), heard)
