"""Figures for Prometheus, in a registry of their own. No label names a session, a fan or a track.

Thread: [control].
"""

from __future__ import annotations

from collections import Counter as Words
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from remixd.control.command import Answer
from remixd.units import RATE_HZ

CALL_S: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SOUND_S: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
DEPTHS: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WAITING_S: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
FIRST_BIN: Final = 5
"""Of a kernel's tally: bins below 32 millionths are told as one."""

Tallies = Mapping[str, tuple[list[int], int]]
"""What the kernel counts of packets (`Host.tallies`), as JSON brings it."""


class Metrics:
    """Every figure.

    Attributes:
        gauges: asked at each scrape: names to what is there now, by label.
        engines: the tallies of each engine by its number, as of the latest scrape, and whether it lives.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        at: dict[str, Any] = {"namespace": "remixd", "registry": self.registry}
        self._calls = Counter("rpc", "Calls that ended.", ("method", "code", "via"), **at)
        self._call_s = Histogram(
            "rpc_seconds", "How long calls took that are no streams.", ("method",), buckets=CALL_S, **at
        )
        self._open = Gauge("rpc_open", "Calls that are being answered, and open streams.", ("method",), **at)
        self._signals = Counter("signals", "Signals by their first answer.", ("answer",), **at)
        self._sound_s = Histogram(
            "signal_to_sound_seconds",
            "From a signal's arrival until it is heard; directed sessions wait for the music.",
            ("mode",), buckets=SOUND_S, **at,
        )  # fmt: skip
        self._imports = Counter("imports", "Songs imported.", ("outcome",), **at)
        self.created = Counter("sessions_created", "Sessions that were begun.", **at)
        self.deaths = Counter("engine_deaths", "Engines that died while they had a place.", **at)
        self.gaps = Counter("listener_gaps", "Times that a slow listener was moved on to the newest.", **at)
        self.gap_seconds = Counter("listener_gap_seconds", "Sound that slow listeners missed.", **at)
        self.commands = Histogram(
            "session_commands_waiting", "Commands of a session that its engine has not answered.",
            buckets=DEPTHS, **at,
        )  # fmt: skip
        self.listener_s = Histogram(
            "listener_waiting_seconds", "Sound that waits for one listener.", buckets=WAITING_S, **at
        )
        self.watcher_depth = Histogram(
            "watcher_waiting", "Answers that wait for one watcher.", buckets=DEPTHS, **at
        )
        self.gauges: Callable[[], Iterable[tuple[str, str, str, Mapping[str, float]]]] = tuple
        self.engines: dict[int, Tallies] = {}
        self._kept: dict[tuple[str, ...], Any] = {}
        self.registry.register(_Asked(self))

    def begin_call(self, method: str) -> None:
        """A call of this method has begun."""
        self._child(self._open, method).inc()

    def end_call(self, method: str, via: str, code: str, lasted_s: float | None) -> None:
        """It has ended; its length counts unless it is None."""
        self._child(self._open, method).dec()
        self._child(self._calls, method, code, via).inc()
        if lasted_s is not None:
            self._child(self._call_s, method).observe(lasted_s)

    def answered(self, answers: Iterable[Answer]) -> None:
        """Signals had these first answers."""
        for word, count in Words(map(_word, answers)).items():
            self._child(self._signals, word).inc(count)

    def signal_to_sound(self, mode: str, seconds: float) -> None:
        """A signal became sound so long after it came."""
        self._child(self._sound_s, mode).observe(max(seconds, 0.0))

    def skipped(self, frames: int) -> None:
        """A slow listener was moved on past so much sound."""
        self.gaps.inc()
        self.gap_seconds.inc(frames / RATE_HZ)

    def imported(self, outcome: str) -> None:
        """A song was `added`, was `there`, or its import `failed`."""
        self._child(self._imports, outcome).inc()

    def signals_by_answer(self) -> dict[str, int]:
        """How many signals had each first answer."""
        return {labels["answer"]: count for labels, count in _counts(self._signals)}

    def engine_deaths(self) -> int:
        """How many engines died while they had a place."""
        return sum(count for _, count in _counts(self.deaths))

    def page(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _child(self, metric: Any, *labels: str) -> Any:
        """A metric of these labels; looking it up in prometheus_client costs more than counting."""
        key = (metric._name, *labels)
        if (child := self._kept.get(key)) is None:
            child = self._kept[key] = metric.labels(*labels)
        return child


def _counts(counter: Counter) -> Iterable[tuple[Mapping[str, str], int]]:
    """What a counter has counted, by its labels."""
    samples = (sample for family in counter.collect() for sample in family.samples)
    return ((sample.labels, int(sample.value)) for sample in samples if sample.name.endswith("_total"))


class _Asked(Collector):
    """What is not counted as it happens, but asked for when it is scraped."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        for name, told, label, values in self._metrics.gauges():
            family = GaugeMetricFamily(f"remixd_{name}", told, labels=[label] if label else None)
            for key, value in values.items():
                family.add_metric([key] if label else [], value)
            yield family
        yield from _histograms(self._metrics.engines)


def _word(answer: Answer) -> str:
    if not answer.accepted:
        return "refused"
    if answer.duplicate:
        return "duplicate"
    return "clamped" if answer.clamps else "accepted"


def _histograms(engines: Mapping[int, Tallies]) -> Iterable[Metric]:
    """What engines count themselves."""
    costs = HistogramMetricFamily(
        "remixd_block_cost_ratio", "What a packet took to render, as a share of what it lasts.",
        labels=["engine"],
    )  # fmt: skip
    lateness = HistogramMetricFamily(
        "remixd_block_lateness_seconds", "How long after it was due a packet was ready.", labels=["engine"]
    )
    late = CounterMetricFamily("remixd_underruns", "Packets that were ready too late.", labels=["engine"])
    for number, tallies in engines.items():
        label = [str(number)]
        for family, name in ((costs, "costs"), (lateness, "lateness")):
            counts, total = tallies[name]
            family.add_metric(label, _buckets(counts), total / 1e6)
        counts = tallies["lateness"][0]
        late.add_metric(label, sum(counts[1:]))
    return costs, lateness, late


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Counts of a kernel's tally, in millionths, as cumulative buckets."""
    found: list[tuple[str, float]] = []
    so_far = 0
    for index, count in enumerate(counts):
        so_far += count
        if index == len(counts) - 1:
            found.append(("+Inf", so_far))
        elif index >= FIRST_BIN:
            found.append((repr(2**index / 1e6), so_far))
    return found
