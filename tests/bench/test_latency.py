"""The latency bench finds what a wish changed, in streams and at ports, and where the time went."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.bench import bench_latency, latency_cells, lost_blocks
from remixd.bench.bench_latency import BLOCK, BUSY, IDLE, Grid
from remixd.bench.compare import compare
from remixd.bench.departures import STEADY, TEXTURE, make_pattern
from remixd.bench.distances import distances
from remixd.bench.jacks import Captured
from remixd.bench.latency_cells import AGREEMENT, BUT_LIMITER, CALL, TOTAL, Found, Heard, PortEar
from remixd.bench.latency_parts import FOLLOWING, LIMITER_NS, WAIT, Told, disorder_ns, parts_ns
from remixd.bench.native_jack import NativeJack, heard_ms
from remixd.bench.report import write_report
from remixd.bench.results import Bench, Figure, Result
from remixd.bench.runner import Task
from remixd.bench.steps import STEPS, Wish
from remixd.errors import Unavailable
from remixd.units import RATE_HZ

JACK = pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd2 is not installed")
COUNTS = {"gain": 6, "tempo": 1, "pitch": 1, "preset": 1, "section": 2}
EXACT = ("gain", "preset")  # whose first changed sample the daemon tells to the sample


def task_of(found, **given):
    return Task(found, quick=True, tell=lambda _doing: None, keep=lambda: None, **given)


def a_bench():
    return Bench(name="latency", question="?")


# What is captured


def captured(samples, block, missing=()):
    """Blocks that come as they should, but for those that are missing."""
    there = [number for number in range(len(samples) // block + len(missing)) if number not in missing]
    frames = np.array(there[: len(samples) // block]) * block
    return Captured(
        samples=samples, there_ns=(frames * 1e9 / RATE_HZ).astype(int), frames=frames, block=block
    )


def test_a_sample_is_at_the_port_when_its_block_is_and_by_its_place_in_it():
    heard = captured(np.zeros(384, np.float32), 128, missing=(1, 2))
    assert heard.lost == 2
    assert heard.time_ns(48) == pytest.approx(1e6)
    assert heard.time_ns(128 + 48) == pytest.approx(8e6 + 1e6)
    assert heard.frame_of(128 + 48) == 384 + 48
    assert [heard.index_at(moment) for moment in (0, 1, 8_000_000, 20_000_000)] == [0, 128, 128, 384]
    assert heard.is_whole(0, 128)
    assert not heard.is_whole(0, 129)
    assert heard.is_whole(128, 384)


class Recorded:
    """A capture that gives what was made up."""

    def __init__(self, heard):
        self.take = lambda: heard


@given(at=st.integers(5 * 4096, 7 * 4096), block=st.sampled_from((32, 64, 128, 256, 512)),
       before_ms=st.floats(11.0, 80.0), lost=st.none() | st.integers(0, 4000))  # fmt: skip
def test_a_change_at_a_port_is_found_to_the_sample_or_not_at_all_beside_a_lost_block(
    at, block, before_ms, lost
):
    samples = make_pattern(1, 9)[:, 0].copy()
    samples[at:] *= 0.7
    missing = () if lost is None else ((at - lost) // block,)
    keeps = np.ones(len(samples), bool)
    for number in missing:
        keeps[number * block : (number + 1) * block] = False
    heard = captured(samples[keeps], block, missing)
    ear = PortEar(Recorded(heard))
    ear.take()
    assert ear.lost == len(missing)
    sent_ns = int(at * 1e9 / RATE_HZ - before_ms * 1e6)
    found = ear.find(Wish("x", sent_ns, sent_ns, None, sent_ns + 200_000_000), TEXTURE)
    if lost is None:
        assert found.heard_ns == pytest.approx(at * 1e9 / RATE_HZ, abs=2)
        assert found.ready_ns <= found.heard_ns - LIMITER_NS + 1
    assert found.frame == at if found else lost is not None


@given(at=st.integers(5 * 4096, 7 * 4096), lost=st.integers(4097 + 512, 12_000))
def test_a_block_that_is_lost_long_before_a_change_hides_it_not(at, lost):
    samples = make_pattern(1, 9)[:, 0].copy()
    samples[at:] *= 0.7
    number = (at - lost) // 128
    keeps = np.arange(len(samples)) // 128 != number
    ear = PortEar(Recorded(captured(samples[keeps], 128, (number,))))
    ear.take()
    sent_ns = int((at - lost) * 1e9 / RATE_HZ)
    assert ear.find(Wish("x", sent_ns, 0, None, sent_ns + 400_000_000), TEXTURE).frame == at


def test_sound_that_did_not_go_on_as_it_should_before_a_wish_tells_nothing_of_it():
    samples = np.full(48_000, 0.1, np.float32)
    samples[24_000:] = 0.2
    ear = PortEar(Recorded(captured(samples, 128)))
    ear.take()
    assert ear.find(Wish("x", 495_000_000, 0, None, 600_000_000), STEADY).frame == 24_000
    assert ear.find(Wish("x", 505_000_000, 0, None, 600_000_000), STEADY) is None
    assert ear.find(Wish("x", 600_000_000, 0, None, 700_000_000), STEADY) is None


# The parts


def event(kind, begin_ns, *, command="", duration_ns=0, sample=0):
    return SimpleNamespace(
        kind=kind, begin_ns=begin_ns, command=command, duration_ns=duration_ns, sample=sample
    )


@given(steps_ns=st.lists(st.integers(0, 10**8), min_size=7, max_size=7), cut=st.integers(0, 6))
def test_parts_are_all_of_it_and_in_order_however_the_trace_is_read(steps_ns, cut):
    sent, received, queued, taken, begun, finished, heard = np.cumsum(steps_ns).tolist()
    heard += int(LIMITER_NS)
    events = [
        event("received", received, command="a"), event("queued", queued, command="a"),
        event("command_taken", taken, command="a"),
        event("block", begun, duration_ns=finished - begun),
        event("command_applied", finished, command="a", sample=7),
        event("block", heard + 1, duration_ns=5),
    ]  # fmt: skip
    told = Told()
    told.take(events[cut:])
    told.take(events[: cut + 1])
    parts = parts_ns(sent, told.commands["a"], told.block_before(heard), heard)
    assert sum(parts.values()) == pytest.approx(heard - sent, abs=1e-3)
    assert disorder_ns(parts) == 0
    assert parts[WAIT] == begun - taken
    assert told.commands["a"].sample == 7


@given(name=st.sampled_from(FOLLOWING), by_ns=st.integers(1, 10**6))
def test_a_moment_before_the_one_that_it_follows_is_told(name, by_ns):
    parts = dict.fromkeys(("receive", "decide", "mailbox", WAIT, "block"), 1000.0)
    assert disorder_ns(parts) == 0
    assert disorder_ns(parts | {name: -by_ns}) == by_ns


def test_a_command_that_the_trace_tells_half_of_has_no_parts():
    told = Told()
    told.take([event("received", 1, command="a"), event("queued", 2, command="a")])
    assert told.commands == {}
    assert told.block_before(5) is None


# The grid


def test_the_grid_crosses_gains_with_everything_and_the_rest_where_it_is_asked():
    quick, ordinary, full = (
        Grid.of(quick=quick, full=full) for quick, full in ((True, False), (False, False), (False, True))
    )
    assert ordinary.blocks[0] == BLOCK
    assert {*ordinary.blocks} == {32, 64, 128, 256, 512}
    for grid in (quick, ordinary, full):
        assert [step.name for step in grid.steps(BLOCK, IDLE)] == list(STEPS)
    for load in (IDLE, 500, BUSY):
        assert [step.name for step in ordinary.steps(32, load)] == ["gain"]
        assert [step.name for step in full.steps(32, load)] == list(STEPS)
    assert [step.name for step in quick.steps(BLOCK, BUSY)] == ["gain"]
    assert ordinary.steps(BLOCK, 500) == ordinary.steps(64, BUSY)
    assert ordinary.count(STEPS["gain"], BLOCK) == 1000 > ordinary.count(STEPS["gain"], 32)


# Real streams, real ports


@pytest.fixture
def _short(monkeypatch):
    for name, value in {"COUNTS_QUICK": COUNTS, "ECHOES_QUICK": 3, "BYTES_QUICK": 8}.items():
        monkeypatch.setattr(bench_latency, name, value)
    for name, value in {"PAIRS_QUICK": 1, "TURN_QUICK_S": 0.2}.items():
        monkeypatch.setattr(lost_blocks, name, value)


def samples(found, name, **case):
    [figure] = [
        each for each in found.figures
        if each.name == name and all(each.case.get(key) == value for key, value in case.items())
        and "case" not in each.case
    ]  # fmt: skip
    return np.array(figure.samples)


def check(found, count, **case):
    total = samples(found, TOTAL, **case)
    names = {each.name for each in found.figures if each.name.startswith("part:")}
    assert len(names) == 7
    parts = sum(samples(found, name, **case) for name in names)
    assert len(total) >= count - 2, "beside a lost block one is not found, nor the one after it"
    assert np.all(total > 0)
    np.testing.assert_allclose(np.sort(parts), np.sort(total), atol=1e-5)
    assert np.all(samples(found, "parts out of order", **case) < 100)
    return samples(found, AGREEMENT, **case)


def refuse(*_words):
    raise Unavailable("jackd is not installed")


@pytest.mark.usefixtures("_short")
def test_without_jack_streams_are_measured_and_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(bench_latency, "jack_server", refuse)
    found = a_bench()
    bench_latency.run(task_of(found))
    assert found.skips == [{"part": "sessions of a device", "reason": "jackd is not installed"}]
    assert not check(found, 6, sink="stream").any(), "found where the daemon says, to the sample"
    ahead_ms = samples(found, "part: device", sink="stream")
    assert np.all(np.abs(ahead_ms - bench_latency.LEAD_MS) < 10)


@JACK
@pytest.mark.usefixtures("_short")
def test_every_change_is_found_at_a_port_and_floors_lie_below(monkeypatch):
    grid = Grid(((BLOCK, IDLE), (BLOCK, BUSY)), ((BLOCK, IDLE),), (), COUNTS)
    monkeypatch.setattr(Grid, "of", lambda **_given: grid)
    for _turn in range(3):  # a block that is lost moves the clocks, by which both count, against each other
        found = a_bench()
        bench_latency.run(task_of(found))
        exact = [samples(found, AGREEMENT, sink="device", load=IDLE, change=name) for name in EXACT]
        if not np.any(np.concatenate(exact)):
            break
    for name, count in COUNTS.items():
        apart = check(found, count, sink="device", load=IDLE, change=name)
        assert np.abs(apart).max() <= (0 if name in EXACT else 4800)
    assert samples(found, "signals a second", load=BUSY)[0] > 500
    assert samples(found, "p99 under load over idle", load=BUSY)[0] > 0
    [port] = [each for each in found.figures if each.case.get("case") == bench_latency.FLOOR_PORT][:1]
    assert 0 < np.median(port.samples) < np.median(samples(found, BUT_LIMITER, sink="device", load=IDLE))
    assert len(samples(found, "lost blocks", system="remixd")) == 1


def test_a_cell_that_cannot_be_measured_holds_back_no_other_and_an_interrupt_keeps_them(monkeypatch):
    def measure(step, *_rest):
        if step.name == "tempo":
            raise Unavailable("nothing of it was heard")
        if step.name == "pitch":
            raise KeyboardInterrupt
        return [Found(Wish("x", 0, 10, None, 100), Heard(heard_ns=4e6, ready_ns=3e6, frame=1))] * 3

    monkeypatch.setattr(bench_latency, "measure", measure)
    found = a_bench()
    for name in ("gain", "tempo"):
        bench_latency._measure_step(task_of(found), STEPS[name], None, None, 3, BLOCK, BUSY)
    with pytest.raises(KeyboardInterrupt):
        bench_latency._measure_step(task_of(found), STEPS["pitch"], None, None, 3, BLOCK, BUSY)
    assert samples(found, TOTAL, change="gain", load=BUSY).tolist() == [4.0] * 3
    where = f"blocks of {BLOCK}, {BUSY} signals a second"
    assert {"part": f"the tempo at {where}", "reason": "nothing of it was heard"} in found.skips
    assert any(skip["part"].startswith("the parts of") for skip in found.skips), "there was no trace"


def test_without_real_time_rights_it_is_marked(monkeypatch):
    daemon = SimpleNamespace(engine_pid=lambda: "self")
    for policy, real_time in ((0, False), (1, True), (1 | 0x40000000, True)):
        monkeypatch.setattr(bench_latency.os, "sched_getscheduler", lambda _thread, policy=policy: policy)
        found = a_bench()
        bench_latency._tell_scheduling(task_of(found), daemon)
        assert found.settings == {"real_time": real_time}
        assert bool(found.skips) != real_time


# Lost blocks


@pytest.mark.parametrize(
    ("ours", "native", "told"),
    [
        ([(1000, 0), (1000, 0)], [(1000, 0), (1000, 0)], "neither lost any, in 40 s each"),
        ([(9990, 10)], [(9990, 10)], None),
    ],
)
def test_lost_blocks_have_a_ratio_where_there_is_one_and_else_the_seconds_are_told(ours, native, told):
    found = a_bench()
    lost_blocks.tell(task_of(found), ours, native, 40.0, {"block": 128})
    ratios = [each for each in found.figures if each.unit == "ratio"]
    if told:
        assert told in found.skips[0]["reason"]
        assert not ratios
    else:
        assert 1.0 < ratios[0].samples[0] < 3.0
        assert ratios[0].met is None
        assert "too few" in ratios[0].note


@pytest.mark.parametrize(
    ("ours", "native", "met"),
    [(2, 0, True), (30, 0, False), (60, 60, True), (120, 60, False), (30, 60, True)],
)
def test_more_lost_blocks_than_a_native_client_break_the_limit_and_as_many_do_not(ours, native, met):
    found = a_bench()
    lost_blocks.tell(task_of(found), [(10**6, ours)], [(10**6, native)], 40.0, {"block": 128})
    [ratio] = (each for each in found.figures if each.unit == "ratio")
    assert ratio.met is met


def test_without_a_compiler_what_to_install_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable, match="apt install"):
        NativeJack()


def test_bytes_are_found_where_the_value_changes():
    values = np.repeat(np.arange(4, dtype=np.float32), 1280)
    heard = captured(values, 128)
    sent = [int((at - 100) * 1e9 / RATE_HZ) for at in (1280, 2560, 3840)]
    np.testing.assert_allclose(heard_ms(heard, sent), 100 * 1e3 / RATE_HZ, rtol=1e-4)
    with pytest.raises(Unavailable, match="nothing"):
        heard_ms(captured(np.zeros(1280, np.float32), 128), [0])


# Older results, noisy machines


def a_run(values, case, *, late_us=60.0, **settings):
    noise = [
        Figure(name="fixed work: a round", unit="ms", samples=(1.0,) * 9, case={"when": "before"}),
        Figure(name="sleep of 1 ms: late by", unit="us", samples=(late_us,), case={"when": "before"}),
    ]
    figures = [
        Figure(name=TOTAL, unit="ms", samples=tuple(values), case=case),
        Figure(name="part: receive", unit="ms", samples=tuple(values), case=case),
        Figure(name="p99 under load over idle", unit="ratio", samples=(1.2,), case={"block": 128}),
    ]
    bench = Bench(name="latency", question="?", state="done", figures=figures, settings=settings)
    return Result(started_at="2030-01-31T12:00:00Z", complete=True, machine={"cpu": "x", "cores": 2},
                  noise=noise, benches=[bench])  # fmt: skip


NEW = {"sink": "device", "block": 128, "load": 0, "change": "gain"}


def test_a_run_of_before_the_grid_is_read_compared_and_reported(tmp_path):
    before = a_run([3.0, 4.0] * 20, {"sink": "device", "block": 128}, wishes=300)
    after = a_run([3.0, 4.0] * 20, NEW, real_time=True)
    for name, result in (("before", before), ("after", after)):
        result.save(tmp_path / f"{name}.json")
    runs = [(name, Result.load(tmp_path / f"{name}.json")) for name in ("before", "after")]
    found = compare(runs[0][1], runs[1][1])
    assert not found.regressions
    assert found.only == (2, 2)
    assert write_report(runs, tmp_path / "report.html").pictures is not None
    assert "change gain" in (tmp_path / "report.html").read_text()


def test_of_a_noisy_machine_no_winner_is_called():
    slower = [5.0 + 0.01 * (at % 7) for at in range(60)]
    faster = [4.0 + 0.01 * (at % 7) for at in range(60)]
    calm = compare(a_run(faster, NEW), a_run(slower, NEW))
    noisy = compare(a_run(faster, NEW, late_us=4000.0), a_run(slower, NEW, late_us=4000.0))
    assert {each.name for each in calm.regressions} == {TOTAL, "part: receive"}
    assert not noisy.regressions


def test_every_time_at_a_port_has_a_distance_to_what_any_program_could_do():
    floors = {TOTAL: bench_latency.FLOOR_PORT, BUT_LIMITER: bench_latency.FLOOR_PORT,
              CALL: bench_latency.FLOOR_ECHO}  # fmt: skip
    result = a_run([4.0] * 9, NEW)
    [bench] = result.benches
    for name, floor in floors.items():
        case = {"case": floor} if name == CALL else {"sink": "device", "block": 128, "case": floor}
        own = Figure(name=name, unit="ms", samples=(4.0,), case=NEW)
        bench.figures += [own, Figure(name=name, unit="ms", samples=(2.0,), case=case)]
        assert any("2 times the floor" in each.told for each in distances(bench, own, result)), name
        stream = Figure(name=name, unit="ms", samples=(4.0,), case={**NEW, "sink": "stream"})
        assert any("floor" in each.told for each in distances(bench, stream, result)) == (name == CALL)


# Late changes


def test_a_change_that_came_too_late_is_counted_and_is_no_quick_answer_to_the_next():
    wishes = [Wish(f"w-{at}", at * 100, at * 100 + 10, None, at * 100 + 100) for at in range(20)]
    there = {wish.command: Heard(heard_ns=5.0, ready_ns=4.0, frame=1) for wish in wishes[:7] + wishes[8:]}
    step = SimpleNamespace(
        name="gain", before=None, prepare=lambda _hands: None, sent=lambda *_: iter(wishes)
    )
    ear = SimpleNamespace(take=lambda: None, find=lambda wish, _before: there.get(wish.command))
    told = SimpleNamespace(read=lambda *_: None, missed=0)
    hands = SimpleNamespace(client=None, session="s-1")
    found = latency_cells.measure(step, hands, ear, told, len(wishes))
    assert [each.wish for each in found] == wishes[:7] + wishes[9:]
    assert told.missed == 2
    for name in ("w-1", "w-15"):
        del there[name]
    with pytest.raises(Unavailable, match="3 of 20"):
        latency_cells.measure(step, hands, ear, told, len(wishes))
