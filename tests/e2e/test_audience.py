"""An audience through a real daemon: what fans express is taste, reasons and moves, and can be undone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from remixd import errors
from remixd.client import Client, Said, Session, Signal
from remixd.mix import DIMENSIONS


@pytest.fixture
def directed(client: Client) -> Session:
    return client.create_session(client.tracks()[0].id, directed=True, sink="null", exploring=False)


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What comes true within some seconds of music."""
    end_s = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert found
    return found


def test_directions_become_a_taste_that_is_explained_and_undone(client: Client, directed: Session) -> None:
    answer = client.signal(directed.id, directions={"bass": -2}, fan="mina")
    assert answer.accepted
    taste = client.taste(directed.id, "mina")
    assert taste.signals == 1
    assert taste.values["bass"] < DIMENSIONS["bass"].neutral
    assert 0.0 < taste.certainty["bass"] <= 1.0
    bass = next(why for why in client.explain(directed.id, "mina") if why.dimension == "bass")
    assert any(answer.id in reason.signals and reason.change < 0.0 for reason in bass.reasons)
    undone = client.undo(directed.id, "mina", answer.id)
    assert not any(answer.id in reason.signals for why in undone for reason in why.reasons)
    with pytest.raises(errors.NotFound):
        client.undo(directed.id, "mina", answer.id)


def test_the_same_signal_twice_counts_once_and_is_told(client: Client, directed: Session) -> None:
    like = Signal(id="same", fan="mina", reaction="like")
    first, second = (client.send(directed.id, [like])[0] for _ in range(2))
    assert (first.accepted, first.duplicate) == (True, False)
    assert second.duplicate
    assert client.taste(directed.id, "mina").signals == 1


def test_what_is_written_moves_the_music(client: Client, directed: Session) -> None:
    [answer] = client.send(directed.id, [Said(id="a", fan="mina", text="보컬 줄여")])
    assert (answer.accepted, answer.understood) == (True, "vocals -1")
    until(lambda: client.session(directed.id).mix["vocals"] < 0.0)


def test_who_is_forgotten_leaves_no_taste_in_any_session(client: Client, directed: Session) -> None:
    other = client.create_session(client.tracks()[0].id, directed=True, sink="null")
    for session in (directed, other):
        client.signal(session.id, directions={"bass": 1}, fan="mina")
    gone = client.forget_fan("mina")
    assert (gone.sessions, gone.signals) == (2, 2)
    for session in (directed, other):
        with pytest.raises(errors.NotFound):
            client.taste(session.id, "mina")


@pytest.mark.parametrize("fans", [49, 50])
def test_a_crowd_is_seen_from_fifty_fans_up(client: Client, directed: Session, fans: int) -> None:
    signals = [Signal(id=f"s{each}", fan=f"fan{each}", wishes={"bass": -6.0}) for each in range(fans)]
    with client.signals(directed.id) as stream:
        answers = [stream.put(signal) for signal in signals]
    assert all(answer.result(0).accepted for answer in answers)
    crowd = client.crowd(directed.id)
    assert bool(crowd.hidden) == (fans < 50)
    if fans >= 50:
        bass = next(each for each in crowd.dimensions if each.dimension == "bass")
        assert (crowd.fans, bass.fans) == (fans, fans)
        assert bass.wanted < 0.0
    session = client.session(directed.id)
    assert session.fans == fans
    assert ("bass" in session.wanted) == (fans >= 50)


def test_a_dry_run_tells_of_moves_and_makes_none(client: Client, directed: Session) -> None:
    before = client.session(directed.id).mix
    moves = client.plan(directed.id, [Signal(id="a", fan="mina", wishes={"bass": -12.0})], bars=8)
    assert [move.dimension for move in moves if move.dimension == "bass"]
    assert [move.sample for move in moves] == sorted(move.sample for move in moves)
    assert all(move.because for move in moves)
    assert client.session(directed.id).mix == before
    with pytest.raises(errors.NotFound):
        client.taste(directed.id, "mina")


def test_what_the_dj_holds_no_fan_moves_until_it_is_handed_back(client: Client, directed: Session) -> None:
    with client.console(directed.id) as console:
        assert console.lock("bass", wait=True).accepted
        until(lambda: client.session(directed.id).authority == {"bass": "locked"})
        client.signal(directed.id, {"bass": -12.0}, fan="mina")
        until(lambda: client.session(directed.id).wanted.get("bass", 0.0) < 0.0)
        time.sleep(2.5)  # a bar
        assert client.session(directed.id).mix["bass"] == 0.0
        assert console.lock("bass", on=False, wait=True).accepted
    until(lambda: client.session(directed.id).mix["bass"] < 0.0)
