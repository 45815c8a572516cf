"""Ten minutes of everything at once, two engines lost on the way, are replayed bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from takes import BEAT, Take, library, perform, play_changed, session_score

from remixd._kernel import fft
from remixd.control.journal import Journal
from remixd.control.provenance import wisdom_path
from remixd.control.recording import read_recording
from remixd.control.replay import Replay

BLOCKS = (16, 64, 128, 480, 4096)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    fft.prepare(wisdom_path())
    return library(tmp_path_factory.mktemp("cache"), frames=20 * BEAT)


def check(scores: list[dict[str, Any]], folder: Path, seconds: int, commands: int, *, summed: bool) -> None:
    """Play at random block sizes, and replay at each of those asked for."""
    songs = [{**score, "summed": summed} for score in scores]
    loads = [{**songs[number % 2], "key": 10 + number} for number in range(-(-seconds // 10))]
    take = Take(folder, session_score(songs[0]), Journal(folder / "unused"))
    frames = seconds * 48_000
    heard = perform(take, 7, frames, [*BLOCKS, 1000], commands, loads, [frames // 3, frames // 2])
    assert take.count >= commands - 1
    assert np.abs(heard[-frames // 4 :]).max() > 0.01
    for block_frames in BLOCKS:
        replay, at = Replay(read_recording(take.path), take.caches), 0
        for block in replay.blocks(block_frames):
            if not np.array_equal(block, heard[at : at + len(block)]):
                raise AssertionError(f"blocks of {block_frames}: another sound from sample {at} on")
            at += len(block)
        assert (at, replay.strayed) == (len(heard), None)


@pytest.mark.parametrize("summed", [False, True])
def test_some_seconds_of_everything_are_replayed_bit_for_bit(
    scores: list[dict[str, Any]], tmp_path: Path, summed: bool
) -> None:
    check(scores, tmp_path, 6, 60, summed=summed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("summed", [False, True])
def test_ten_minutes_of_five_thousand_commands_are_replayed_bit_for_bit(
    scores: list[dict[str, Any]], tmp_path: Path, summed: bool
) -> None:
    check(scores, tmp_path, 600, 5000, summed=summed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_thousand_changed_journals_are_played_or_told(
    scores: list[dict[str, Any]], tmp_path: Path
) -> None:
    take = Take(tmp_path, session_score(scores[0]), Journal(tmp_path / "unused"))
    perform(take, 5, 40_000, [480, 1000], 30, [scores[1]])
    told = play_changed(take, 2000)
    assert len(told) > 20
    assert all(told)
