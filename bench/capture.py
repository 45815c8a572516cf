"""`python -m remixd.bench.capture SERVER SECONDS_MAX FILE`: record a JACK port, told by lines on stdin.

`connect` connects to the first output of whoever plays, and begins to record; `take` keeps in FILE what was
recorded since, and begins anew; it ends with its input. Every line is answered by one word, or a sentence
that says what went wrong.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import numpy as np

from remixd.units import RATE_HZ

from .jacks import import_jack


class Recorder:
    """Takes every block of one input port, and the moment it was there.

    The moment is that of this client's turn in the cycle, by the monotonic clock. The server's own estimate
    of when the cycle began is smoothed, and milliseconds off for a while after a cycle that was late.
    """

    def __init__(self, client: Any, seconds_max: float) -> None:
        self._client = client
        self._port = client.inports.register("ear")
        self._block = client.blocksize
        count = int(seconds_max * RATE_HZ) // self._block
        self._samples = np.zeros((count, self._block), dtype=np.float32)
        self._there_ns = np.zeros(count, dtype=np.int64)
        self._frames = np.zeros(count, dtype=np.int64)
        self._taken = 0
        self._recording = False
        client.set_process_callback(self._process)

    def _process(self, frames: int) -> None:
        at = self._taken
        if self._recording and at < len(self._samples) and frames == self._block:
            self._there_ns[at] = time.monotonic_ns()
            self._frames[at] = self._client.last_frame_time
            self._samples[at] = self._port.get_array()
            self._taken = at + 1

    def connect(self) -> str:
        """Connect, and begin to record."""
        outputs = self._client.get_ports(is_audio=True, is_output=True)
        sources = [port for port in outputs if not port.is_physical]
        if not sources:
            return "nobody plays"
        self._client.connect(sources[0], self._port)
        self._recording = True
        return "connected"

    def take(self, path: str) -> str:
        """Write what was recorded, and begin anew."""
        self._recording = False
        taken = self._taken
        np.savez(
            path,
            samples=self._samples[:taken].reshape(-1),
            there_ns=self._there_ns[:taken],
            frames=self._frames[:taken],
            block=self._block,
        )
        self._taken = 0
        self._recording = True
        return "kept"


def main(server: str, seconds_max: str, path: str) -> None:
    """Serve the lines of stdin."""
    jack = import_jack()
    client = jack.Client("remixd-bench", servername=server, no_start_server=True)
    recorder = Recorder(client, float(seconds_max))
    gc.collect()
    gc.disable()
    with client:
        print("ready", flush=True)
        for line in sys.stdin:
            answer = recorder.connect() if line.strip() == "connect" else recorder.take(path)
            print(answer, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
