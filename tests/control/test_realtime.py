"""What the doctor says of on-time sound: by made systems, and by systems that mean ill."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixd import cli
from remixd.control import realtime
from remixd.control.realtime import LOOKS, Explained, examine_realtime, tried

CALM = {
    "proc/self/status": "Name:\tx\nCapEff:\t0000000000000000\n",
    "proc/self/limits": "Max locked memory         unlimited            unlimited            bytes\n"
    "Max realtime priority     95                   95\n",
    "proc/self/timerslack_ns": "50000",
    "proc/self/cgroup": "0::/user/remixd\n",
    "proc/sys/kernel/sched_rt_runtime_us": "950000",
    "proc/sys/kernel/sched_rt_period_us": "1000000",
    "proc/sys/vm/swappiness": "10",
    "proc/swaps": "Filename Type Size Used Priority\n/swap file 1048576 0 -2\n",
    "proc/stat": "cpu  100 0 100 800 0 0 0 1 0 0\ncpu0 1 2 3\n",
    "proc/version": "Linux version 6.1 #1 SMP PREEMPT_DYNAMIC",
    "proc/77/comm": "pipewire\n",
    "proc/asound/cards": " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu0/cpuidle/state0/latency": "2",
    "sys/devices/system/cpu/isolated": "3",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/fs/cgroup/user/remixd/cpu.max": "max 100000",
    "sys/fs/cgroup/cpu.max": "400000 100000",
    "sys/fs/cgroup/memory.max": "max",
}


def system(root: Path, **changed: str | None) -> Path:
    """A machine that is calm but for what is changed; names have `__` where paths have `/`."""
    (root / "dev/shm").mkdir(parents=True, exist_ok=True)
    for path, text in {**CALM, **{name.replace("__", "/"): text for name, text in changed.items()}}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        if text is not None:
            (root / path).write_text(text)
    return root


def found(root: Path, name: str) -> Explained:
    return next(each for each in examine_realtime(root) if each.name == name)


def test_a_calm_machine_needs_no_mending(tmp_path: Path) -> None:
    findings = list(examine_realtime(system(tmp_path)))
    assert [each.name for each in findings] == [name for name, _, _ in LOOKS]
    assert {each.name: each.told for each in findings if each.state != "ok"} == {}
    assert all(each.means for each in findings)


@pytest.mark.parametrize(
    ("name", "state", "told", "mend", "changed"),
    [
        ("scheduling class", "note", "RLIMIT_RTPRIO is 0", "rtprio",
         {"proc__self__limits": "Max realtime priority     0    0\n"}),
        ("locked memory", "note", "8.39 MB", "memlock",
         {"proc__self__limits": "Max locked memory   8388608    8388608   bytes\n"}),
        ("timer slack", "note", "1000 us", "timerslack", {"proc__self__timerslack_ns": "1000000"}),
        ("frequency scaling", "note", "performance, powersave", "cpupower",
         {"sys__devices__system__cpu__cpu1__cpufreq__scaling_governor": "powersave"}),
        ("idle states", "note", "890 us", "cpupower",
         {"sys__devices__system__cpu__cpu0__cpuidle__state3__latency": "890"}),
        ("cgroup limits", "problem", "0.5 cores by periods of 100 ms", "cpus",
         {"sys__fs__cgroup__user__cpu.max": "50000 100000"}),
        ("cgroup limits", "note", "used up 12 times", "cpus",
         {"sys__fs__cgroup__cpu.stat": "nr_periods 99\nnr_throttled 12\n"}),
        ("cgroup limits", "note", "268 MB of memory", "memory",
         {"sys__fs__cgroup__user__remixd__memory.max": "268435456"}),
        ("cgroup limits", "problem", "0.2 cores", "cpus",
         {"proc__self__cgroup": "4:cpu,cpuacct:/box\n",
          "sys__fs__cgroup__cpu,cpuacct__box__cpu.cfs_quota_us": "20000",
          "sys__fs__cgroup__cpu,cpuacct__box__cpu.cfs_period_us": "100000"}),
        ("cgroup limits", "note", "no real-time threads", "rt_runtime",
         {"proc__self__cgroup": "1:cpu:/box\n", "sys__fs__cgroup__cpu__box__cpu.rt_runtime_us": "0"}),
        ("real-time throttling", "problem", "0% of 1 s", "sysctl",
         {"proc__sys__kernel__sched_rt_runtime_us": "0"}),
        ("real-time throttling", "ok", "all of a core", "", {"proc__sys__kernel__sched_rt_runtime_us": "-1"}),
        ("huge pages", "note", "enabled: always", "madvise",
         {"sys__kernel__mm__transparent_hugepage__enabled": "[always] madvise never"}),
        ("swap", "note", "swappiness 60", "vm.swappiness", {"proc__sys__vm__swappiness": "60"}),
        ("sound servers", "note", "no sound server here, 1 sound cards", "jackd", {"proc__77__comm": None}),
        ("CPU isolation", "ok", "cores 3", "", {}),
        ("preemption", "note", "its own work first", "PREEMPT".lower(), {"proc__version": "Linux 6.1 SMP"}),
        ("stolen time", "note", "10.00%", "host", {"proc__stat": "cpu 0 0 0 90 0 0 0 10 0 0"}),
    ],
)  # fmt: skip
def test_what_makes_threads_late_is_told_with_what_mends_it(tmp_path, name, state, told, mend, changed):
    finding = found(system(tmp_path, **changed), name)
    assert (finding.state, told in finding.told, mend in finding.mend) == (state, True, True), finding


def test_capabilities_stand_in_for_limits(tmp_path: Path) -> None:
    root = system(tmp_path, proc__self__status="CapEff:\t0000000000804000", proc__self__limits=None)
    assert found(root, "scheduling class").state == found(root, "locked memory").state == "ok"


def test_no_shared_memory_is_a_problem(tmp_path: Path) -> None:
    (system(tmp_path) / "dev/shm").rmdir()
    assert found(tmp_path, "shared memory").state == "problem"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_stands_in_the_files_each_look_says_one_printable_line(data, tmp_path_factory):
    root = system(tmp_path_factory.mktemp("system"))
    numbers = st.integers().map(lambda number: str(number).encode())
    contents = st.one_of(st.binary(max_size=80), numbers, st.sampled_from(["empty", "folder", "loop"]))
    limits = st.binary(max_size=20).map(lambda raw: b"cpu.max 1 " + raw + b"\nMax realtime priority " + raw)
    for path in data.draw(st.lists(st.sampled_from(sorted(CALM)), min_size=1, max_size=6, unique=True)):
        content = data.draw(contents | limits)
        (root / path).unlink()
        if content == "folder":
            (root / path).mkdir()
        elif content == "loop":
            (root / path).symlink_to(root / path)
        elif content != "empty":
            (root / path).write_bytes(content)
    findings = list(examine_realtime(root))
    assert [each.name for each in findings] == [name for name, _, _ in LOOKS]
    for each in findings:
        assert each.told
        assert each.told.isprintable()
        assert each.state in ("ok", "note", "problem")


def test_groups_outside_the_tree_and_files_without_an_end_are_not_read(tmp_path: Path) -> None:
    root = system(tmp_path / "root", proc__self__cgroup="0::/../../outside\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "cpu.max").write_text("1000 100000")
    assert found(root, "cgroup limits").state == "ok"
    (root / "proc/version").unlink()
    (root / "proc/version").symlink_to("/dev/zero")
    assert found(root, "preemption").state == "note"


def test_what_is_promised_and_then_refused_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    [first, *_] = tried(examine_realtime(system(tmp_path)))
    assert (first.name, first.state) == ("scheduling class", "note")
    assert "can be had: RLIMIT_RTPRIO is 95; but SCHED_FIFO is refused" in first.told


def test_the_command_tells_it_and_its_exit_code_whether_sound_is_sure_to_drop_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examine(root: Path = system(tmp_path)):  # noqa: B008 (made once)
        return examine_realtime(root)

    monkeypatch.setattr(realtime, "tried", lambda findings: findings)
    monkeypatch.setattr(realtime, "examine_realtime", examine)
    assert cli.run(["doctor", "--realtime"]) == 0
    assert "ok       frequency scaling: frequencies are governed by performance" in capsys.readouterr().out
    system(tmp_path, **{"sys__fs__cgroup__user__cpu.max": "50000 100000"})
    assert cli.run(["doctor", "--realtime", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["on_time"] is False
    assert {"name", "state", "told", "mend", "means"} == set(answer["findings"][0])
