"""A daemon in a process of its own, and commands beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from remixd.client import Client
from remixd.config import runtime_path
from remixd.control.encoder import write_audio
from remixd.control.supervisor import instance_path
from remixd.track.analysis import Analysis, Section
from remixd.units import RATE_HZ

STEMS_HZ = {"bass": 110.0, "vocals": 1000.0, "other": 2750.0}
"""Every stem of the song is one sine, so that its share of a mix can be told."""

SONG_S = 8.0


def write_song(
    folder: Path,
    stems_hz: Mapping[str, float] = STEMS_HZ,
    seconds: float = SONG_S,
    amplitude: float = 0.2,
    key: str | None = None,
) -> Path:
    """Write a song of sines, one a stem, at 120 bpm, that is ready to be imported; its folder."""
    folder.mkdir(parents=True)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    for name, frequency_hz in stems_hz.items():
        wave = (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
        write_audio(folder / f"{name}.wav", iter([np.stack([wave, wave], axis=1)]), RATE_HZ)
    beats_s = tuple(np.arange(0.0, seconds, 0.5).tolist())
    analysis = Analysis(
        source="demo", duration_s=seconds, bpm=120.0, metre="4/4", key=key, beats_s=beats_s,
        downbeats_s=beats_s[::4], sections=(Section(start_s=0.0, end_s=seconds, label="all of it"),),
    )  # fmt: skip
    (folder / "analysis.json").write_text(analysis.to_json())
    return folder


class Daemon:
    """`remixd serve`, from its ready line to its end."""

    def __init__(
        self,
        library: Path,
        errors: Path,
        *options: str,
        state: Path | None = None,
        listen: str = "127.0.0.1:0",
    ) -> None:
        self.library = library
        self.log = errors
        self.state = state or errors.with_suffix(".state")
        self._options = options
        self._next: Daemon | None = None
        with errors.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "remixd", "serve", "--listen", listen, "--library", library,
                 *options],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env={"REMIXD_WEB": "off"} | os.environ | {"REMIXD_STATE": str(self.state)},
            )  # fmt: skip
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        if not ready:
            self.stop()
        assert ready.startswith("remixd is listening on 127.0.0.1:"), errors.read_text()
        self.address = ready.removeprefix("remixd is listening on ").partition(",")[0]

    def client(self, timeout_s: float = 10.0, **options: Any) -> Client:
        return Client(self.address, timeout_s=timeout_s, **options)

    @property
    def pid(self) -> int:
        """The process that answers calls."""
        return self._next.pid if self._next else self.process.pid

    @property
    def engines(self) -> set[int]:
        """The processes that render, the spare too."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
        return {int(pid) for pid in children if b"remixd.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()}

    @property
    def runtime(self) -> Path:
        """Where its engines keep their shared memory."""
        return instance_path(runtime_path(), self.library)

    def kill(self) -> Daemon:
        """Kill it, and start another on the same library, at the same address."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._next = Daemon(
            self.library, self.log.with_suffix(".next"), *self._options, state=self.state, listen=self.address
        )
        return self._next

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        if self._next is not None:
            return self._next.stop()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.process.stdout.close()
        return code


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line."""
    return subprocess.run(
        [sys.executable, "-m", "remixd", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=240, env=os.environ | environment,
    )  # fmt: skip
