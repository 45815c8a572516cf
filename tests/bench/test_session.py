"""The session as others would write it: it plays what ours plays, or says why it cannot."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from remixd.bench import bench_session, scripted
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.bench.scripted import STRETCH, PedalboardSession, opened_liquidsoap
from remixd.bench.songs import make_music
from remixd.bench.tables import tables_of
from remixd.errors import Unavailable
from remixd.units import RATE_HZ


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    for name, value in {"ROUNDS_QUICK": 1, "SONG_S": 2.0}.items():
        monkeypatch.setattr(bench_session, name, value)


def measure():
    found = Bench(name="session", question="?")
    bench_session.run(Task(found, quick=True, tell=lambda _doing: None, keep=lambda: None))
    return found


def test_a_session_by_pedalboard_plays_four_stems_faster_and_below_full_scale():
    session = PedalboardSession(make_music(2.0, 0.5), tempo=1.1, fine=False)
    chunk = session._chunk()
    assert chunk.shape == (2, pytest.approx(RATE_HZ / 1.1, abs=2))
    assert 0.1 < np.abs(chunk).max() <= 1.0


@pytest.mark.skipif(shutil.which("liquidsoap") is None, reason="liquidsoap is not installed")
def test_liquidsoap_plays_as_much_sound_as_the_tempo_makes_of_it():
    with opened_liquidsoap({1.0: make_music(1.0)}) as liquidsoap:
        cpu_s, sound_s = liquidsoap.cpu_s(STRETCH, 1.0, 1.25)
    assert sound_s == pytest.approx(0.8, abs=0.1)
    assert 0 < cpu_s < 30


def test_without_liquidsoap_the_rest_is_measured_and_the_command_told(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    found = measure()
    assert found.skips == [
        {"part": "Liquidsoap", "reason": "liquidsoap is not installed: apt install liquidsoap"}
    ]
    [table] = tables_of(found)
    assert [row[0] for row in table.rows] == [
        "remixd, an inverse FFT a stem", "remixd, summed in the spectrum", bench_session.FINE,
        bench_session.COARSE,
    ]  # fmt: skip
    ratios = [each for each in found.figures if each.name == "times the cost"]
    assert len(ratios) == 4
    assert min(each.samples[0] for each in ratios) > 1


def test_a_liquidsoap_that_plays_nothing_is_told_with_its_last_word(tmp_path, monkeypatch):
    program = tmp_path / "liquidsoap"
    program.write_text("#!/bin/sh\necho 'Error 4: no such thing'\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(scripted.shutil, "which", lambda _name: str(program))
    with (
        opened_liquidsoap({1.0: make_music(1.0)}) as liquidsoap,
        pytest.raises(Unavailable, match="wrote no sound, and said: Error 4: no such thing"),
    ):
        liquidsoap.cpu_s(STRETCH, 1.0, 1.1)
