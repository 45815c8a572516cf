"""Scores: plain values from which an engine makes sessions and decks; beats as the kernel counts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packages import a_stem, a_track

from remixd._kernel.player import Player
from remixd._kernel.stem import Stem
from remixd.control.score import Beats, player_score, session_score
from remixd.control.sink import Sink
from remixd.mix import NEUTRAL
from remixd.track.analysis import Analysis, Section
from remixd.track.rights import Rights

RATE = 48_000


def track(seconds: float, **known: Any) -> Any:
    analysis = Analysis(source="computed", duration_s=seconds, **known)
    return a_track(Path("/x"), frames=round(seconds * RATE), rate_hz=RATE, analysis=analysis)


def even(first: float, interval: float, count: int) -> tuple[float, ...]:
    return tuple(first + interval * number for number in range(count))


def test_bars_phrases_and_sections_begin_on_their_beats() -> None:
    beats = even(0.0, 0.5, 64)
    sections = (Section(start_s=0.0, end_s=7.9, label="a"), Section(start_s=8.01, end_s=32.0, label="b"))
    found = Beats.of(track(32.0, metre="4/4", beats_s=beats, downbeats_s=beats[::4], sections=sections))
    assert found.heard
    assert found.frames == tuple(beat * RATE for beat in beats)
    assert [found.levels[at] for at in (0, 1, 4, 16, 20, 32)] == [4, 1, 2, 4, 2, 3]
    assert found.next(2, 1.0) == 2.0 * RATE
    assert found.next(4, 1.0) == 8.0 * RATE, "a section begins on the nearest beat"
    assert found.next(4, 9.0 * RATE) is None
    assert found.nearest(2, 2.9 * RATE) == 2.0 * RATE


def test_beats_go_on_to_both_ends_of_the_song() -> None:
    beats = even(2.2, 0.5, 8)
    found = Beats.of(track(10.0, metre="4/4", beats_s=beats, downbeats_s=beats[::4]))
    assert found.frames[0] == pytest.approx(0.2 * RATE)
    assert found.frames[-1] == pytest.approx(9.7 * RATE)
    assert np.diff(found.frames) == pytest.approx(0.5 * RATE)
    assert [at / RATE for at, level in zip(found.frames, found.levels, strict=True) if level > 1] == (
        pytest.approx([0.2, 2.2, 4.2, 6.2, 8.2])
    )


def test_seconds_stand_in_where_there_are_no_beats() -> None:
    found = Beats.of(track(9.0))
    assert not found.heard
    assert np.diff(found.frames) == pytest.approx(0.5 * RATE)
    assert [level > 1 for level in found.levels[:9]] == [True, False, False, False] * 2 + [True]


@given(
    seconds=st.floats(0.05, 60.0),
    beats=st.lists(st.floats(0.0, 60.0), max_size=40),
    every=st.integers(1, 5),
)
def test_whatever_was_analysed_the_kernel_takes_its_beats(
    seconds: float, beats: list[float], every: int
) -> None:
    known = tuple(sorted({beat for beat in beats if beat <= seconds}))
    found = Beats.of(track(seconds, beats_s=known, downbeats_s=known[::every]))
    stem = Stem.of(np.zeros((4800, 2), np.float32), tonal=False)
    Player([stem], [0], beats=found.frames, levels=found.levels, heard=found.heard)
    assert len(found.frames) == len(found.levels)
    assert set(found.levels) <= {1, 2, 3, 4}
    assert found.levels.count(1) < len(found.levels)


def test_a_score_survives_json_and_says_what_rights_allow() -> None:
    song = a_track(
        Path("/x"),
        stems=(a_stem("kick", "drums"), a_stem("voice", "vocals")),
        rights=Rights(mash_ups=True, vocals_solo=True),
    )
    player = player_score(song, [Path("/c/kick.pcm"), Path("/c/voice.pcm")], key=7)
    score = session_score(
        dict(NEUTRAL), Sink.parse("null"), is_directed=False, block_frames=128, player=player
    )
    again = json.loads(json.dumps(score))
    assert again["player"]["stems"] == [
        {"path": "/c/kick.pcm", "role": 0},
        {"path": "/c/voice.pcm", "role": 2},
    ]
    assert again["player"]["mashable"]
    assert again["player"]["vocals_limit_db"] is None
    assert again["player"]["low"][:2] == [0.8, -3.0]
    assert (again["player"]["key"], again["player"]["loop"], again["sink"]["kind"]) == (7, False, "null")
