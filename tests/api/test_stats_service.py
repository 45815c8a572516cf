"""The Stats service."""

from __future__ import annotations

import itertools

import grpc
import pytest
from hand_played import ENGINE_PID
from serving import Service

from remixd.v1 import stats_pb2 as pb
from remixd.v1 import stats_pb2_grpc


@pytest.fixture
def stats(channel: grpc.Channel) -> stats_pb2_grpc.StatsStub:
    return stats_pb2_grpc.StatsStub(channel)


def test_a_census_is_told_whole(service: Service, stats) -> None:
    service.wait(service.sessions.create(None))
    told = stats.GetStats(pb.GetStatsRequest()).stats
    unset = {field.name for field in told.DESCRIPTOR.fields} - {field.name for field, _ in told.ListFields()}
    assert unset == {"lost_sessions", "draining"}
    assert (told.start_time.seconds, told.start_time.nanos) == (1_000_000_000, 250_000_000)
    assert (told.time.ToNanoseconds() - told.start_time.ToNanoseconds()) / 1e9 == 60.25
    [engine] = told.engines
    assert (engine.pid, engine.sessions, engine.load, engine.late_packets) == (ENGINE_PID, 2, 0.25, 3)
    assert (told.sessions, told.fans, told.cpu_share) == (1, 6, 0.125)
    assert dict(told.signals) == {"accepted": 8, "refused": 1}


def test_who_follows_is_told_anew_until_the_daemon_stops(service: Service, stats) -> None:
    watching = stats.WatchStats(pb.WatchStatsRequest(every_s=0.1), timeout=10)
    assert [each.stats.tracks for each in itertools.islice(watching, 3)] == [1, 2, 3]
    service.halt()
    with pytest.raises(grpc.RpcError) as ended:
        list(watching)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("every_s", [0.0, -1.0, 0.099, 60.1, float("nan"), float("inf")])
def test_how_often_has_a_range(stats, refused, every_s: float) -> None:
    code, message = refused(stats.WatchStats, pb.WatchStatsRequest(every_s=every_s))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "every_s goes from 0.1 to 60" in message
