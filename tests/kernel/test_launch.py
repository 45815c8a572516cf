"""Starting a process: it gets its words, its variables and its descriptors, and nothing else of ours."""

from __future__ import annotations

import os
import sys

import pytest

from remixd._kernel.launch import launch

TELL = """
import os, sys
open_now = sorted(os.listdir("/proc/self/fd"))
print(sys.argv[1:], dict(os.environ), open_now, file=open(4, "w"))
"""


def test_it_gets_what_it_is_given_and_no_other_descriptor() -> None:
    out, told = os.pipe()
    secret = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(secret, True)
    pid = launch([sys.executable, "-c", TELL, "a word", "한글"], {"ONE": "1=2"}, (out, told))
    os.close(told)
    with os.fdopen(out, encoding="utf-8") as file:
        said = file.read()
    assert os.waitpid(pid, 0)[1] == 0
    os.close(secret)
    assert said.startswith("['a word', '한글'] {'ONE': '1=2'")
    descriptors = said.rpartition("[")[2]
    assert "'5'" in descriptors, "the folder that it lists"
    assert "'6'" not in descriptors


def test_what_cannot_be_started_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="/no/such/program"):
        launch(["/no/such/program"], {}, ())
    with pytest.raises(ValueError, match="too many"):
        launch([], {}, ())
    with pytest.raises(OSError, match="Bad file descriptor"):
        launch([sys.executable], {}, (9999,))
