"""The quality bench tells every system in every condition, and ranks what cannot be ranked otherwise."""

from __future__ import annotations

import pytest

from remixd.bench import bench_quality
from remixd.bench.bench_quality import FLOOR, MIX, SUM, UNSTRETCHED
from remixd.bench.floors import Idle
from remixd.bench.results import Bench
from remixd.bench.runner import Task
from remixd.units import STEM_ROLES


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(bench_quality, "BARS_QUICK", 1)
        patch.setattr(bench_quality, "available_peers", lambda: ([Idle()], {"Absent": "pip install absent"}))
        bench = Bench(name="quality", question="?")
        bench_quality.run(Task(bench, quick=True, tell=lambda _: None, keep=lambda: None))
    return bench


def figure(found, name, **case):
    [only] = [
        each
        for each in found.figures
        if each.name == name and all(each.case[part] == value for part, value in case.items())
    ]
    return only.samples[0]


def test_every_system_is_judged_on_every_sound_and_who_is_missing_is_told(found):
    systems = {FLOOR, UNSTRETCHED, "remixd", "idle"}
    judged = {(each.case["system"], each.case["stem"]) for each in found.figures if each.name == "LSD 2048"}
    assert judged == {(system, stem) for system in systems for stem in (*STEM_ROLES, SUM, MIX)}
    assert found.skips == [{"part": "Absent", "reason": "pip install absent"}]
    assert found.settings["peers"] == {"idle": Idle.how}


@pytest.mark.parametrize("stem", [*STEM_ROLES, SUM, MIX])
def test_another_take_is_nearer_to_the_truth_than_no_stretch_and_a_stretch_lies_between(found, stem):
    distance = {
        system: figure(found, "LSD 2048", system=system, stem=stem, change="tempo")
        for system in (FLOOR, "remixd", UNSTRETCHED)
    }
    assert 0 < distance[FLOOR] < distance["remixd"] < distance[UNSTRETCHED]


def test_who_does_nothing_is_as_far_off_as_what_was_not_stretched(found):
    for change, stem in (("tempo", "vocals"), ("pitch", "bass")):
        told = [
            figure(found, "LSD 256", system=system, stem=stem, change=change)
            for system in ("idle", UNSTRETCHED)
        ]
        assert told[0] == pytest.approx(told[1], rel=0.05)
    assert figure(found, "length", system="remixd", stem="bass", change="tempo") == pytest.approx(0, abs=0.05)
    assert figure(found, "tone to rest", system="remixd", stem="sine 440 Hz") > 40
