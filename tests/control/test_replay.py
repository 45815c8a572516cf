"""A session is played again from its journal: the same samples, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from takes import Take, library, perform, play_changed, session_score

import remixd
from remixd._kernel import fft, mailbox
from remixd.control.journal import Journal
from remixd.control.order import Order
from remixd.control.provenance import wisdom_path
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.replaying import differences

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


@settings(max_examples=10)
@given(seed=st.integers(0, 1 << 30), block=st.sampled_from(BLOCKS), crash=st.integers(5000, 100_000))
def test_a_session_that_another_engine_went_on_with_is_replayed_across_the_crash(
    songs: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory, seed: int, block: int, crash: int
) -> None:
    take = a_take(tmp_path_factory.mktemp("take"), songs[0])
    heard = perform(take, seed, 120_000, [480], 60, [songs[1]], [crash, crash + 20_000])
    np.testing.assert_array_equal(take.replayed(block), heard)


def test_a_session_whose_stems_were_handed_out_is_replayed_bit_for_bit(
    songs: list[dict[str, Any]], folder: Path
) -> None:
    take = Take(
        folder, {**session_score({**songs[0], "separable": True}), "apart": True}, Journal(folder / "unused")
    )
    heard = perform(take, 11, 60_000, [480, 1000], 40, [songs[1]], [30_000])
    np.testing.assert_array_equal(take.replayed(128), heard)


def test_a_journal_whose_records_were_changed_is_played_or_told_never_a_crash(
    songs: list[dict[str, Any]], folder: Path
) -> None:
    take = a_take(folder, songs[0])
    perform(take, 5, 40_000, [480, 1000], 30, [songs[1]])
    told = play_changed(take, 60)
    assert told
    assert all(told)


def test_a_torn_journal_is_replayed_as_far_as_it_goes(songs: list[dict[str, Any]], folder: Path) -> None:
    take = a_take(folder, songs[0])
    heard = perform(take, 6, 60_000, [480], 40, [songs[1]])
    raw = take.path.read_bytes()
    for share in (0.5, 0.8, 0.99):
        take.path.write_bytes(raw[: int(len(raw) * share)])
        recording = read_recording(take.path)
        assert any("not written whole" in text for text in recording.notes)
        again = np.concatenate([np.zeros((0, 2), np.float32), *Replay(recording, take.caches).blocks()])
        # the commands of the last moments may be missing: what they would have done is not there
        np.testing.assert_array_equal(again[: max(len(again) - 9600, 0)], heard[: max(len(again) - 9600, 0)])


def test_it_is_told_where_a_replay_strays_from_what_was_reported(
    songs: list[dict[str, Any]], folder: Path
) -> None:
    take = a_take(folder, songs[0])
    take.play(4800)
    take.tell(Order(kind=mailbox.SEEK, value=50_000.0, deck=0))
    take.play(24_000)
    take.end()
    recording = read_recording(take.path)
    recording.segments[0].accepted[0].order.value = 70_000.0
    replay = Replay(recording, take.caches)
    list(replay.blocks())
    assert replay.strayed is not None
    assert 4800 < replay.strayed < 5200


def test_the_same_build_is_the_same_and_another_is_told(songs: list[dict[str, Any]], folder: Path) -> None:
    take = a_take(folder, songs[0])
    take.play(480)
    take.end()
    recording = read_recording(take.path)
    assert differences(recording, take.caches) == []
    recording.header.build.wisdom = "0" * 16
    recording.header.build.kernel = "1" * 16
    recording.score["player"]["stems"][0]["crc32"] += 1
    assert differences(recording, take.caches) == [
        f"it was played by another build of the kernel, of remixd {remixd.__version__}",
        "FFTW's wisdom is another",
        "the cache of song-0 was built anew, and is not the same",
    ]
    recording.header.build.simd = "baseline"
    assert "the kernel was built for baseline, this one is for" in differences(recording, take.caches)[0]
