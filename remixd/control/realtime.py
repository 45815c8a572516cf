"""What this machine does to a thread that must be on time, as its own files tell it. Thread: [control].

It reads /proc, /sys and /dev under a root that can be another, and changes nothing. What those files hold is
the system's, or of a test that means ill: whatever stands there, each look says one thing about it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from remixd.config import size_text
from remixd.control.cgroups import Groups, cgroup_limits, whole
from remixd.control.checkup import LOCKED_BYTES, PRIORITY, Finding, State, try_locking, try_realtime
from remixd.track.fields import one_line

READ_BYTES: Final = 65_536
"""The most that is read of a file."""
SLACK_DEFAULT_NS: Final = 50_000
IDLE_EXIT_US: Final = 100
"""A core that needs longer to wake up makes what it wakes up for later by a tenth of a short block."""
SHARED_BYTES: Final = 67_108_864
"""What Docker gives; enough for some hundred sessions, and not for engines beside other programs."""
STEAL_SHARE: Final = 0.005
SYS_NICE, IPC_LOCK = 23, 14
"""Bits of CapEff: capabilities(7)."""
SERVERS: Final = {
    "jackd": "JACK", "jackdbus": "JACK", "pipewire": "PipeWire", "pulseaudio": "PulseAudio",
}  # fmt: skip
LIMITS: Final = "/etc/security/limits.d/remixd.conf"

Seen = tuple[State, str, str]
"""State, what was found, and what mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained(Finding):
    """A finding with what it means for sound that has to be on time."""

    means: str


class Tree:
    """The files of a system.

    Args:
        root: the folder that holds its /proc, /sys and /dev.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def read(self, path: str) -> str | None:
        """The beginning of a file as text without its surrounding spaces; None if there is none to read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(READ_BYTES).decode("utf-8", "replace").strip()
        except (OSError, ValueError):
            return None

    def number(self, path: str) -> int | None:
        """The whole number that a file holds; None if it holds none."""
        return whole(self.read(path))

    def paths(self, pattern: str) -> list[Path]:
        """The files that a pattern matches, in order."""
        try:
            return sorted(self.root.glob(pattern))
        except OSError:
            return []

    def contents(self, pattern: str) -> list[str]:
        """What the files that a pattern matches hold."""
        texts = (self.read(str(path.relative_to(self.root))) for path in self.paths(pattern))
        return [text for text in texts if text is not None]


def examine_realtime(root: Path = Path("/")) -> Iterator[Explained]:
    """Look at everything that makes a thread late, one thing after the other.

    Args:
        root: where the system's files are.
    """
    tree = Tree(root)
    for name, means, look in LOOKS:
        state, told, mend = look(tree)
        yield Explained(name=name, state=state, told=one_line(told), mend=mend, means=means)


def _status(tree: Tree, field: str) -> str | None:
    found = re.search(rf"^{field}:\s*(.+)$", tree.read("proc/self/status") or "", re.MULTILINE)
    return found.group(1).strip() if found else None


def _capable(tree: Tree, bit: int) -> bool:
    mask = _status(tree, "CapEff") or ""
    return bool(re.fullmatch(r"[0-9a-fA-F]{1,16}", mask) and int(mask, 16) >> bit & 1)


def _limit(tree: Tree, name: str) -> float | None:
    """The soft limit of this process, without an end as infinity; None if it cannot be read."""
    text = tree.read("proc/self/limits") or ""
    found = re.search(rf"^{re.escape(name)}\s+(unlimited|[0-9]{{1,18}})\s", text, re.MULTILINE)
    if not found:
        return None
    return float("inf") if found.group(1) == "unlimited" else float(found.group(1))


def _scheduling(tree: Tree) -> Seen:
    if _capable(tree, SYS_NICE):
        return "ok", f"SCHED_FIFO {PRIORITY} can be had: this process has CAP_SYS_NICE", ""
    limit = _limit(tree, "Max realtime priority")
    if limit is not None and limit >= PRIORITY:
        return "ok", f"SCHED_FIFO {PRIORITY} can be had: RLIMIT_RTPRIO is {_plain(limit)}", ""
    told = f"SCHED_FIFO {PRIORITY} is refused: RLIMIT_RTPRIO is {_plain(limit)}, and there is no CAP_SYS_NICE"
    if "rtkit-daemon" in tree.contents("proc/[0-9]*/comm"):
        told += "; rtkit runs, which serves sound servers and not remixd"
    return "note", told, f"echo '@audio - rtprio 95' | sudo tee -a {LIMITS}; sudo usermod -aG audio $USER"


def _locked(tree: Tree) -> Seen:
    if _capable(tree, IPC_LOCK):
        return "ok", "all memory can be locked: this process has CAP_IPC_LOCK", ""
    limit = _limit(tree, "Max locked memory")
    shown = "unknown" if limit is None else "unlimited" if limit == float("inf") else size_text(int(limit))
    told = f"RLIMIT_MEMLOCK is {shown}; some sessions lock {size_text(LOCKED_BYTES)}"
    if limit is not None and limit >= LOCKED_BYTES:
        return "ok", told, ""
    return "note", told, f"echo '@audio - memlock unlimited' | sudo tee -a {LIMITS}; log in again"


def _plain(limit: float | None) -> str:
    return "unknown" if limit is None else "unlimited" if limit == float("inf") else f"{limit:.0f}"


def _slack(tree: Tree) -> Seen:
    slack_ns = tree.number("proc/self/timerslack_ns")
    if slack_ns is None:
        return "note", "the timer slack cannot be read", ""
    told = f"{slack_ns / 1e3:g} us; threads of SCHED_FIFO have none, others ask for 1 ns"
    if slack_ns > SLACK_DEFAULT_NS:
        return "note", told, "start remixd from a shell that has the default: cat /proc/$$/timerslack_ns"
    return "ok", told, ""


def _governor(tree: Tree) -> Seen:
    found = sorted(set(tree.contents("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")))
    if not found:
        return "ok", "no frequency scaling that this system could steer", ""
    told = f"frequencies are governed by {', '.join(found)}"
    if found == ["performance"]:
        return "ok", told, ""
    return "note", told, "sudo cpupower frequency-set -g performance"


def _idle(tree: Tree) -> Seen:
    depths = []
    for path in tree.paths("sys/devices/system/cpu/cpu[0-9]*/cpuidle/state[0-9]*"):
        state = str(path.relative_to(tree.root))
        latency_us = tree.number(f"{state}/latency")
        if latency_us is not None and tree.number(f"{state}/disable") != 1:
            depths.append(latency_us)
    if not depths:
        return "ok", "no idle states that this system could steer", ""
    told = f"cores wake up from their deepest sleep in {max(depths)} us"
    if max(depths) <= IDLE_EXIT_US:
        return "ok", told, ""
    return "note", told, f"sudo cpupower idle-set -D {IDLE_EXIT_US}"


def _groups(tree: Tree) -> Seen:
    return cgroup_limits(Groups.of(tree.read, tree.read("proc/self/cgroup") or ""))


def _throttling(tree: Tree) -> Seen:
    runtime_us = tree.number("proc/sys/kernel/sched_rt_runtime_us")
    period_us = tree.number("proc/sys/kernel/sched_rt_period_us") or 1_000_000
    if runtime_us is None:
        return "note", "kernel.sched_rt_runtime_us cannot be read", ""
    if runtime_us == -1:
        return "ok", "threads of SCHED_FIFO may take all of a core (-1)", ""
    told = f"threads of SCHED_FIFO may take {runtime_us / max(period_us, 1):.0%} of {period_us / 1e6:g} s"
    if runtime_us <= 0:
        return "problem", told, "sudo sysctl -w kernel.sched_rt_runtime_us=950000"
    if runtime_us * 10 < period_us * 9:
        return "note", told, "sudo sysctl -w kernel.sched_rt_runtime_us=950000"
    return "ok", told, ""


def _huge_pages(tree: Tree) -> Seen:
    enabled = tree.read("sys/kernel/mm/transparent_hugepage/enabled")
    defrag = tree.read("sys/kernel/mm/transparent_hugepage/defrag")
    if enabled is None:
        return "ok", "this kernel has none", ""
    told = f"enabled: {_chosen(enabled)}; defrag: {_chosen(defrag or '')}"
    if _chosen(enabled) == "always":
        mend = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"
        return "note", told, mend
    return "ok", told, ""


def _chosen(text: str) -> str:
    found = re.search(r"\[(\w+)\]", text)
    return found.group(1) if found else "unknown"


def _swap(tree: Tree) -> Seen:
    lines = (tree.read("proc/swaps") or "").splitlines()[1:]
    sizes_kb = [whole(fields[2]) or 0 for line in lines if len(fields := line.split()) >= 3]
    swappiness = tree.number("proc/sys/vm/swappiness")
    if not sum(sizes_kb):
        return "ok", "there is none", ""
    told = f"{size_text(sum(sizes_kb) * 1024)}, swappiness {'unknown' if swappiness is None else swappiness}"
    if swappiness is not None and swappiness <= 10:
        return "ok", told, ""
    return "note", told, "sudo sysctl -w vm.swappiness=10"


def _servers(tree: Tree) -> Seen:
    running = sorted({SERVERS[name] for name in tree.contents("proc/[0-9]*/comm") if name in SERVERS})
    cards = len(re.findall(r"^\s*[0-9]+ \[", tree.read("proc/asound/cards") or "", re.MULTILINE))
    told = f"{', '.join(running) or 'no sound server'} here, {cards} sound cards"
    if cards and not running:
        return "note", told, "sudo apt-get install -y jackd2 && jackd -R -P 70 -d alsa -r 48000 -p 128"
    if running == ["PulseAudio"]:
        return "note", told, "sudo apt-get install -y pipewire-jack && pw-jack remixd serve"
    return "ok", told, ""


def _shared(tree: Tree) -> Seen:
    try:
        found = os.statvfs(tree.root / "dev/shm")
    except OSError:
        return "problem", "there is no /dev/shm", "sudo mount -t tmpfs -o size=256M tmpfs /dev/shm"
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    told = f"{size_text(total)} of shared memory, {size_text(free)} free"
    if free < SHARED_BYTES:
        return "note", told, "sudo mount -o remount,size=256M /dev/shm (docker run --shm-size=256m)"
    return "ok", told, ""


def _isolation(tree: Tree) -> Seen:
    isolated = tree.read("sys/devices/system/cpu/isolated") or ""
    quiet = tree.read("sys/devices/system/cpu/nohz_full") or ""
    if re.fullmatch(r"[0-9]+(?:[-,][0-9]+)*", isolated):
        ticks = "without" if quiet == isolated else "with"
        return "ok", f"cores {isolated} are kept free of other work, {ticks} ticks", ""
    cores = max(len(tree.paths("sys/devices/system/cpu/cpu[0-9]*")), 1)
    mend = f"add isolcpus={cores - 1} nohz_full={cores - 1} to the kernel's command line" if cores > 2 else ""
    return "ok", f"no core of {cores} is kept free of other work", mend


def _preemption(tree: Tree) -> Seen:
    version = tree.read("proc/version") or ""
    if tree.number("sys/kernel/realtime") == 1 or "PREEMPT_RT" in version:
        return "ok", "a real-time kernel (PREEMPT_RT)", ""
    if "PREEMPT" in version.split() or "PREEMPT_DYNAMIC" in version:
        return "ok", "a kernel that can be preempted", ""
    mend = "sudo apt-get install -y linux-image-rt-amd64, then boot it; or boot with preempt=full"
    return "note", "a kernel that finishes its own work first", mend


def _steal(tree: Tree) -> Seen:
    """The fields of the first line of /proc/stat, proc(5): the eighth is what a hypervisor took."""
    first = (tree.read("proc/stat") or "").partition("\n")[0].split()
    ticks = [whole(word) or 0 for word in first[1:9]]
    if first[:1] != ["cpu"] or len(ticks) < 8 or sum(ticks) <= 0:
        return "note", "the time of the cores cannot be read", ""
    share = max(ticks[7], 0) / sum(ticks)
    told = f"{share:.2%} of the cores' time since the start went to other machines of the same host"
    return (
        ("note", told, "use a host whose cores are not shared") if share > STEAL_SHARE else ("ok", told, "")
    )


Look = Callable[[Tree], Seen]
LOOKS: Final[tuple[tuple[str, str, Look], ...]] = (
    ("scheduling class", "an audio thread that must queue with ordinary ones is late when others work",
     _scheduling),
    ("locked memory", "memory that was written to disk has to be read again in mid-block", _locked),
    ("timer slack", "by so much a sleep of an ordinary thread may be too long", _slack),
    ("frequency scaling", "a core that slows down while it waits renders its first blocks slowly", _governor),
    ("idle states", "a core that sleeps deeply wakes up late", _idle),
    ("cgroup limits", "a group that has used up its time stands still until the next period", _groups),
    ("real-time throttling", "beyond this share the kernel stops audio threads", _throttling),
    ("huge pages", "making a huge page can take milliseconds, in the middle of a block", _huge_pages),
    ("swap", "pages that are not locked may have to be read from disk", _swap),
    ("sound servers", "a device session plays into one of these", _servers),
    ("shared memory", "sessions live in files there; without room no session can be made", _shared),
    ("CPU isolation", "on a core of its own nothing holds up an audio thread", _isolation),
    ("preemption", "a system call of anybody can hold up an audio thread until it is done", _preemption),
    ("stolen time", "what other machines take is missing in the middle of a block", _steal),
)  # fmt: skip


def tried(findings: Iterable[Explained]) -> Iterator[Explained]:
    """The same findings, but what files promise and this process is refused is told as refused."""
    attempts = {"scheduling class": try_realtime, "locked memory": try_locking}
    for finding in findings:
        if finding.state == "ok" and finding.name in attempts:
            state, told, mend = attempts[finding.name]()
            if state != "ok":
                yield replace(finding, state=state, told=f"{finding.told}; but {told}", mend=mend)
                continue
        yield finding
