"""Audience.SendSignals."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from itertools import pairwise
from statistics import median

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixd.api.audience import SIGNALS_MAX
from remixd.api.audience_convert import merge_answers, signals_from_proto
from remixd.audience.signal import ID_LENGTH_MAX, Signal
from remixd.control.command import Answer
from remixd.mix import DIMENSIONS
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import common_pb2, sessions_pb2


def a_signal(signal_id="x", fan="", **wishes):
    return pb.Signal(
        id=signal_id,
        fan=fan,
        wishes=[common_pb2.Wish(dimension=name, value=value) for name, value in wishes.items()],
    )


@pytest.fixture
def session(service, sessions):
    created = sessions.CreateSession(sessions_pb2.CreateSessionRequest(track="a-song-0a1b2c3d")).session
    return service.session(created.id)


def send(audience, session, *signals):
    return audience.SendSignals(pb.SendSignalsRequest(session=session.id, signals=signals)).answers


def test_a_wish_reaches_its_session_as_it_was_sent(session, audience):
    [answer] = send(audience, session, a_signal("a", fan="mina", vocals=-18, tempo=1.06))
    assert answer.accepted
    assert answer.reason == ""
    assert answer.planned_sample == 0
    assert session.received == [Signal(id="a", fan="mina", wishes={"vocals": -18.0, "tempo": 1.06})]


def test_a_value_out_of_range_is_clamped_and_told(session, audience):
    [answer] = send(audience, session, a_signal(vocals=-90))
    [clamp] = answer.clamps
    assert answer.accepted
    assert (clamp.dimension, clamp.asked, clamp.given) == ("vocals", -90.0, -60.0)
    assert clamp.because


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            a_signal("bad", vocls=1),
            "signals[1].wishes[0].dimension: there is no dimension 'vocls': did you mean vocals?",
        ),
        (a_signal("bad", vocals=math.nan), "signals[1].wishes[0].value: vocals is not a number"),
        (a_signal("bad", drums=0, vocals=math.inf), "signals[1].wishes[1].value: vocals is infinite"),
        (a_signal("bad", vocals=-math.inf), "signals[1].wishes[0].value: vocals is infinite"),
        (
            a_signal("bad"),
            "signals[1].wishes is empty, and so is everything else that could be expressed",
        ),
        (a_signal("", vocals=1), "signals[1].id is empty"),
        (a_signal("first", vocals=1), "signals[1].id is that of signals[0]"),
        (
            a_signal("b" * (ID_LENGTH_MAX + 1), vocals=1),
            "signals[1].id has 129 characters; at most 128 are taken",
        ),
        (
            a_signal("bad", fan="f" * 300, vocals=1),
            "signals[1].fan has 300 characters; at most 128 are taken",
        ),
        (a_signal("bad\n", vocals=1), "signals[1].id holds characters that cannot be printed"),
        (
            pb.Signal(id="bad", wishes=[common_pb2.Wish(dimension="bass")] * 2),
            "signals[1].wishes[1].dimension: bass is wished twice",
        ),
    ],
)
def test_one_bad_signal_is_told_why_and_does_not_lose_the_others(session, audience, bad, reason):
    answers = send(audience, session, a_signal("first", vocals=-1), bad, a_signal("last", vocals=-2))
    assert [answer.accepted for answer in answers] == [True, False, True]
    assert [answer.id for answer in answers] == ["first", bad.id, "last"]
    assert answers[1].reason == reason
    assert [signal.id for signal in session.received] == ["first", "last"]


def test_a_long_batch_is_one_batch_wherever_in_it_something_is_wrong(session, audience):
    signals = [a_signal(f"{number}", vocals=-1) for number in range(70)]
    signals[20] = a_signal("bad", vocls=1)
    signals[69] = a_signal("3", vocals=-2)
    answers = send(audience, session, *signals)
    assert [answer.id for answer in answers] == [signal.id for signal in signals]
    refused = {number: answer.reason for number, answer in enumerate(answers) if not answer.accepted}
    assert refused.keys() == {20, 69}
    assert refused[20].startswith("signals[20].wishes[0].dimension: there is no dimension 'vocls'")
    assert refused[69] == "signals[69].id is that of signals[3]"


def test_others_have_their_turns_while_a_long_batch_is_taken(service, session, audience):
    seen, count = [], 256

    async def look() -> None:
        while not seen or seen[-1] < count:
            seen.append(len(session.received))
            await asyncio.sleep(0)

    looking = asyncio.run_coroutine_threadsafe(look(), service.loop)
    send(audience, session, *(a_signal(f"{number}", vocals=-1) for number in range(count)))
    looking.result(10)
    assert max(after - before for before, after in pairwise(seen)) <= 16
    turns = Counter(seen[1:-1]).values()
    assert median(turns) >= 6  # a call takes several, and does not wait for as many pieces


def test_a_session_that_ends_within_a_batch_is_told(service, session, audience, refused):
    async def end() -> None:
        while not session.received:  # noqa: ASYNC110 (turn by turn)
            await asyncio.sleep(0)
        await service.sessions.delete(session.id)

    ending = asyncio.run_coroutine_threadsafe(end(), service.loop)
    signals = [a_signal(f"{number}", vocals=-1) for number in range(SIGNALS_MAX)]
    code, told = refused(audience.SendSignals, pb.SendSignalsRequest(session=session.id, signals=signals))
    ending.result(10)
    assert code is grpc.StatusCode.NOT_FOUND
    assert session.id in told
    assert 0 < len(session.received) < SIGNALS_MAX


def test_a_batch_of_the_largest_size_is_answered_in_order_and_one_more_is_refused(session, audience, refused):
    signals = [
        a_signal(f"{number:0128d}", fan="f" * 128, vocals=-1, drums=-2) for number in range(SIGNALS_MAX)
    ]
    assert [answer.id for answer in send(audience, session, *signals)] == [signal.id for signal in signals]
    request = pb.SendSignalsRequest(session=session.id, signals=[*signals, a_signal("one-more", vocals=0)])
    code, told = refused(audience.SendSignals, request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert told == "signals has 1025 entries; at most 1024 are taken"


@pytest.mark.parametrize(
    ("request_", "code", "told"),
    [
        (
            pb.SendSignalsRequest(signals=[a_signal(vocals=1)]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "session is empty",
        ),
        (pb.SendSignalsRequest(session="s-1"), grpc.StatusCode.INVALID_ARGUMENT, "signals is empty"),
        (
            pb.SendSignalsRequest(session="s-2", signals=[a_signal(vocals=1)]),
            grpc.StatusCode.NOT_FOUND,
            "there is no session 's-2': did you mean s-1?",
        ),
        (
            pb.SendSignalsRequest(session="s" * 129, signals=[a_signal(vocals=1)]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "session has 129 characters; at most 128 are taken",
        ),
    ],
)
def test_a_request_that_cannot_be_used_names_the_field(session, audience, refused, request_, code, told):
    assert refused(audience.SendSignals, request_) == (code, told)
    assert session.received == []


def test_a_message_beyond_the_limit_is_refused_and_the_service_goes_on(session, audience, refused):
    request = pb.SendSignalsRequest(session=session.id, signals=[a_signal("x" * (2 << 20), vocals=1)])
    assert refused(audience.SendSignals, request)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert send(audience, session, a_signal(vocals=-1))[0].accepted


words = st.one_of(st.sampled_from(sorted(DIMENSIONS)), st.text(max_size=8))
wishes = st.builds(common_pb2.Wish, dimension=words, value=st.floats())
batches = st.lists(
    st.builds(
        pb.Signal, id=st.text(max_size=5), fan=st.text(max_size=5), wishes=st.lists(wishes, max_size=3)
    ),
    max_size=8,
)


@given(batch=batches)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_signal_of_any_batch_has_exactly_one_answer_in_its_place(batch):
    signals = list(signals_from_proto(batch))
    accepted = [signal for signal in signals if isinstance(signal, Signal)]
    answers = merge_answers(signals, [Answer(id=signal.id, accepted=True) for signal in accepted])
    assert [answer.id for answer in answers] == [signal.id for signal in batch]
    for answer, signal in zip(answers, batch, strict=True):
        usable = signal.wishes and all(
            wish.dimension in DIMENSIONS and math.isfinite(wish.value) for wish in signal.wishes
        )
        assert answer.accepted or answer.reason.startswith("signals[")
        assert usable or not answer.accepted
