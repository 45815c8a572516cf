"""The bench of decks keeps its figures whole, and its statistics are those of the books."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import pytest

from remixd._kernel.feed import Feed
from remixd._kernel.resume import resume
from remixd._kernel.session import Session
from remixd._kernel.shared import SessionMemory
from remixd.bench import bench_decks, hundred, ours, steering
from remixd.bench.native import Native, Thread, ratio_upper
from remixd.bench.results import Bench
from remixd.bench.rings import PERIOD_NS, Rings
from remixd.bench.runner import Task

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def test_the_limit_of_a_ratio_is_the_exact_one() -> None:
    """Where nothing is late, three blocks all are the native thread's: (1 / (1 + r)) ** 3 = .05."""
    assert ratio_upper(0, 100, 3, 100) == pytest.approx(20 ** (1 / 3) - 1)
    assert ratio_upper(10, 200, 10, 100) == pytest.approx(ratio_upper(10, 100, 10, 100) / 2)
    assert ratio_upper(5, 100, 0, 100) == math.inf
    assert 1.0 < ratio_upper(4000, 10_000, 4000, 10_000) < 1.1


@needs_cc
def test_a_thread_with_more_to_do_than_time_is_late_and_one_with_time_counts_every_block() -> None:
    native = Native()
    behind = native.paced([5_000_000, 0], PERIOD_NS, 20_000_000, 0.2, steps_ns=[19_000_000, 10**12])
    assert (behind.blocks, behind.longer) == (40, (40, 0))
    assert behind.stalls[0] >= 1
    assert behind.stalls[1] == 0
    core = min(os.sched_getaffinity(0))
    calm = native.paced([0], PERIOD_NS, 1000, 0.2, thread=Thread(core=core), beside=1.5, steps_ns=[1])
    assert (calm.blocks, calm.longer) == (20, (20,))
    native.close()


def test_rings_tell_each_packet_once_and_what_is_missing(tmp_path: Path) -> None:
    """A ring is read again and again, then left alone until its oldest packets are gone."""
    ours.prepare()
    folder = tmp_path / "instance" / "engine-1"
    folder.mkdir(parents=True)
    memory = SessionMemory(folder / "session-7", create=True)
    feed = Feed(Session(key=7), memory.commands, memory.ring)
    rings = Rings(tmp_path, 20_000_000, [10**15])
    rings.read()
    for _ in range(3):
        for _ in range(20):
            feed.fill(480, 0.0)
        rings.read()
    assert (rings.lateness.blocks, rings.gaps) == (60, 0)
    for _ in range(100):
        feed.fill(480, 0.0)
    rings.read()
    assert rings.overwritten >= 36
    assert rings.lateness.blocks + rings.overwritten == 160
    assert rings.gaps == 0, "those that were not seen are known by those that were"
    (folder / "session-7").unlink()
    rings.read()
    assert (rings.lateness.blocks + rings.overwritten, rings.phases_ns) == (160, [])


def test_rings_tell_of_a_clock_that_leaps(tmp_path: Path) -> None:
    """A session that goes on elsewhere begins its ring in the middle of its clock."""
    ours.prepare()
    folder = tmp_path / "instance" / "engine-1"
    folder.mkdir(parents=True)
    memory = SessionMemory(folder / "session-7", create=True)
    before = Session(key=7)
    before.render(6400)
    session = Session(key=7)
    resume(session, before.checkpoint(), [], 9600)
    feed = Feed(session, memory.commands, memory.ring)
    rings = Rings(tmp_path, 20_000_000, [])
    rings.read()
    feed.fill(480, 0.0)
    rings.read()
    assert rings.gaps == 1


@needs_cc
def test_a_small_run_has_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BLOCKS_QUICK": 60, "REPEATS_QUICK": 1, "SONG_S": 4.0}.items():
        monkeypatch.setattr(bench_decks, name, value)
    for name, value in {"SONG_S": 4.0, "TURNS_QUICK": 2, "TURN_QUICK_S": 1.0, "SETTLE_S": 0.3}.items():
        monkeypatch.setattr(hundred, name, value)
    for name, value in {"SESSIONS": 5, "FOLLOWED": 2, "LIVES_S": 0.5}.items():
        monkeypatch.setattr(steering, name, value)
    found = Bench(name="decks", question="?")
    bench_decks.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    figures = {(each.name, *each.case.values()): each for each in found.figures}
    assert len(figures[("a quantum", "jumps, eight stems, stretched")].samples) == 60
    for turn in (0, 1):
        for name in ("gaps in a ring", "sessions turned away", "signals refused"):
            assert figures[(name, turn)].samples == (0.0,), name
        assert figures[("gaps in a stream", turn)].samples == (0.0, 0.0)
        assert figures[("second answers astray", turn)].samples == (0.0, 0.0)
        assert figures[("sessions made", turn)].samples[0] > 5, "they are replaced"
        assert figures[("signals sent", turn)].samples[0] >= 5 * steering.SIGNALS_A_SECOND
        assert 0 < figures[("CPU", "render thread", turn)].samples[0] < 1
    assert len(figures[("late blocks", "native thread", "20 ms")].samples) == 2
    assert len(figures[("late stalls", "remixd", "2.5 ms")].samples) == 2
