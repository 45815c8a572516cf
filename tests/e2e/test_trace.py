"""The flight recorder of a real daemon: what is written, and whether a bad block is told with its cause."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import chrome
import pytest
from processes import Daemon, run

from remixd.client import Trace
from remixd.errors import NotFound


@pytest.fixture
def daemon(start_daemon) -> Daemon:
    return start_daemon()


def of_kind(trace: Trace, *kinds: str) -> list:
    return [event for event in trace.events if event.kind in kinds]


def order_of(trace: Trace, command: str) -> list[str]:
    return [event.kind for event in trace.events if event.command == command]


def test_a_signal_is_followed_from_its_call_to_the_block_that_sounds_it(daemon: Daemon, tmp_path: Path):
    with daemon.client() as client:
        session = client.create_session(client.tracks()[0].id).id
        time.sleep(0.3)
        applied = client.signal(session, {"vocals": -6.0}, wait=True)
        time.sleep(0.2)
        trace = client.trace(session)
        assert order_of(trace, applied.id)[:3] == ["received", "decided", "queued"]
        assert sorted(order_of(trace, applied.id)[3:]) == ["command_applied", "command_taken"]
        [sounded] = [e for e in of_kind(trace, "command_applied") if e.command == applied.id]
        blocks = of_kind(trace, "block")
        [block] = [b for b in blocks if b.sample <= sounded.sample < b.sample + b.frames]
        [queued] = [e for e in of_kind(trace, "queued") if e.command == applied.id]
        assert block.end_ns > queued.begin_ns
        assert [b.sample for b in blocks] == list(range(blocks[0].sample, blocks[-1].sample + 1, 480))
        done = run("trace", session, "-o", tmp_path / "trace.json", "--daemon", daemon.address)
        assert done.returncode == 0, done.stderr
        written = json.loads((tmp_path / "trace.json").read_text("utf-8"))
        assert chrome.faults(written) == []
        flows = [row for row in written["traceEvents"] if row["ph"] == "f"]
        assert applied.id in {row["args"]["command"] for row in flows}


def test_blocks_are_filled_by_their_parts(daemon: Daemon):
    with daemon.client() as client:
        session = client.create_session(client.tracks()[0].id).id
        time.sleep(0.5)
        trace = client.trace(session, 0.3)
    blocks = of_kind(trace, "block")
    assert 20 <= len(blocks) <= 40
    for block in blocks:
        parts = [
            part
            for part in of_kind(trace, "commands", "decks", "racks", "master", "write")
            if block.begin_ns <= part.begin_ns < block.end_ns
        ]
        assert sum(part.duration_ns for part in parts) == block.duration_ns
        assert {"decks", "master"} <= {part.kind for part in parts}


def test_a_stopped_engine_is_told_of_as_a_thread_that_was_woken_late_or_stalled(daemon: Daemon):
    with daemon.client() as client:
        session = client.create_session(client.tracks()[0].id)
        time.sleep(0.5)
        os.kill(session.engine_pid, signal.SIGSTOP)
        time.sleep(0.08)
        os.kill(session.engine_pid, signal.SIGCONT)
        time.sleep(0.3)
        worst = [each for each in client.trace(session.id).worst if each.table == "late"]
        assert worst[0].late_ns > 20_000_000
        told = "; ".join(worst[0].causes)
        assert "woken" in told or "stall" in told, told
        assert {each.session for each in client.stats().worst} == {session.id}


def causes_of(trace: Trace) -> list[str]:
    return [cause for block in of_kind(trace, "block") for cause in block.causes]


def test_a_load_and_a_burst_of_commands_are_told_of_with_their_blocks(daemon: Daemon):
    with daemon.client() as client:
        track = client.tracks()[0].id
        session = client.create_session(track).id
        with client.console(session) as console:
            console.load("B", track)
            time.sleep(1.0)
        trace = client.trace(session)
        assert of_kind(trace, "load")
        assert "load" in causes_of(trace)
        for _ in range(20):  # two within one packet, unless the machine is busy
            client.panic(session)
            client.panic(session)
            time.sleep(0.3)
            if any(cause.startswith("burst of") for cause in causes_of(client.trace(session))):
                break
        else:
            pytest.fail("no burst was told of")


def test_the_trace_of_an_engine_that_died_is_still_read(daemon: Daemon):
    with daemon.client() as client:
        session = client.create_session(client.tracks()[0].id)
        time.sleep(0.5)
        before = of_kind(client.trace(session.id), "block")
        os.kill(session.engine_pid, signal.SIGKILL)
        time.sleep(1.0)
        after = of_kind(client.trace(session.id), "block")
    assert {block.sample for block in before} <= {block.sample for block in after}
    assert after[-1].sample > before[-1].sample


def test_what_cannot_be_is_told_in_a_sentence(daemon: Daemon, tmp_path: Path):
    out = tmp_path / "trace.json"
    done = run("trace", "s-nobody", "-o", out, "--daemon", daemon.address)
    assert done.returncode == 1
    assert "there is no session 's-nobody'" in done.stderr
    assert not out.exists()
    with daemon.client() as client:
        with pytest.raises(NotFound):
            client.trace("s-nobody")
        session = client.create_session(None).id
        done = run("trace", session, "-o", tmp_path / "none" / "t.json", "--daemon", daemon.address)
    assert done.returncode == 1
    assert "cannot be written: No such file or directory" in done.stderr
