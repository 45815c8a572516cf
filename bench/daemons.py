"""The real daemon, in a process of its own, on a library and a runtime folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from remixd._kernel.presence import started_ticks
from remixd._kernel.ring import PacketRing
from remixd._kernel.shared import SessionMemory
from remixd.client import Client
from remixd.config import runtime_path
from remixd.errors import Unavailable
from remixd.units import StemRole

from .children import end
from .songs import PLAIN, Audio, Form, write_song

READY: Final = "remixd is listening on "
STOP_S: Final = 20.0


class Daemon:
    """A daemon with one song in its library.

    Attributes:
        address: HOST:PORT.
        track: the id of its song.
        pid: of the process that answers calls.
        runtime: the folder in shared memory where its engines are.
    """

    def __init__(self, library: Path, log: TextIO, environment: Mapping[str, str], options: tuple[str, ...]):
        self._log = log
        self.runtime = Path(environment["REMIXD_RUNTIME"])
        self._command = [sys.executable, "-m", "remixd", "serve", "--library", str(library), *options]
        self._environment = environment
        self._process: subprocess.Popen[str]
        self._opened: dict[Path, tuple[int, SessionMemory]] = {}
        try:
            self._start()
            with self.client() as client:
                self.track = client.tracks()[0].id
        except BaseException:  # an interrupt leaves none behind
            self.stop()
            raise

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [*self._command, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=self._log.fileno(), text=True, env=self._environment,
        )  # fmt: skip
        self.pid = self._process.pid
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            self.stop()
            self._log.seek(0)
            raise Unavailable(f"the daemon did not start: {(self._log.read().splitlines() or [''])[-1]}")
        self.address = line.removeprefix(READY).partition(",")[0]

    def replace(self) -> None:
        """Kill the process that answers calls, and start another on the same library."""
        self._process.kill()
        self.stop()
        self._start()

    def stop(self) -> None:
        """End it, in order if it can."""
        end(self._process, patience_s=0.0, stop_s=STOP_S)

    def client(self) -> Client:
        """A client of this daemon."""
        return Client(self.address)

    def engine_pids(self) -> list[int]:
        """The processes that render, the spare too; that which was started first comes first."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
        engines = [
            int(pid) for pid in children if b"remixd.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return sorted(engines, key=lambda pid: (started_ticks(pid), pid))

    def engine_pid(self) -> int:
        """The process that renders."""
        return self.engine_pids()[0]

    def memories(self) -> dict[str, SessionMemory]:
        """What each session shares with its engine now, by its key."""
        engines = [engine for instance in self.runtime.iterdir() for engine in instance.iterdir()]
        there = {path for engine in engines for path in _sessions(engine)}
        for gone in self._opened.keys() - there:
            del self._opened[gone]
        for path in there - self._opened.keys():
            with contextlib.suppress(OSError, ValueError):  # it comes, or goes, at this moment
                self._opened[path] = path.stat().st_mtime_ns, SessionMemory(path)
        newest: dict[str, tuple[int, SessionMemory]] = {}
        for path, opened in self._opened.items():
            newest[path.name] = max(newest.get(path.name, opened), opened, key=lambda each: each[0])
        return {key: memory for key, (_, memory) in newest.items()}

    def ring(self) -> PacketRing:
        """The packet ring of the one session that plays: when each packet is due, and when it was ready."""
        [path] = self.runtime.glob("*/engine-*/session-*")
        return SessionMemory(path).ring


@contextmanager
def running_daemon(
    stems: Mapping[StemRole, Audio],
    environment: Mapping[str, str] | None = None,
    *options: str,
    form: Form = PLAIN,
) -> Iterator[Daemon]:
    """Import a song of some form and serve it until the block ends, with more `options` of `remixd serve`.

    Raises Unavailable with the last line of its log if it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="remixd-bench-"))
    runtime = Path(tempfile.mkdtemp(prefix="remixd-bench-", dir=runtime_path().parent))
    surroundings = {**os.environ, **(environment or {}), "REMIXD_RUNTIME": str(runtime)}
    surroundings["REMIXD_STATE"] = str(folder / "state")
    try:
        song = write_song(folder / "song", stems, form)
        library = folder / "library"
        _remixd("import", str(song), "--library", str(library), environment=surroundings)
        with (folder / "log").open("w+", encoding="utf-8") as log:
            daemon = Daemon(library, log, surroundings, options)
            try:
                yield daemon
            finally:
                daemon.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


def _sessions(engine: Path) -> list[Path]:
    """The files that an engine shares; none if it has just ended."""
    try:
        return [path for path in engine.iterdir() if path.name.startswith("session-")]
    except OSError:
        return []


def _remixd(*words: str, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "remixd", *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip().splitlines()[-1])


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Memory of a process that is resident now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
