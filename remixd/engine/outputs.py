"""How a session's sound leaves the engine: on the render thread, in a device's callback, into a file.

Thread: [housekeeping], but for the file writer's own thread.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from remixd._kernel.feed import Feed
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd._kernel.shared import SessionMemory
from remixd.engine.device import DeviceError, DeviceStream, find_now
from remixd.engine.hosts import Hosts
from remixd.engine.wave_file import WaveFile
from remixd.units import PACKET_FRAMES, RATE_HZ

RETRY_S: Final = 1.0
FADE_S: Final = 0.05
SLACK_FRAMES: Final = 32
"""By so many a device asks for more in one go, on average, that is a little late now and then."""


class Output(Protocol):
    """What plays one session."""

    @property
    def state(self) -> str:
        """`playing`, or what is wrong, in words."""

    @property
    def latency_s(self) -> float:
        """From the moment a frame is rendered until it is heard, beyond the stated lead."""

    def tick(self) -> None:
        """Look after it; called about four times a second."""

    @property
    def cost(self) -> float:
        """The share of a core that it takes beside the render thread."""

    @property
    def frames_together(self) -> int:
        """Frames that are rendered in one go now, with no pause in which anybody could answer."""

    @property
    def faded(self) -> tuple[int, int]:
        """After `close`: one past the last sample that was heard, and the frames over which it faded out.

        (0, 0) where it was the render thread's last packet.
        """

    def fade(self) -> None:
        """Begin to fade out; `close` follows."""

    def close(self) -> None:
        """Fade out and stop. Afterwards nobody renders the session."""


class HostOutput:
    """The render thread plays it: stream, and null. With `anchor_ns`, on the clock that it had before."""

    state = "playing"
    latency_s = 0.0
    cost = 0.0
    faded = (0, 0)
    frames_together = PACKET_FRAMES

    def __init__(
        self,
        host: Hosts,
        session: Session,
        memory: SessionMemory,
        lead_ns: int,
        *,
        paced: bool,
        anchor_ns: int = 0,
    ) -> None:
        self._host = host
        self._session = session
        host.add(session, memory.commands, memory.ring, lead_ns, paced, anchor_ns)

    def tick(self) -> None:
        """Nothing can go wrong here that the render thread does not tell."""

    def fade(self) -> None:
        """Begin to fade out."""
        self._host.leave(self._session.key)

    def close(self) -> None:
        """Fade out and stop."""
        self.fade()
        self._host.wait_until_free(self._session.key)


class FileOutput:
    """The render thread plays it in real time; a thread writes the packets into a 24-bit WAV file.

    With `before`, the ring of an engine that died, it goes on with the file that this one wrote.
    """

    latency_s = 0.0
    cost = 0.0
    faded = (0, 0)
    frames_together = PACKET_FRAMES

    def __init__(
        self,
        host: Hosts,
        session: Session,
        memory: SessionMemory,
        lead_ns: int,
        path: Path,
        *,
        anchor_ns: int = 0,
        before: PacketRing | None = None,
    ) -> None:
        self.state = "playing"
        self._wave = WaveFile(path, again=before is not None)
        self._ring = memory.ring
        self._before = before
        self._done = threading.Event()
        self._inner = HostOutput(host, session, memory, lead_ns, paced=True, anchor_ns=anchor_ns)
        self._thread = threading.Thread(target=self._run, name="file", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._before is not None:
            self._write_from(self._before, self._before.oldest)
            self._before = None
        sequence = 1
        last = False
        while not last and self.state == "playing":
            last = self._done.wait(0.05)
            sequence = self._write_from(self._ring, sequence)

    def _write_from(self, ring: PacketRing, sequence: int) -> int:
        try:
            while sequence <= ring.newest:
                packet = ring.read(sequence)
                if packet is None:  # overtaken: silence stands where it was
                    sequence = max(ring.oldest, sequence + 1)
                    continue
                self._wave.write(packet.sample, np.frombuffer(packet.pcm, dtype="<f4"))
                sequence += 1
            self._wave.flush()
        except OSError as error:
            self.state = f"lost: {error.strerror}"
        return sequence

    def tick(self) -> None:
        """The writer tells by its state."""

    def fade(self) -> None:
        """Begin to fade out."""
        self._inner.fade()

    def close(self) -> None:
        """Fade out, write what is left, close the file."""
        self._inner.close()
        self._done.set()
        self._thread.join(timeout=2.0)
        try:
            self._wave.close()
        except OSError as error:
            self.state = f"lost: {error.strerror}"


class DeviceOutput:
    """A sound device plays it, in its own callback.

    When the device vanishes the render thread takes the session over, so that its clock goes on, and the
    device is tried again every second: unless PortAudio does not let go of it (a JACK server that died).
    With `anchor_ns` a session goes on that had a device before: on the render thread, until `tick` has opened
    that again.
    """

    def __init__(
        self,
        host: Hosts,
        session: Session,
        memory: SessionMemory,
        lead_ns: int,
        name: str,
        block_frames: int,
        *,
        anchor_ns: int = 0,
    ) -> None:
        self.state = "playing"
        self._host = host
        self._session = session
        self._memory = memory
        self._lead_ns = lead_ns
        self._name = name
        self._block_frames = block_frames
        self._feed: Feed
        self._stream: DeviceStream | None = None
        self._retry_at = 0.0
        self._anchor_ns = anchor_ns
        self._may_retry = True
        if anchor_ns:
            self._to_host("lost: its engine died; the device is opened again")
            self._retry_at = 0.0
        else:
            self._open()

    def _open(self) -> None:
        self._feed = Feed(self._session, self._memory.commands, self._memory.ring)
        self._stream = DeviceStream(self._feed, self._name, self._block_frames)
        self.state = "playing"

    @property
    def latency_s(self) -> float:
        """The device's own output latency."""
        return self._stream.latency_s if self._stream else 0.0

    @property
    def cost(self) -> float:
        """The share of a core that the callback takes; none while the render thread plays it."""
        return self._feed.cost if self._stream else 0.0

    @property
    def frames_together(self) -> int:
        """The block that was asked for, several where the device has larger ones; else a packet."""
        if self._stream is None:
            return PACKET_FRAMES
        return max(self._block_frames, self._feed.frames_together - SLACK_FRAMES)

    @property
    def faded(self) -> tuple[int, int]:
        """Where the callback faded it out; (0, 0) where the render thread did."""
        return self._feed.fade if self._stream else (0, 0)

    def tick(self) -> None:
        """Notice a device that has stopped asking; try one again that was lost."""
        if self._stream is not None and not self._stream.is_alive:
            self._lose(self._stream)
        elif self._stream is None and self._may_retry and time.monotonic() >= self._retry_at:
            self._retry()

    def _lose(self, stream: DeviceStream) -> None:
        name = stream.device["name"]
        self._may_retry = stream.close()
        self._stream = None
        played_ns = self._session.clock * 1_000_000_000 // RATE_HZ
        self._anchor_ns = (self._feed.called_ns or time.monotonic_ns()) + self._lead_ns - played_ns
        if self._may_retry:
            self._to_host(f"lost: {name} no longer asks for sound; it is tried again every second")
        else:
            self._to_host(f"lost: {name} is gone, and PortAudio does not let go of it: start a new daemon")

    def _to_host(self, state: str) -> None:
        self.state = state
        self._retry_at = time.monotonic() + RETRY_S
        self._host.add(
            self._session, self._memory.commands, self._memory.ring, self._lead_ns, anchor_ns=self._anchor_ns
        )

    def _retry(self) -> None:
        """Take the session back only once the device is there: the render thread keeps its clock so long."""
        self._retry_at = time.monotonic() + RETRY_S
        try:
            find_now(self._name)
        except DeviceError as error:
            self.state = f"lost: {error}"
            return
        self._host.release(self._session.key)
        self._host.wait_until_free(self._session.key)
        try:
            self._open()
        except DeviceError as error:
            self._to_host(f"lost: {error}")

    def fade(self) -> None:
        """Begin to fade out."""
        if self._stream is None:
            self._host.leave(self._session.key)
        else:
            self._feed.leave()

    def close(self) -> None:
        """Fade out and stop."""
        self.fade()
        if self._stream is None:
            self._host.wait_until_free(self._session.key)
            return
        time.sleep(FADE_S)
        self._stream.close()
