"""The Console service as a client of any language sees it."""

from __future__ import annotations

import grpc
import pytest
from shelves import TRACK

from remixd.control.command import Applied
from remixd.v1 import common_pb2, console_pb2_grpc, sessions_pb2
from remixd.v1 import console_pb2 as pb


@pytest.fixture
def console(channel):
    return console_pb2_grpc.ConsoleStub(channel)


@pytest.fixture
def session(service, sessions):
    made = sessions.CreateSession(sessions_pb2.CreateSessionRequest(track=TRACK))
    return service.session(made.session.id)


def attach(session):
    return pb.PerformRequest(attach=pb.Attach(session=session.id))


def play(command_id, **more):
    return pb.PerformRequest(command=pb.DeckCommand(id=command_id, deck="A", play=pb.Play(), **more))


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value.code(), caught.value.details()


def test_the_first_request_attaches_and_no_other_does(console, session):
    code, why = refusal(console.Perform(iter([play("a")]), timeout=5))
    assert (code, why) == (grpc.StatusCode.INVALID_ARGUMENT, "the first request attaches to a session")
    code, why = refusal(console.Perform(iter([]), timeout=5))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    code, why = refusal(console.Perform(iter([attach(session), attach(session)]), timeout=5))
    assert (code, why) == (grpc.StatusCode.INVALID_ARGUMENT, "this stream is attached already")


def test_every_command_has_two_answers_and_a_stream_that_is_done_ends_after_them(console, session):
    requests = [attach(session), *(play(str(number)) for number in range(300))]
    told = list(console.Perform(iter(requests), timeout=20))
    kinds = [event.WhichOneof("event") for event in told]
    assert kinds[0] == "status" or "status" in kinds
    assert [event.answer.id for event in told if event.HasField("answer")] == [str(n) for n in range(300)]
    assert sorted(int(event.applied.id) for event in told if event.HasField("applied")) == list(range(300))
    assert "missed" not in kinds


def test_what_others_did_is_not_told(console, service, session):
    session.applies = False

    def others():
        yield attach(session)
        yield play("mine")
        while not session.performed:
            pass
        for name in ("theirs", "mine"):
            applied = Applied(id=name, sample=1, settled_sample=2, bar_beat="", late_frames=0, moves=())
            service.run(session.tell, applied)

    told = [event.applied.id for event in console.Perform(others(), timeout=5) if event.HasField("applied")]
    assert told == ["mine"]


def test_commands_that_cannot_be_are_refused_one_by_one(console, session):
    bad = [
        pb.DeckCommand(id="a", deck="A"),
        pb.DeckCommand(id="b", deck="A", at=77, play=pb.Play()),
        pb.DeckCommand(id="", deck="A", play=pb.Play()),
        pb.DeckCommand(id="d", deck="A", level=pb.Level(level_db=1.0)),
        pb.DeckCommand(id="e", deck="A", channel=pb.Channel(value=1.0)),
        pb.DeckCommand(id="f", deck="A", cue=pb.Cue(number=1, action=9)),
        pb.DeckCommand(id="g", deck="A", pace=pb.Pace(bpm=120.0)),
        pb.DeckCommand(id="h", deck="A", play=pb.Play(), expires_s=float("nan")),
    ]
    requests = [attach(session), *(pb.PerformRequest(command=each) for each in bad), play("ok")]
    told = [event.answer for event in console.Perform(iter(requests), timeout=5) if event.HasField("answer")]
    assert [(answer.id, answer.accepted) for answer in told] == [
        *((each.id, False) for each in bad),
        ("ok", True),
    ]
    for answer, why in zip(
        told,
        ("action", "at is 77", "id is empty", "role is 0", "parameter is 0", "action is 9", "of the session",
         "expires_s"), strict=False,
    ):  # fmt: skip
        assert why in answer.reason


def test_a_signal_says_when(audience, session):
    from remixd.v1 import audience_pb2

    signals = [
        audience_pb2.Signal(id=str(at), wishes=[common_pb2.Wish(dimension="drums", value=-3)], at=at)
        for at in (0, 1, 3, 9)
    ]
    request = audience_pb2.SendSignalsRequest(session=session.id, signals=signals)
    answers = audience.SendSignals(request).answers
    assert [answer.accepted for answer in answers] == [True, True, True, False]
    assert "signals[3].at is 9" in answers[3].reason
    assert [signal.at for signal in session.received] == ["now", "now", "bar"]
