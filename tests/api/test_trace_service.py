"""GetTrace, over the wire."""

from __future__ import annotations

import grpc
import pytest
from hand_played import ENGINE_PID
from serving import Service

from remixd.v1 import audience_pb2, audience_pb2_grpc, common_pb2, stats_pb2_grpc
from remixd.v1 import stats_pb2 as pb


@pytest.fixture
def stats(channel: grpc.Channel) -> stats_pb2_grpc.StatsStub:
    return stats_pb2_grpc.StatsStub(channel)


def test_what_a_call_brought_is_noted_with_the_moment_of_the_call(service: Service, stats, channel) -> None:
    session = service.wait(service.sessions.create(None)).id
    wish = common_pb2.Wish(dimension="vocals", value=-3.0)
    signals = [audience_pb2.Signal(id=each, wishes=[wish]) for each in ("one", "two")]
    fans = audience_pb2_grpc.AudienceStub(channel)
    fans.SendSignals(audience_pb2.SendSignalsRequest(session=session, signals=signals))
    told = stats.GetTrace(pb.GetTraceRequest(session=session))
    received = [event for event in told.events if event.kind == pb.TRACE_KIND_RECEIVED]
    assert [event.command for event in received] == ["one", "two"]
    assert received[0].begin_ns == received[1].begin_ns
    assert (told.engine_pid, told.left_out, told.kept_seconds) == (ENGINE_PID, 0, 0.0)
    assert not stats.GetTrace(pb.GetTraceRequest(session=session, seconds=1e-9)).events


def test_a_session_that_is_not_there_is_said_to_be_so(stats, refused) -> None:
    code, message = refused(stats.GetTrace, pb.GetTraceRequest(session="s-99"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "there is no session 's-99'" in message


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_how_far_back_is_above_nothing(service: Service, stats, refused, seconds: float) -> None:
    session = service.wait(service.sessions.create(None)).id
    code, message = refused(stats.GetTrace, pb.GetTraceRequest(session=session, seconds=seconds))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "finite and above 0" in message
