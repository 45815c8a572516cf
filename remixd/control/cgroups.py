"""What the control groups of this process allow it, of either version. Thread: [control].

Limits of a group hold for all below it, so every group from this process's up to the root is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from remixd.config import size_text
from remixd.control.checkup import State

MOUNT: Final = "sys/fs/cgroup"
DEPTH: Final = 64
"""The most groups above each other that are looked at."""
MEMORY_LEAST_BYTES: Final = 1_000_000_000
UNLIMITED_BYTES: Final = 1 << 60
"""Version 1 writes a number near 2 ** 63 where there is no limit."""

Read = Callable[[str], str | None]


def whole(text: str | None) -> int | None:
    """A whole number of at most nineteen digits; None for anything else."""
    if text is None or not re.fullmatch(r"-?[0-9]{1,19}", text.strip()):
        return None
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The least of each limit on the way up.

    Attributes:
        cores: of CPU time; None without a limit.
        period_ms: how long a group stands still at most once that is used up.
        throttled: how often that happened.
        memory_bytes: None without a limit.
        realtime_us: what version 1 gives to real-time threads a period; None where it is not said.
    """

    cores: float | None = None
    period_ms: float = 0.0
    throttled: int = 0
    memory_bytes: int | None = None
    realtime_us: int | None = None

    @classmethod
    def of(cls, read: Read, membership: str) -> Groups:
        """Read the groups.

        Args:
            read: the text of a file below the root, None if there is none.
            membership: of /proc/self/cgroup: lines of `number:controllers:path`.
        """
        quotas: list[tuple[float, float]] = []
        memories, realtimes, throttled = [], [], 0
        for folder in _folders(membership):
            quotas += _quota(read, folder)
            for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
                value = whole(read(f"{folder}/{name}"))
                if value is not None and value < UNLIMITED_BYTES:
                    memories.append(value)
            runtime_us = whole(read(f"{folder}/cpu.rt_runtime_us"))
            realtimes += [] if runtime_us is None else [runtime_us]
            found = re.search(r"^nr_throttled ([0-9]{1,18})$", read(f"{folder}/cpu.stat") or "", re.MULTILINE)
            throttled = max(throttled, int(found.group(1)) if found else 0)
        cores, period_ms = min(quotas, default=(None, 0.0))
        return cls(
            cores=cores, period_ms=period_ms, throttled=throttled,
            memory_bytes=min(memories, default=None), realtime_us=min(realtimes, default=None),
        )  # fmt: skip


def cgroup_limits(groups: Groups) -> tuple[State, str, str]:
    """What the limits mean: state, sentence, and what mends it."""
    if groups.realtime_us is not None and groups.realtime_us <= 0:
        told = "cpu.rt_runtime_us is 0: this group may have no real-time threads"
        return "note", told, "echo 950000 | sudo tee /sys/fs/cgroup/cpu/GROUP/cpu.rt_runtime_us"
    told = "no limit of CPU time"
    if groups.cores is not None:
        told = f"CPU time of {groups.cores:.3g} cores by periods of {groups.period_ms:g} ms"
        told += f", used up {groups.throttled} times"
    memory = groups.memory_bytes
    told += ", none of memory" if memory is None else f", {size_text(max(memory, 0))} of memory"
    if groups.cores is not None and (groups.cores < 1.0 or groups.throttled):
        state: State = "problem" if groups.cores < 1.0 else "note"
        return state, told, "docker run --cpus=0, or systemctl set-property UNIT CPUQuota="
    if memory is not None and memory < MEMORY_LEAST_BYTES:
        return "note", told, "docker run --memory=0, or systemctl set-property UNIT MemoryMax=infinity"
    return "ok", told, ""


def _folders(membership: str) -> Iterator[str]:
    """Folders of the groups and of those above them, below the root; version 1 has one a controller."""
    for line in membership.splitlines()[:DEPTH]:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path.startswith("/") or ".." in path or "\0" in path:
            continue
        if number == "0" and not controllers:
            bases = [MOUNT, f"{MOUNT}/unified"]
        else:
            names = set(controllers.split(",")) & {"cpu", "memory"}
            bases = [f"{MOUNT}/{controllers}", *(f"{MOUNT}/{name}" for name in names)] if names else []
        within = PurePosixPath(path)
        for base in dict.fromkeys(bases):
            for group in [within, *within.parents][:DEPTH]:
                yield f"{base}/{str(group).lstrip('/')}".rstrip("/")


def _quota(read: Read, folder: str) -> list[tuple[float, float]]:
    """Cores and the period in ms that a group is limited to; nothing if it is not."""
    both = (read(f"{folder}/cpu.max") or "").split()
    if len(both) != 2:
        both = [read(f"{folder}/cpu.cfs_quota_us") or "", read(f"{folder}/cpu.cfs_period_us") or ""]
    quota_us, period_us = whole(both[0]), whole(both[1])
    if quota_us is None or not period_us or quota_us < 0 or period_us < 0:
        return []
    return [(quota_us / period_us, period_us / 1e3)]
