"""The command as a process: what it imports and writes, and how it ends."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys

from shelves import TRACK

from remixd.cli._out import plain


def test_starting_up_imports_nothing_heavy():
    heavy = {"grpc", "numpy", "rich", "av", "asyncio", "sqlite3", "remixd._kernel", "remixd.v1"}
    code = f"import sys, remixd.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_title_in_hangul_does_not_end_a_command_on_an_ascii_terminal(service):
    service.shelf.held[TRACK].title = "노래"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "REMIXD_LISTEN": str(service.address)}
    for words in (["tracks"], ["tracks", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "remixd", *words], env=environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_is_quiet(service, session):
    command = [
        sys.executable,
        "-m",
        "remixd",
        "watch",
        session.id,
        "--daemon",
        str(service.address),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline()
        running.send_signal(signals.SIGINT)
        assert running.stderr.read() == b""
        assert running.wait(10) == 130


def test_a_reader_that_goes_away_is_quiet(service, session):
    command = [
        sys.executable,
        "-m",
        "remixd",
        "watch",
        session.id,
        "--daemon",
        str(service.address),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline()
        running.stdout.close()
        service.run(session.tell_status)
        assert running.stderr.read() == b""
        assert running.wait(10) == 141


def test_a_command_whose_output_is_closed_ends_quietly():
    done = subprocess.run(
        [sys.executable, "-c", "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', "
         "'remixd', 'tracks', '--library', sys.argv[1]])", "/nowhere"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, "")


def test_numbers_that_json_has_no_word_for_become_null():
    assert plain({"a": (float("inf"), 1.5), "b": float("nan")}) == {"a": [None, 1.5], "b": None}


def test_a_command_ends_though_a_lock_is_held_that_the_interpreter_would_wait_for():
    """As gRPC's is, when its thread is stopped at the wrong moment."""
    code = """
import threading
from remixd.cli import main

lock = threading.Lock()
lock.acquire()

class Call:
    def __del__(self):
        lock.acquire()

call = Call()
call.itself = call
main()
"""
    command = [sys.executable, "-c", code, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("remixd, version ")
