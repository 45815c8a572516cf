"""A JACK server of the bench's own, and what arrives at its ports, to the sample.

The capture runs in a process of its own, so that nothing the bench does can make it late.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.errors import Unavailable
from remixd.units import RATE_HZ

from .children import Child, end
from .shares import held_back

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
    process = None
    try:
        with held_back():  # else one that begins at that moment would stay
            process = subprocess.Popen(
                ["jackd", *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
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
        if process is not None:
            end(process, patience_s=0.0)


def _answers(jack: Any, name: str) -> bool:
    with held_back():  # JACK calls back while it fails
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
        frames: when each began, by the server's clock, which counts frames.
        block: frames of one.
    """

    samples: NDArray[np.float32]
    there_ns: NDArray[np.int64]
    frames: NDArray[np.int64]
    block: int

    @property
    def lost(self) -> int:
        """Blocks between the first and the last that never came to this client."""
        return int(np.sum(np.diff(self.frames) // self.block - 1))

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The pieces of samples in [start, end) in which no block is missing: of each [first, last)."""
        first, last = max(start, 0) // self.block, -(-min(end, len(self.samples)) // self.block)
        gaps = first + 1 + np.flatnonzero(np.diff(self.frames[first:last]) != self.block)
        edges = [max(start, 0), *(gaps * self.block).tolist(), min(end, len(self.samples))]
        yield from pairwise(edges)

    def is_whole(self, start: int, end: int) -> bool:
        """Whether no block is missing among those that samples in [start, end) are in."""
        return len(list(self.pieces(start, end))) == 1

    def index_at(self, moment_ns: int) -> int:
        """The first sample of the first block that was there after a moment."""
        return int(np.searchsorted(self.there_ns, moment_ns)) * self.block

    def there_of(self, index: int) -> float:
        """When the block of a sample was there."""
        return float(self.there_ns[index // self.block])

    def time_ns(self, index: int) -> float:
        """When a sample is at the port: when its block was, and its place in it."""
        return self.there_of(index) + index % self.block * 1e9 / RATE_HZ

    def frame_of(self, index: int) -> int:
        """The place of a sample on the server's clock."""
        return int(self.frames[index // self.block]) + index % self.block


class Capture(Child):
    """Records the first output of whoever plays on a server, from `connect` on.

    Args:
        server: its name.
        seconds_max: how much there is room for between one `take` and the next.
    """

    def __init__(self, server: str, seconds_max: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="remixd-bench-")
        self._path = Path(self._folder.name) / "captured.npz"
        super().__init__(f"{__package__}.capture", server, seconds_max, self._path)

    def _begin(self) -> None:
        _expect("ready", self._line())

    def connect(self) -> None:
        """Connect to the one client that plays. Raises Unavailable if there is none."""
        _expect("connected", self._ask("connect"))

    def take(self) -> Captured:
        """What it recorded since it was connected, or since the last `take`."""
        _expect("kept", self._ask("take"))
        with np.load(self._path) as kept:
            arrays = {name: kept[name] for name in ("samples", "there_ns", "frames")}
            return Captured(block=int(kept["block"]), **arrays)

    def close(self) -> None:
        """End the process, and forget what it kept."""
        super().close()
        self._folder.cleanup()


def _expect(word: str, said: str) -> None:
    if said != word:
        raise Unavailable(f"the capture at the JACK port failed: {said or 'it ended'}")
