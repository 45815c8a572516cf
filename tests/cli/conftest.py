"""The command line, run in this process against a real server."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from shelves import TRACK

from remixd import cli


@pytest.fixture
def remixd(service, monkeypatch, capsys):
    """Run a command as a person would; its exit code, stdout and stderr."""
    monkeypatch.setenv("REMIXD_LISTEN", str(service.address))
    monkeypatch.delenv("REMIXD_LIBRARY", raising=False)
    monkeypatch.delenv("REMIXD_DEBUG", raising=False)

    def run(*words):
        code = cli.run([str(word) for word in words])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def told(remixd):
    """Run a command with --json that must succeed; its one value."""

    def run(*words):
        done = remixd(*words, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    return run


@pytest.fixture
def session(service, told):
    return service.session(told("session", "create", TRACK)["id"])
