"""A JACK server of the bench's own, and what arrives at its ports, to the sample.

The capture runs in a process of its own, so that nothing the bench does can make it late.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.errors import Unavailable
from remixd.units import RATE_HZ

START_S: Final = 10.0
PRIORITY: Final = 70


def import_jack() -> Any:
    """The JACK-Client package. Raises Unavailable, saying what to install, if something is missing."""
    if shutil.which("jackd") is None:
        raise Unavailable("jackd is not installed: on Debian, apt install jackd2")
    try:
        import jack
    except ImportError:
        raise Unavailable("JACK-Client is not installed: pip install 'remixd[bench]'") from None
    except OSError as error:
        raise Unavailable(f"libjack cannot be loaded: {error}") from None
    jack.set_error_function(lambda _: None)
    jack.set_info_function(lambda _: None)
    return jack


@contextmanager
def jack_server(block: int) -> Iterator[str]:
    """Run a real-time server with a dummy driver; yields its name. Raises Unavailable if it does not."""
    jack = import_jack()
    name = f"remixd-{uuid.uuid4().hex[:8]}"
    words = ("-R", "-P", str(PRIORITY), "-n", name, "-d", "dummy", "-r", str(RATE_HZ), "-p", str(block))
    process = subprocess.Popen(
        ["jackd", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_S
        while not _answers(jack, name):
            if process.poll() is not None:  # without a word, when eight that were killed fill its registry
                raise Unavailable(
                    f"jackd ends at its start with status {process.returncode}; "
                    "if none runs, remove /dev/shm/jack-shm-registry"
                )
            if time.monotonic() > until:
                raise Unavailable(f"the JACK server does not answer: jackd {' '.join(words)}")
            time.sleep(0.05)
        yield name
    finally:
        process.terminate()
        process.wait()


def _answers(jack: Any, name: str) -> bool:
    try:
        jack.Client("knock", servername=name, no_start_server=True).close()
    except jack.JackOpenError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What arrived at a port.

    Attributes:
        samples: float32, one channel, block after block.
        there_ns: when each block was there, by the monotonic clock.
        block: frames of one.
        lost: blocks that never came to this client.
    """

    samples: NDArray[np.float32]
    there_ns: NDArray[np.int64]
    block: int
    lost: int

    def index_at(self, moment_ns: int) -> int:
        """The first sample of the first block that was there after a moment."""
        return int(np.searchsorted(self.there_ns, moment_ns)) * self.block

    def time_ns(self, index: int) -> float:
        """When a sample is at the port: when its block was, and its place in it."""
        return float(self.there_ns[index // self.block]) + index % self.block * 1e9 / RATE_HZ


class Capture:
    """Records the first output of whoever plays on a server, from `connect` to `stop`."""

    def __init__(self, server: str, seconds_max: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="remixd-bench-")
        self._path = Path(self._folder.name) / "captured.npz"
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.capture", server, str(seconds_max), self._path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._expect("ready")

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        said = self._process.stdout.readline().strip()
        if said != word:
            raise Unavailable(f"the capture at the JACK port failed: {said or 'it ended'}")

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def connect(self) -> None:
        """Connect to the one client that plays. Raises Unavailable if there is none."""
        self._say("connect")
        self._expect("connected")

    def stop(self) -> Captured:
        """End it; what it recorded."""
        self._say("stop")
        self._expect("kept")
        with np.load(self._path) as kept:
            return Captured(
                samples=kept["samples"],
                there_ns=kept["there_ns"],
                block=int(kept["block"]),
                lost=int(kept["lost"]),
            )

    def close(self) -> None:
        """End the process, and forget what it kept."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()
