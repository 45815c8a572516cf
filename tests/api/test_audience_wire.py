"""The wire of audiences: what is hostile is refused, what is told arrives, streams are answered in order."""

from __future__ import annotations

import math
import threading

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixd.api.audience import SIGNALS_MAX
from remixd.api.audience_convert import merge_answers, signals_from_proto
from remixd.audience.crowd import PUBLIC_FANS_MIN
from remixd.audience.signal import FUTURE_S, PAST_S, Signal
from remixd.audience.told import CrowdDimension, CrowdTold
from remixd.control.command import Answer
from remixd.errors import Exhausted
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import common_pb2, console_pb2, console_pb2_grpc, sessions_pb2

NOW_S = 2_000_000_000


@pytest.fixture
def session(service, sessions):
    created = sessions.CreateSession(sessions_pb2.CreateSessionRequest(track="a-song-0a1b2c3d")).session
    return service.session(created.id)


def drums(steps=1.0, name="drums"):
    return pb.Direction(dimension=name, steps=steps)


def read(**fields):
    [signal] = signals_from_proto([pb.Signal(**({"id": "x"} | fields))], now_s=NOW_S)
    return signal


def aged(age_s):
    nanos = NOW_S * 10**9 - round(age_s * 1e9)
    return {"seconds": nanos // 10**9, "nanos": nanos % 10**9}


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"directions": [drums(-2)]}, {"directions": {"drums": -2.0}}),
        (
            {"directions": [drums()], "wishes": [common_pb2.Wish(dimension="bass", value=-6)]},
            {"directions": {"drums": 1.0}, "wishes": {"bass": -6.0}},
        ),
        ({"reaction": pb.REACTION_LIKE}, {"reaction": "like"}),
        ({"reaction": pb.REACTION_EXPLORE}, {"reaction": "explore"}),
        ({"reaction": pb.REACTION_CADENCE, "amount": 160}, {"reaction": "cadence", "amount": 160.0}),
        ({"choices": {"encore": "yes"}}, {"choices": {"encore": "yes"}}),
        ({"text": "더 크게 드럼"}, {"directions": {"drums": 1.0}, "understood": "drums +1"}),
        ({"emoji": "👎"}, {"reaction": "dislike", "understood": "dislike"}),
        (
            {"reaction": pb.REACTION_LOVE, "consent": pb.CONSENT_TASTE, "verified": True, "time": aged(1.5)},
            {"reaction": "love", "consent": "taste", "verified": True, "age_s": 1.5},
        ),
    ],
)
def test_what_is_expressed_arrives_as_it_was_meant(fields, meant):
    assert read(**fields) == Signal(id="x", **meant)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"directions": [drums(math.nan)]}, "signals[0].directions[0].steps: drums is not a number"),
        ({"directions": [drums(math.inf)]}, "signals[0].directions[0].steps: drums is infinite"),
        ({"directions": [drums(0)]}, "signals[0].drums: steps go up to 8 either way"),
        ({"directions": [drums(8.5)]}, "signals[0].drums: steps go up to 8 either way"),
        ({"directions": [drums(1e308)]}, "signals[0].drums: steps go up to 8 either way"),
        ({"directions": [drums(), drums()]}, "signals[0].directions[1].dimension: drums is wished twice"),
        (
            {"directions": [drums(name="")]},
            "signals[0].directions[0].dimension: there is no dimension ''",
        ),
        (
            {"directions": [drums()], "wishes": [common_pb2.Wish(dimension="drums", value=0)]},
            "signals[0].drums is wished twice",
        ),
        ({"reaction": 99}, "signals[0].reaction is 99, which is none"),
        ({"reaction": -1}, "signals[0].reaction is -1, which is none"),
        ({"reaction": pb.REACTION_LIKE, "consent": 7}, "signals[0].consent is 7, which is none"),
        ({"reaction": pb.REACTION_LIKE, "consent": -7}, "signals[0].consent is -7, which is none"),
        ({"reaction": pb.REACTION_DWELL, "amount": math.nan}, "signals[0].amount of dwell is 0 to 3600"),
        ({"reaction": pb.REACTION_DWELL, "amount": -1}, "signals[0].amount of dwell is 0 to 3600"),
        ({"reaction": pb.REACTION_CADENCE}, "signals[0].amount of cadence is 40 to 240"),
        ({"reaction": pb.REACTION_LIKE, "amount": 1}, "signals[0].amount of like is 0 to 0"),
        ({"directions": [drums()], "amount": 1}, "signals[0].amount is of a reaction"),
        ({"reaction": pb.REACTION_LIKE, "directions": [drums()]}, "signals[0].a choice or a reaction"),
        ({"choices": {"a": "b", "c": "d"}}, "signals[0].a choice comes in a signal of its own"),
        ({"choices": {"": "b"}}, "signals[0].choices is empty"),
        ({"text": "more drums", "emoji": "🔥"}, "signals[0].a text or an emoji comes in a signal of its own"),
        ({"text": "more drums", "directions": [drums()]}, "signals[0].a text or an emoji"),
        ({"text": "x" * 201}, "signals[0].text has 201 characters; at most 200"),
        ({"text": "\x00"}, "signals[0].text holds characters that cannot be printed"),
        ({"text": "the quarterly report"}, "signals[0].text: 'the quarterly report' is not understood"),
        ({"emoji": "🦆"}, "signals[0].emoji is none of"),
        ({"reaction": pb.REACTION_LIKE, "time": aged(PAST_S + 1)}, "signals[0].time: it is too old, by 61 s"),
        (
            {"reaction": pb.REACTION_LIKE, "time": aged(-FUTURE_S - 1)},
            "signals[0].time: it comes from the future, by 6 s",
        ),
        (
            {"reaction": pb.REACTION_LIKE, "time": {"seconds": -(2**63)}},
            "signals[0].time: it is too old",
        ),
        (
            {"reaction": pb.REACTION_LIKE, "time": {"seconds": 2**63 - 1}},
            "signals[0].time: it comes from the future",
        ),
        (
            {"reaction": pb.REACTION_LIKE, "time": {"seconds": NOW_S, "nanos": -1}},
            "signals[0].time.nanos is -1, which is none",
        ),
        ({"reaction": pb.REACTION_LIKE, "at": 77}, "signals[0].at is 77, which is none"),
    ],
)
def test_what_cannot_be_is_refused_and_the_field_named(fields, reason):
    answer = read(**fields)
    assert isinstance(answer, pb.Answer)
    assert not answer.accepted
    assert answer.reason.startswith(reason)


anything = st.builds(
    pb.Signal,
    id=st.sampled_from(["a", "b", "", "c"]),
    directions=st.lists(st.builds(drums, st.floats(), st.sampled_from(["drums", "tempo", "?"])), max_size=2),
    choices=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    reaction=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 11),
    amount=st.sampled_from([0.0, 100.0]) | st.floats(),
    text=st.sampled_from(["", "", "more drums"]) | st.text(max_size=8),
    emoji=st.sampled_from(["", "", "🔥"]) | st.text(max_size=2),
    consent=st.integers(-1, 3),
)


@given(batch=st.lists(anything, max_size=6))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_batch_is_answered_signal_by_signal(batch):
    signals = list(signals_from_proto(batch, now_s=NOW_S))
    answers = merge_answers(
        signals, (Answer(id=each.id, accepted=True) for each in signals if isinstance(each, Signal))
    )
    assert [answer.id for answer in answers] == [message.id for message in batch]
    assert all(answer.accepted != bool(answer.reason) for answer in answers)


def test_a_duplicate_and_what_was_understood_are_told():
    signals = list(signals_from_proto([pb.Signal(id="a", text="less bass"), pb.Signal(id="b", reaction=1)]))
    told = [Answer(id="a", accepted=True), Answer(id="b", accepted=True, duplicate=True)]
    first, second = merge_answers(signals, told)
    assert (first.understood, first.duplicate) == ("bass -1", False)
    assert (second.understood, second.duplicate) == ("", True)


# Streams


def batch(*signals):
    return pb.StreamSignalsRequest(batch=pb.SignalBatch(signals=signals))


def like(signal_id):
    return pb.Signal(id=signal_id, fan="mina", reaction=pb.REACTION_LIKE)


def test_batches_of_a_stream_are_answered_in_their_order_and_it_ends_cleanly(session, audience):
    requests = [pb.StreamSignalsRequest(session=session.id)]
    requests += [batch(*(like(f"{each}-{index}") for index in range(64))) for each in range(5)]
    call = audience.StreamSignals(iter(requests), timeout=5)
    responses = [[answer.id for answer in response.answers] for response in call]
    assert responses == [[f"{each}-{index}" for index in range(64)] for each in range(5)]
    assert call.code() is grpc.StatusCode.OK
    assert len(session.received) == 5 * 64


def test_one_bad_signal_does_not_end_a_stream(session, audience):
    requests = [pb.StreamSignalsRequest(session=session.id), batch(like("a"), like("a")), batch(like("b"))]
    first, second = audience.StreamSignals(iter(requests), timeout=5)
    assert [answer.accepted for answer in first.answers] == [True, False]
    assert [answer.accepted for answer in second.answers] == [True]


@pytest.mark.parametrize(
    ("requests", "code", "told"),
    [
        ([], grpc.StatusCode.INVALID_ARGUMENT, "the first request names a session"),
        ([batch(like("a"))], grpc.StatusCode.INVALID_ARGUMENT, "the first request names a session"),
        ([pb.StreamSignalsRequest(session="")], grpc.StatusCode.INVALID_ARGUMENT, "session is empty"),
        ([pb.StreamSignalsRequest(session="s-9")], grpc.StatusCode.NOT_FOUND, "there is no session 's-9'"),
        (["s-1", "s-1"], grpc.StatusCode.INVALID_ARGUMENT, "this stream has its session"),
        (["s-1", batch()], grpc.StatusCode.INVALID_ARGUMENT, "signals is empty"),
        (["s-1", pb.StreamSignalsRequest()], grpc.StatusCode.INVALID_ARGUMENT, "and takes batches"),
        (
            ["s-1", batch(*map(like, map(str, range(SIGNALS_MAX + 1))))],
            grpc.StatusCode.INVALID_ARGUMENT,
            "signals has 1025 entries",
        ),
    ],
)
def test_a_stream_that_is_none_is_refused(session, audience, refused, requests, code, told):
    sent = [pb.StreamSignalsRequest(session=each) if isinstance(each, str) else each for each in requests]
    given_code, given = refused(
        lambda each, timeout: audience.StreamSignals(iter(each), timeout=timeout), sent
    )
    assert given_code is code
    assert told in given
    assert session.received == []


def full(_service, session):
    session.refusal = Exhausted("no more just now")


def gone(service, session):
    service.wait(service.sessions.delete(session.id))


@pytest.mark.parametrize(
    ("then", "code"), [(full, grpc.StatusCode.RESOURCE_EXHAUSTED), (gone, grpc.StatusCode.NOT_FOUND)]
)
def test_a_stream_tells_when_its_session_takes_no_more_or_ends(service, session, audience, then, code):
    heard = threading.Event()

    def requests():
        yield pb.StreamSignalsRequest(session=session.id)
        yield batch(like("a"))
        heard.wait(5)
        yield batch(like("b"))

    call = audience.StreamSignals(requests(), timeout=5)
    assert next(call).answers[0].accepted
    then(service, session)
    heard.set()
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() is code


def test_a_stream_ends_with_a_status_when_the_daemon_stops(service, session, audience):
    rest = threading.Event()

    def requests():
        yield pb.StreamSignalsRequest(session=session.id)
        yield batch(like("a"))
        rest.wait(5)

    call = audience.StreamSignals(requests(), timeout=5)
    next(call)
    service.wait(service.server.stop(5))
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    rest.set()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "the daemon is stopping"


# What is told


def test_a_taste_and_its_reasons_arrive_and_an_unknown_fan_is_not_found(session, audience, refused):
    session.received.append(Signal(id="a", fan="mina", reaction="like", consent="taste"))
    taste = audience.GetTaste(pb.GetTasteRequest(session=session.id, fan="mina")).taste
    assert (taste.fan, dict(taste.values), taste.consent) == ("mina", {"drums": -3.0}, pb.CONSENT_TASTE)
    request = pb.ExplainMixRequest(session=session.id)
    tempo, loud = audience.ExplainMix(request).explanations
    assert (tempo.dimension, loud.dimension, loud.held_by) == ("tempo", "drums", "slew")
    assert [list(reason.signals) for reason in loud.reasons] == [["a"]]
    undone = audience.UndoSignal(pb.UndoSignalRequest(session=session.id, fan="mina", signal="a"))
    assert list(undone.explanations[1].reasons) == []
    request = pb.UndoSignalRequest(session=session.id, fan="mina", signal="a")
    assert refused(audience.UndoSignal, request)[0] is grpc.StatusCode.NOT_FOUND
    request = pb.GetTasteRequest(session=session.id, fan="mina")
    assert refused(audience.GetTaste, request)[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("method", "request_", "told"),
    [
        ("GetTaste", pb.GetTasteRequest(session="s-1"), "fan is empty"),
        ("GetTaste", pb.GetTasteRequest(fan="mina"), "session is empty"),
        ("ExplainMix", pb.ExplainMixRequest(session="s-1", fan="f" * 129), "fan has 129 characters"),
        ("UndoSignal", pb.UndoSignalRequest(session="s-1", fan="mina"), "signal is empty"),
        ("ForgetFan", pb.ForgetFanRequest(), "fan is empty"),
        ("ForgetFan", pb.ForgetFanRequest(fan="a\x00"), "fan holds characters"),
        ("GetCrowd", pb.GetCrowdRequest(), "session is empty"),
        ("PlanMix", pb.PlanMixRequest(session="s-1"), "bars goes from 1 to 64, not 0"),
        ("PlanMix", pb.PlanMixRequest(session="s-1", bars=65), "bars goes from 1 to 64, not 65"),
        ("PlanMix", pb.PlanMixRequest(session="s-1", bars=-1), "bars goes from 1 to 64, not -1"),
        (
            "PlanMix",
            pb.PlanMixRequest(session="s-1", bars=1, signals=[like("a"), pb.Signal(id="b", reaction=99)]),
            "signals[1].reaction is 99, which is none",
        ),
        (
            "PlanMix",
            pb.PlanMixRequest(session="s-1", bars=1, signals=[like(str(each)) for each in range(1025)]),
            "signals has 1025 entries",
        ),
    ],
)
def test_what_is_asked_wrongly_names_the_field(session, audience, refused, method, request_, told):
    code, given = refused(getattr(audience, method), request_)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert told in given
    assert session.received == []


def a_crowd(fans):
    dimension = CrowdDimension(
        dimension="drums", fans=fans, wanted=-3.0, how="peak", peaks=(-6.0, 3.0), histogram=(0.5, 0.5)
    )
    return CrowdTold(fans=fans, dimensions=(dimension,), alarms=("40 alike",), polls={"encore": {"yes": 1.0}})


@pytest.mark.parametrize("fans", [None, 0, PUBLIC_FANS_MIN - 1])
def test_nobody_sees_a_crowd_in_which_a_fan_could_be_told(session, audience, fans):
    session.crowd = None if fans is None else a_crowd(fans)
    response = audience.GetCrowd(pb.GetCrowdRequest(session=session.id))
    assert not response.HasField("crowd")
    assert "from 50 fans up" in response.reason


def test_a_crowd_is_told_whole(session, audience):
    session.crowd = a_crowd(PUBLIC_FANS_MIN)
    response = audience.GetCrowd(pb.GetCrowdRequest(session=session.id))
    [loud] = response.crowd.dimensions
    assert (response.crowd.fans, list(response.crowd.alarms), response.reason) == (50, ["40 alike"], "")
    assert (loud.how, list(loud.peaks), list(loud.histogram)) == ("peak", [-6.0, 3.0], [0.5, 0.5])
    assert dict(response.crowd.polls["encore"].shares) == {"yes": 1.0}


def test_the_dj_sees_any_crowd_and_who_holds_what(session, channel):
    session.crowd = a_crowd(2)
    attach = console_pb2.PerformRequest(attach=console_pb2.Attach(session=session.id))
    status = next(console_pb2_grpc.ConsoleStub(channel).Perform(iter([attach]), timeout=5)).status
    assert status.crowd.fans == 2
    assert (dict(status.wanted), dict(status.authority)) == ({"drums": -3.0}, {"bass": "locked"})


def test_a_plan_comes_in_the_order_of_its_samples(session, audience):
    signals = [pb.Signal(id="a", directions=[drums(), drums(name="bass")])]
    request = pb.PlanMixRequest(session=session.id, signals=signals, bars=3)
    moves = audience.PlanMix(request).moves
    assert [move.sample for move in moves] == [480, 480, 960, 960, 1440, 1440]
    assert session.received == []


def test_who_is_forgotten_is_forgotten_everywhere(session, audience):
    session.received.append(Signal(id="a", fan="mina", reaction="like"))
    gone = audience.ForgetFan(pb.ForgetFanRequest(fan="mina"))
    assert (gone.sessions, gone.signals, gone.taste, gone.remains) == (1, 1, False, "journals, by handle")
    assert audience.ForgetFan(pb.ForgetFanRequest(fan="mina")).sessions == 0


def test_a_session_starts_with_an_arc_and_tells_what_is_wanted(service, sessions, refused):
    def create(*points, **fields):
        arc = [common_pb2.ArcPoint(after_s=at_s, energy=energy) for at_s, energy in points]
        return sessions_pb2.CreateSessionRequest(track="a-song-0a1b2c3d", arc=arc, **fields)

    told = sessions.CreateSession(create((0.0, 0.25), (60.0, 1.0), exploring=False)).session
    made = service.session(told.id)
    assert (made.arc, made.exploring) == (((0.0, 0.25), (60.0, 1.0)), False)
    assert (dict(told.wanted), dict(told.authority), told.fans) == ({"drums": -3.0}, {"bass": "locked"}, 3)
    assert list(told.alarms) == ["40 new ballots alike"]
    for points in (
        [(0.0, math.nan)],
        [(math.inf, 0.5)],
        [(1.0, 0.5)] * 2,
        [(float(n), 0.5) for n in range(65)],
    ):
        code, reason = refused(sessions.CreateSession, create(*points))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert reason.startswith("arc")
