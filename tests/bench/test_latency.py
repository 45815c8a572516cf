"""The latency bench finds the first sample that a wish changed, in real streams and at a real port."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.bench import bench_latency
from remixd.bench.bench_latency import first_change
from remixd.bench.jacks import Captured
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.errors import Unavailable


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    start=st.integers(0, 49),
    until=st.integers(1, 300),
)
def test_the_first_change_is_where_the_next_level_begins(lengths, start, until):
    samples = np.repeat(np.arange(len(lengths), dtype=np.float32), lengths)
    start = min(start, len(samples) - 1)
    level = int(samples[start])
    changes_at = sum(lengths[: level + 1])
    wanted = changes_at if changes_at < min(until, len(samples)) else None
    assert first_change(samples, start, until) == wanted


def test_nothing_changes_where_there_is_nothing():
    assert first_change(np.zeros(0, dtype=np.float32), 0, 10) is None
    assert first_change(np.zeros(10, dtype=np.float32), 5, 5) is None


def test_a_sample_is_at_the_port_when_its_block_is_and_by_its_place_in_it():
    blocks_ns = np.array([0, 2_666_667, 9_000_000])  # two blocks were lost
    captured = Captured(samples=np.zeros(384, dtype=np.float32), there_ns=blocks_ns, block=128, lost=2)
    assert captured.time_ns(0) == 0
    assert captured.time_ns(128 + 48) == pytest.approx(2_666_667 + 1e6)
    assert captured.time_ns(256) == 9_000_000
    assert [captured.index_at(moment) for moment in (0, 1, 5_000_000, 10_000_000)] == [0, 128, 256, 384]


@pytest.fixture
def measured(monkeypatch):
    """Runs the bench with few wishes."""
    monkeypatch.setattr(bench_latency, "WISHES_QUICK", 6)
    monkeypatch.setattr(bench_latency, "SETTLE_S", 0.4)
    monkeypatch.setattr(bench_latency, "SONG_S", 6.0)

    def run():
        found = Bench(name="latency", question="?")
        bench_latency.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
        return found

    return run


def samples(found, name, sink):
    [figure] = [each for each in found.figures if each.name == name and each.case["sink"] == sink]
    return np.array(figure.samples)


def check(found, sink):
    total = samples(found, "wish to changed sample", sink)
    names = [
        each.name for each in found.figures if each.name.startswith("part:") and each.case["sink"] == sink
    ]
    timed = [samples(found, name, sink) for name in names if name != "part: limiter"]
    assert len(total) >= 5
    assert np.all(total > 0)
    np.testing.assert_allclose(sum(timed), total, atol=1e-5)


def test_a_stream_is_changed_its_lead_after_it_was_rendered(measured, monkeypatch):
    def refuse(_block):
        raise Unavailable("jackd is not installed")

    monkeypatch.setattr(bench_latency, "jack_server", refuse)
    found = measured()
    assert found.skips == [{"part": "the device session", "reason": "jackd is not installed"}]
    check(found, "stream")
    ahead_ms = samples(found, "part: from there until it is due", "stream")
    assert np.all(ahead_ms > bench_latency.LEAD_MS - 10)
    assert np.all(ahead_ms < bench_latency.LEAD_MS + 10)


@pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd2 is not installed")
def test_a_device_is_changed_at_its_port(measured, monkeypatch):
    monkeypatch.setattr(bench_latency, "_measure_stream", lambda _task, _wishes: None)
    found = measured()
    assert found.skips == []
    check(found, "device")
