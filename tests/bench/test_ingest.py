"""The ingest bench runs the importer's own workers, and counts what they take."""

from __future__ import annotations

import pytest

from remixd.bench import bench_ingest
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.errors import RemixdError


def test_every_step_of_both_songs_has_its_figures(monkeypatch):
    monkeypatch.setattr(bench_ingest, "SONG_QUICK_S", 3.0)
    found = Bench(name="ingest", question="?")
    bench_ingest.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    figures = {(each.name, *each.case.values()): each.samples for each in found.figures}
    for song in ("stems", "mix"):
        cpu = [figures[("CPU", song, step)][0] for step in ("import", "cache", "both")]
        assert cpu[2] == pytest.approx(cpu[0] + cpu[1], rel=1e-3)
        assert min(cpu) > 0.0
        assert 30 < figures[("memory", song, "import")][0] < 1500
        assert 30 < figures[("memory", song, "cache")][0] < 1500


def test_a_worker_that_fails_says_why(tmp_path):
    with pytest.raises(RemixdError, match=r"nothing\.wav is missing"):
        bench_ingest.worker("import", tmp_path / "nothing.wav", f"--library={tmp_path}")
