"""What does it take to import a song, and to build its cache: CPU time, and the most memory at a time?

The demo song's stems, looped to three minutes, go through the importer's own worker processes, each on one
thread: the import (decoding, keeping, analysis), then the cache (phase trees). So does a full mix, which is
split. CPU time is the kernel's count for the process, memory its high-water mark, what it maps included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from remixd.config import ONE_THREAD
from remixd.demo import Song
from remixd.demo.folder import write_song
from remixd.errors import RemixdError

from .results import Limit
from .runner import Task

SONG_S: Final = 180.0
SONG_QUICK_S: Final = 10.0
SECTIONS_QUICK: Final = ("verse",)
STEMS: Final = ("drums", "bass", "other", "vocals.en")
ROUNDS: Final = 3
RATE_HZ: Final = 48_000
CPU_LIMIT: Final = (Limit(statistic="median", at_most=60.0 / 180.0),)
MEMORY_LIMIT: Final = (Limit(statistic="max", at_most=1500.0),)
_LOOK_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a worker took: seconds of CPU, megabytes at most, and its last word."""

    cpu_s: float
    peak_mb: float
    said: Mapping[str, object]


def run(task: Task) -> None:
    """Import, and cache, a song of stems and a mix."""
    song_s, rounds = (SONG_QUICK_S, 1) if task.quick else (SONG_S, ROUNDS)
    task.settings(song_s=song_s, rounds=rounds, stems=len(STEMS), rate_hz=RATE_HZ)
    with tempfile.TemporaryDirectory(prefix="remixd-bench-") as folder:
        task.tell("making the songs")
        demo = Song(sections=SECTIONS_QUICK) if task.quick else Song()
        songs = make_songs(Path(folder) / "songs", song_s, demo)
        for name, song in songs.items():
            task.tell(f"{name}, {rounds} times")
            _measure(
                task, name, song, song_s, [Path(folder) / f"{name}-{number}" for number in range(rounds)]
            )


def _measure(task: Task, name: str, song: Path, song_s: float, libraries: list[Path]) -> None:
    imports, caches = [], []
    for library in libraries:
        imports.append(worker("import", song, f"--library={library}"))
        track = imports[-1].said["track"]
        assert isinstance(track, dict)  # noqa: S101 (the worker's own word)
        caches.append(worker("cache", track["id"], f"--library={library}", f"--cache-max={10**12}"))
    both = [one.cpu_s + other.cpu_s for one, other in zip(imports, caches, strict=True)]
    for step, costs in (("import", imports), ("cache", caches)):
        case = {"song": name, "step": step}
        task.figure(
            "CPU", "share", [cost.cpu_s / song_s for cost in costs], case, note="of real time, one core"
        )
        task.figure("memory", "MB", [cost.peak_mb for cost in costs], case, limits=MEMORY_LIMIT)
    task.figure(
        "CPU", "share", [cpu_s / song_s for cpu_s in both], {"song": name, "step": "both"},
        limits=CPU_LIMIT, note="of real time, one core",
    )  # fmt: skip


def make_songs(folder: Path, seconds: float, demo: Song) -> dict[str, Path]:
    """The demo song looped to a length, as a folder of stems without an analysis, and its mix as one file."""
    whole = write_song(folder / "demo", demo)
    stems, mix = folder / "stems", folder / "mix.wav"
    stems.mkdir()
    total = np.zeros((round(seconds * RATE_HZ), 2))
    for name in STEMS:
        with wave.open(str(whole / f"{name}.wav")) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 3)
        wide = np.concatenate([np.zeros((len(raw), 1), np.uint8), raw], axis=1).view("<i4")[:, 0]
        pcm = wide.reshape(-1, 2)[np.arange(total.shape[0]) % (wide.size // 2)] >> 8
        _write(stems / f"{name}.wav", pcm)
        total += pcm
    _write(mix, np.clip(total, -(2**23), 2**23 - 1).astype(np.int32))
    return {"stems": stems, "mix": mix}


def _write(path: Path, pcm: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes())


def worker(*arguments: object) -> Cost:
    """Run one ingest worker to its end. Raises RemixdError with what it said, should it fail."""
    words = [sys.executable, "-P", "-m", "remixd.analysis", *map(str, arguments)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD) as process:
        lines: list[str] = []
        assert process.stdout is not None  # noqa: S101 (asked for above)
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        peak_mb = 0.0
        try:
            while reader.is_alive():
                peak_mb = max(peak_mb, _high_water_mb(process.pid))
                reader.join(_LOOK_S)
        except BaseException:  # whoever is interrupted does not wait for it
            process.kill()
            reader.join()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    said = json.loads(lines[-1]) if lines else {}
    if process.returncode or "error" in said:
        raise RemixdError(f"the worker failed: {said.get('error', process.returncode)}")
    return Cost(cpu_s=usage.ru_utime + usage.ru_stime, peak_mb=peak_mb, said=said)


def _high_water_mb(pid: int) -> float:
    """The most memory that a process ever held; 0 if it is gone (proc(5): VmHWM)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )
