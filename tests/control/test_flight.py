"""The flight recorder of control: what it says of blocks, keeps of commands, and makes of both."""

from __future__ import annotations

import chrome
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import A_BLOCK

from remixd._kernel.mailbox import LOAD, MIX
from remixd._kernel.trace import APPLIED, FLAGS, TAKEN, Block, Moment
from remixd.api.trace_convert import trace_to_proto
from remixd.cli._chrome import chrome_trace
from remixd.client._trace import TracePlans
from remixd.control import marks
from remixd.control.flight import Recorded, Worst, causes
from remixd.control.marks import Marks, Received, Sent, Step
from remixd.v1 import stats_pb2 as pb

MS = 1_000_000


def block(*flags: str, **changed) -> Block:
    """One of 10 ms that took 5, all of it on a processor, and was in time."""
    plain = A_BLOCK._replace(
        begin_ns=0, end_ns=5 * MS, late_ns=-MS, behind_ns=0, parts_ns=(0, 4 * MS, 0, MS // 2), cpu_ns=5 * MS,
        taken=0, minor_faults=0, major_faults=0, preemptions=0,
    )  # fmt: skip
    return plain._replace(flags=sum(FLAGS[flag] for flag in ("paced", "measured", *flags)), **changed)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (block("load"), "load"),
        (block("swap"), "swap"),
        (block("transition"), "transition"),
        (block("checkpoint"), "checkpoint"),
        (block("busy"), "its thread was with other sessions"),
        (block("backlog"), "its thread was with the blocks before it"),
        (block("underrun"), "the device had run dry"),
        (block("woken", behind_ns=48 * MS), "its thread was woken 48.0 ms late"),
        (block(taken=40), "burst of 40 commands"),
        (block(taken=255), "burst of 255 or more commands"),
        (block(major_faults=2, cpu_ns=MS), "2 major page faults"),
        (block(minor_faults=12), "12 minor page faults"),
        (block(cpu_ns=2 * MS, preemptions=1), "preemption: 3.0 ms without a processor"),
        (block(cpu_ns=2 * MS), "stall: 3.0 ms without a processor, and nothing took it"),
    ],
)
def test_each_cause_is_named_alone(bad, told):
    assert causes(bad) == [told]


def test_of_a_block_like_others_nothing_is_said():
    assert causes(block()) == []
    assert causes(block(cpu_ns=None)) == []
    assert causes(block(taken=1, minor_faults=1)) == []


def test_a_step_of_the_ladder_is_of_the_blocks_within_which_it_was():
    steps = [Step(3 * MS, "stems summed: no room"), Step(6 * MS, "later")]
    assert causes(block(), steps) == ["ladder: stems summed: no room"]


@given(st.lists(st.integers(1, 1024), max_size=60))
def test_marks_keep_the_newest_and_never_more_than_they_may(batches):
    kept = Marks()
    for number, count in enumerate(batches):
        kept.receive(number, [f"{number}-{at}" for at in range(count)])
    received = kept.received(0)
    ids = sum(len(call.ids) for call in received)
    assert ids <= marks.IDS_MAX
    assert ids + kept.lost == sum(batches)
    assert [call.at_ns for call in received] == list(range(len(batches) - len(received), len(batches)))


def test_commands_are_bounded_and_what_is_forgotten_is_counted():
    kept = Marks()
    for number in range(marks.COMMANDS_MAX + 10):
        kept.send(1, number, [str(number)], -1)
    sent = kept.sent(0)
    assert [each.number for each in sent] == list(range(10, marks.COMMANDS_MAX + 10))
    assert kept.lost == 10
    assert set(kept.ids_of()) == {each.number for each in sent}


def test_calls_that_brought_nothing_are_not_kept():
    kept = Marks()
    kept.receive(1, [])
    assert kept.received(0) == []


def recorded(blocks, moments=(), received=(), sent=(), steps=()) -> Recorded:
    return Recorded(
        session="s-1", blocks=blocks, moments=moments, received=received, sent=sent, steps=steps,
        ids={each.number: each.ids for each in sent if each.ids}, worst=Worst(blocks[:1], [], [], []),
        kept_s=1.0, lost_blocks=0, lost_moments=0, lost_commands=0, unseen_blocks=0, engine_pid=10,
        daemon_pid=11, since_ns=0, is_of_cycles=True,
    )  # fmt: skip


def client_trace(known: Recorded):
    """What a client makes of it."""
    plan = TracePlans(timeout_s=1.0).trace("s-1")
    next(plan)
    with pytest.raises(StopIteration) as done:
        plan.send(pb.Trace.FromString(trace_to_proto(known).SerializeToString()))
    return done.value.value


@st.composite
def flights(draw) -> Recorded:
    """Anything that may be recorded: blocks one after the other, commands that went through them."""
    blocks, moments, received, sent, at = [], [], [], [], 1_000_000 * MS
    for number in range(draw(st.integers(1, 12))):
        at += draw(st.integers(0, 10 * MS))
        took = draw(st.integers(0, 10 * MS))
        parts = tuple(draw(st.lists(st.integers(0, 6 * MS), min_size=4, max_size=4)))
        blocks.append(block(begin_ns=at, end_ns=at + took, sample=480 * number, parts_ns=parts, cpu_ns=None))
        for command in range(draw(st.integers(0, 3))):
            key = 100 * number + command + 1
            came = at - draw(st.integers(0, 20 * MS))
            decided = draw(st.integers(came, at))
            ids = draw(st.sampled_from([(), ("",), (f"id-{key}",), (f"id-{key}", f"too-{key}")]))
            if draw(st.booleans()):
                received.append(Received(came, list(ids)))
            sent.append(Sent(decided, draw(st.integers(decided, at)), key, ids, -1))
            what = draw(st.sampled_from([MIX, LOAD]))
            within = at + draw(st.integers(0, took))
            moments.append(Moment(at, TAKEN, MIX, 480 * number, key, 255))
            sample = 480 * number + draw(st.integers(-5000, 5000))
            moments.append(Moment(within, APPLIED, what, sample, key, 0))
        at += took
    sent.sort(key=lambda each: each.decided_ns)
    apart = []
    for each in sent:  # the desk does one thing after another
        begin = max(each.decided_ns, apart[-1].queued_ns if apart else 0)
        apart.append(each._replace(decided_ns=begin, queued_ns=max(begin, each.queued_ns)))
    received.sort()
    return recorded(blocks, moments, received, apart, [Step(at, "no longer summed: room")])


@given(flights())
def test_any_flight_becomes_a_trace_that_keeps_every_rule_of_the_format(known):
    trace = client_trace(known)
    written = chrome_trace(trace)
    assert chrome.faults(written) == []
    rows = written["traceEvents"]
    assert sum(row["name"] == "block" for row in rows) == len(known.blocks)
    assert sum(row["name"] == "send" for row in rows) == len(known.sent)
    begins = [event.begin_ns for event in trace.events]
    assert begins == sorted(begins)
    for each in (event for event in trace.events if event.kind == "block"):
        parts = [
            event.duration_ns for event in trace.events
            if event.kind in ("commands", "decks", "racks", "master", "write") and event.sample == each.sample
        ]  # fmt: skip
        assert sum(parts) == each.duration_ns


def test_an_arrow_goes_from_the_call_to_the_block_that_first_sounds_what_it_brought():
    blocks = [block(begin_ns=10 * MS * at, end_ns=10 * MS * at + MS, sample=480 * at) for at in range(1, 5)]
    known = recorded(
        blocks,
        [Moment(20 * MS + 5, TAKEN, MIX, 960, 7, 255), Moment(20 * MS + 9, APPLIED, MIX, 1500, 7, 255)],
        [Received(15 * MS, ["louder"])],
        [Sent(16 * MS, 17 * MS, 7, ["louder"], -1)],
    )
    rows = chrome_trace(client_trace(known))["traceEvents"]
    flow = [(row["ph"], row["ts"] * 1000 + 10 * MS, row["pid"]) for row in rows if row["ph"] in "stf"]
    assert flow == [("s", 15 * MS, 11), ("t", 16 * MS, 11), ("f", 30 * MS, 10)]


def test_an_answer_that_would_be_too_large_leaves_the_oldest_out_and_says_so(monkeypatch):
    monkeypatch.setattr("remixd.api.trace_convert.BYTES_MAX", 3000)
    blocks = [block(begin_ns=10 * MS * at, end_ns=10 * MS * at + MS, sample=480 * at) for at in range(100)]
    told = trace_to_proto(recorded(blocks))
    assert sum(event.ByteSize() for event in told.events) < 3000
    assert told.left_out > 0
    assert told.events[-1].begin_ns >= blocks[-1].begin_ns
    assert told.left_out + len(told.events) == 200, "each of a block and its decks, which fill it"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[-1].update(ts=-1.0),
        lambda rows: rows[-1].update(ph="?"),
        lambda rows: next(row for row in rows if row["name"] == "block").update(dur=0.5),
        lambda rows: rows.append(rows.pop(5)),
        lambda rows: rows.pop(0),
    ],
)
def test_the_rules_of_the_format_find_what_is_wrong(spoil):
    blocks = [block(begin_ns=10 * MS * at, end_ns=10 * MS * at + MS, sample=480 * at) for at in range(3)]
    written = chrome_trace(client_trace(recorded(blocks)))
    assert chrome.faults(written) == []
    spoil(written["traceEvents"])
    assert chrome.faults(written)
