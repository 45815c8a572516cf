"""The bench of phones: every wish is answered, and who listens misses nothing of it."""

from __future__ import annotations

from remixd.bench import bench_phones, phones
from remixd.bench.results import Bench
from remixd.bench.runner import Task


def test_phones_are_all_served_and_the_sound_has_no_gap(monkeypatch):
    for name, value in {"PHONES": 60, "LAST_QUICK_S": 3.0, "SETTLE_S": 1.0, "SONG_S": 3.0}.items():
        monkeypatch.setattr(bench_phones, name, value)
    monkeypatch.setattr(bench_phones, "LAST_QUICK_S", phones.EVERY_S + 1.0)
    found = Bench(name="phones", question="?")
    bench_phones.run(Task(found, quick=True, tell=lambda _: None, keep=lambda: None))
    crowded = {each.name: each for each in found.figures if each.limits or each.unit != "ms"}
    for name in ("missing frames", "sockets lost", "wishes refused"):
        assert crowded[name].summary()["max"] == 0, name
    assert crowded["updates a second and phone"].samples[0] > 0.1
    late = [each for each in found.figures if each.name == "lateness of packets"]
    assert [len(each.samples) > 100 for each in late] == [True, True]
    answers = next(each for each in found.figures if each.name == "answer to a wish")
    assert len(answers.samples) > 10
