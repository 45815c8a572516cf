"""The bench of signals: every one is taken, each is new, and the figures are of the daemon."""

from __future__ import annotations

import itertools

import pytest

from remixd.bench import bench_signals
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_it_measures_what_a_signal_costs_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SIGNALS_QUICK": 2048, "ROUNDS_QUICK": 1, "SETTLE_S": 0.3, "SONG_S": 4.0}.items():
        monkeypatch.setattr(bench_signals, name, value)
    found = Bench(name="signals", question="?")
    bench_signals.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    names = {figure.name for figure in found.figures}
    assert {"CPU a signal", "signals a second a core", "signals a second, as sent"} <= names
    assert all(
        sample > 0.0 for figure in found.figures for sample in figure.samples if "as sent" in figure.name
    )
    assert len({figure.case["signals"] for figure in found.figures}) == 2


def test_no_signal_is_sent_twice_and_all_fans_take_part() -> None:
    for kind in ("wishes", "half reactions"):
        batches = list(itertools.islice(bench_signals._batches("s", 100, kind), 20))
        signals = [signal for batch in batches for signal in batch.signals]
        assert len({signal.id for signal in signals}) == len(signals) == 20 * bench_signals.BATCH
        assert len({signal.fan for signal in signals}) == 100
        reacting = sum(bool(signal.reaction) for signal in signals)
        assert reacting == (0 if kind == "wishes" else len(signals) // 2)
