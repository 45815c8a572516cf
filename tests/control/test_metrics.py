"""Figures that an operator sees: they count what happened, and name nobody."""

from __future__ import annotations

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from remixd.audience.signal import Signal
from remixd.control.command import Answer, Applied, AppliedMove, Clamp, Refused
from remixd.control.metrics import Metrics
from remixd.control.observing import Observer
from remixd.control.sounding import WAITING_MAX, Sounding
from remixd.units import RATE_HZ


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """What a page says: by name and values of labels."""
    families = text_string_to_metric_families(metrics.page().decode())
    return {
        (each.name, tuple(each.labels.values())): each.value for family in families for each in family.samples
    }


def moved(signal_id: str, sample: int) -> Applied:
    move = AppliedMove(dimension="drums", value=-3.0, sample=sample, settled_sample=sample + 480)
    return Applied(
        id=signal_id, sample=sample, settled_sample=sample + 480, bar_beat="", late_frames=0, moves=(move,)
    )


def test_a_call_is_counted_by_its_end():
    observer = Observer()
    with observer.call("Sessions/GetSession", "grpc", {}):
        assert samples(observer.metrics)["remixd_rpc_open", ("Sessions/GetSession",)] == 1
    with pytest.raises(GeneratorExit), observer.call("Sessions/Watch", "grpc", {}, is_stream=True):
        raise GeneratorExit
    found = samples(observer.metrics)
    assert found["remixd_rpc_total", ("OK", "Sessions/GetSession", "grpc")] == 1
    assert found["remixd_rpc_total", ("CANCELLED", "Sessions/Watch", "grpc")] == 1
    assert found["remixd_rpc_open", ("Sessions/GetSession",)] == 0
    assert found["remixd_rpc_seconds_count", ("Sessions/GetSession",)] == 1
    assert ("remixd_rpc_seconds_count", ("Sessions/Watch",)) not in found, (
        "how long a stream lasts tells nothing"
    )


def test_signals_are_counted_by_their_first_answer():
    metrics = Metrics()
    clamp = Clamp(dimension="drums", asked=9, given=6, because="the range")
    metrics.answered(
        [Answer(id="a", accepted=True), Answer(id="b", accepted=True, clamps=(clamp,)),
         Answer(id="c", accepted=False), Answer(id="a", accepted=True, duplicate=True),
         Answer(id="d", accepted=True)]
    )  # fmt: skip
    found = {key[1][0]: value for key, value in samples(metrics).items() if key[0] == "remixd_signals_total"}
    assert found == {"accepted": 2, "clamped": 1, "refused": 1, "duplicate": 1}


def test_what_the_kernel_tallies_is_a_histogram():
    metrics = Metrics()
    counts = [0] * 24
    counts[3], counts[10], counts[23] = 5, 2, 1
    late = [7, 1] + [0] * 22
    metrics.engines[1] = {"costs": (counts, 3_000_000), "lateness": (late, 2)}
    found = samples(metrics)
    buckets = {
        float(key[1][1]): value for key, value in found.items() if key[0] == "remixd_block_cost_ratio_bucket"
    }
    assert buckets[2**5 / 1e6] == 5
    assert buckets[2**10 / 1e6] == 7
    assert buckets[2**22 / 1e6] == 7
    assert buckets[float("inf")] == 8
    assert list(buckets.values()) == sorted(buckets.values())
    assert found["remixd_block_cost_ratio_sum", ("1",)] == 3.0
    assert found["remixd_underruns_total", ("1",)] == 1


class Heard(Observer):
    """Keeps what it is told of signals."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, float]] = []

    def sounded(self, mode, taken_ns, sounded_ns, call):
        super().sounded(mode, taken_ns, sounded_ns, call)
        self.heard.append((mode, (sounded_ns - taken_ns) / 1e9))


def test_a_signal_is_followed_to_the_moment_its_first_changed_sample_is_heard():
    told: list[Applied | Refused] = []
    sounding, observer = Sounding(told.append), Heard()
    sounding.observer = observer
    sounding.take([Signal(id="a", wishes={"drums": -3.0})], [Answer(id="a", accepted=True)], "hands-on")
    sounding.take_packet(48_000, time.monotonic_ns() + 20_000_000)
    sounding.tell(moved("a", 48_000 + RATE_HZ // 100))
    [(mode, seconds)] = observer.heard
    assert mode == "hands-on"
    assert 0.029 < seconds < 0.04
    assert [each.id for each in told] == ["a"]


WISH = Signal(id="a", wishes={"drums": -3.0})


@pytest.mark.parametrize(
    ("signal", "answer", "second"),
    [
        (WISH, Answer(id="a", accepted=False), moved("a", 0)),
        (
            WISH,
            Answer(id="a", accepted=True, duplicate=True),
            moved("a", 0),
        ),
        (Signal(id="a", reaction="like"), Answer(id="a", accepted=True), moved("a", 0)),
        (WISH, Answer(id="a", accepted=True), Refused(id="a", reason="no")),
    ],
)
def test_what_moves_nothing_is_not_measured_but_told(signal, answer, second):
    told: list[Applied | Refused] = []
    sounding, observer = Sounding(told.append), Heard()
    sounding.observer = observer
    sounding.take([signal], [answer], "hands-on")
    sounding.tell(second)
    assert observer.heard == []
    assert told == [second]


def test_signals_that_never_sound_are_not_kept_for_ever():
    sounding = Sounding(lambda _: None)
    sounding.observer = Heard()
    for start in range(0, 3 * WAITING_MAX, 64):
        batch = [Signal(id=f"a{start + n}", wishes={"drums": -3.0}) for n in range(64)]
        sounding.take(batch, [Answer(id=each.id, accepted=True) for each in batch], "directed")
    assert len(sounding._waiting) == WAITING_MAX
