"""Sessions, signals and who waits for their answers."""

from __future__ import annotations

import threading
import time

import pytest
from shelves import TRACK

from remixd import errors
from remixd.client import Applied, Signal
from remixd.control.command import Applied as WireApplied
from remixd.control.command import Refused as WireRefused
from remixd.mix import DIMENSIONS


def test_a_session_is_created_found_listed_and_deleted(client):
    made = client.create_session(TRACK)
    assert (made.track, made.state, made.sink) == (TRACK, "playing", "stream")
    assert list(made.mix) == list(DIMENSIONS)
    assert client.session(made.id) == made
    assert client.sessions() == [made]
    client.delete_session(made.id)
    assert client.sessions() == []


def test_a_wish_is_answered_at_once_and_awaited_if_asked(client, session):
    quick = client.signal(session.id, {"vocals": -90.0}, fan="mina")
    assert quick.accepted
    assert quick.applied is None
    assert [(clamp.asked, clamp.given) for clamp in quick.clamps] == [(-90.0, -60.0)]
    patient = client.signal(session.id, {"tempo": 1.06, "drums": -3}, wait=True)
    assert patient.applied == Applied(
        id=patient.id,
        sample=session.sample,
        settled_sample=480,
        bar_beat="1:1.00",
        late_frames=3,
        moves=patient.applied.moves,
    )
    assert {move.dimension: move.value for move in patient.applied.moves} == {"tempo": 1.06, "drums": -3.0}
    assert [signal.fan for signal in session.received] == ["mina", ""]


def test_who_waits_is_not_misled_by_what_others_sent(service, client, session):
    session.applies = False

    def answer_others_first():
        mine = session.received[0].id
        for name in ("another", mine):
            session.tell(
                WireApplied(id=name, sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
            )

    def later():
        while not session.received:
            time.sleep(0.002)
        service.run(answer_others_first)

    thread = threading.Thread(target=later)
    thread.start()
    answer = client.signal(session.id, {"vocals": -1}, wait=True)
    thread.join()
    assert answer.applied.id == answer.id
    assert answer.applied.bar_beat is None


@pytest.mark.parametrize("end", ["refused", "lost", "deleted", "nothing"])
def test_who_waits_for_what_never_comes_is_told(service, session, end, connect):
    session.applies = False

    def later():
        while not session.received:
            time.sleep(0.002)
        if end == "refused":
            refused = WireRefused(id=session.received[0].id, reason="the engine could not take vocals")
            service.run(session.tell, refused)
        elif end == "lost":
            service.run(session.die)
        elif end == "deleted":
            service.run(session.end)

    thread = threading.Thread(target=later)
    thread.start()
    with connect(str(service.address), timeout_s=0.5) as client:
        if end == "refused":
            answer = client.signal(session.id, {"vocals": -1}, wait=True)
            assert not answer.accepted
            assert answer.reason == "the engine could not take vocals"
        else:
            told = {"lost": "is lost", "deleted": "its session ended", "nothing": "in time"}[end]
            with pytest.raises(errors.Unavailable, match=f"was accepted, but .*{told}"):
                client.signal(session.id, {"vocals": -1}, wait=True)
    thread.join()


def test_a_batch_is_answered_in_its_order(client, session):
    answers = client.send(
        session.id, [Signal(id=str(number), wishes={"bass": -number}) for number in range(100)]
    )
    assert [answer.id for answer in answers] == [str(number) for number in range(100)]
    assert session.mix["bass"] == -60.0


def test_a_wish_that_cannot_be_is_refused_before_it_is_sent(client, session):
    with pytest.raises(errors.NotFound, match="did you mean vocals"):
        client.signal(session.id, {"vocls": 1.0})
    with pytest.raises(errors.InvalidInput, match="infinite"):
        client.signal(session.id, {"vocals": float("inf")})
    assert session.received == []
