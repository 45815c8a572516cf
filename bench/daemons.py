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
from typing import Final

from remixd._kernel.ring import PacketRing
from remixd._kernel.shared import SessionMemory
from remixd.client import Client
from remixd.config import runtime_path
from remixd.errors import Unavailable
from remixd.units import StemRole

from .songs import Audio, write_song

READY: Final = "remixd is listening on "
STOP_S: Final = 20.0


class Daemon:
    """A daemon with one song in its library.

    Attributes:
        address: HOST:PORT.
        track: the id of its song.
        pid: of the process that answers calls.
    """

    def __init__(self, process: subprocess.Popen[str], address: str, track: str, runtime: Path) -> None:
        self.address = address
        self.track = track
        self.pid = process.pid
        self._runtime = runtime

    def client(self) -> Client:
        """A client of this daemon."""
        return Client(self.address)

    def engine_pid(self) -> int:
        """The process that renders."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
        [engine] = [pid for pid in children if b"remixd.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return int(engine)

    def ring(self) -> PacketRing:
        """The packet ring of the one session that plays: when each packet is due, and when it was ready."""
        [path] = self._runtime.glob("*/engine-*/session-*")
        return SessionMemory(path).ring


@contextmanager
def running_daemon(
    stems: Mapping[StemRole, Audio], environment: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    """Import a song and serve it until the block ends.

    Raises Unavailable with the last line of its log if it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="remixd-bench-"))
    runtime = Path(tempfile.mkdtemp(prefix="remixd-bench-", dir=runtime_path().parent))
    surroundings = {**os.environ, **(environment or {}), "REMIXD_RUNTIME": str(runtime)}
    try:
        song = write_song(folder / "song", dict(stems))
        library = folder / "library"
        _remixd("import", str(song), "--library", str(library), environment=surroundings)
        with (folder / "log").open("w+", encoding="utf-8") as log, _serving(
            library, log.fileno(), surroundings
        ) as process:  # fmt: skip
            assert process.stdout is not None  # noqa: S101 (it is a pipe)
            line = process.stdout.readline()
            if not line.startswith(READY):
                log.seek(0)
                raise Unavailable(f"the daemon did not start: {(log.read().splitlines() or [''])[-1]}")
            address = line.removeprefix(READY).partition(",")[0]
            with Client(address) as client:
                track = client.tracks()[0].id
            yield Daemon(process, address, track, runtime)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


@contextmanager
def _serving(library: Path, log: int, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "remixd", "serve", "--listen", "127.0.0.1:0", "--library", library],
        stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(OSError):
            if process.stdout is not None:
                process.stdout.close()


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
