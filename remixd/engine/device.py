"""Sound devices, through PortAudio: the only place that imports pyaudio."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyaudio

from remixd._kernel.feed import Feed
from remixd.engine.realtime import promote_thread
from remixd.units import RATE_HZ

CHANNELS: Final = 2
STALLED_NS: Final = 500_000_000
"""A device that has not asked for sound for this long is gone."""
CLOSE_S: Final = 1.0
BLOCKS: Final = (32, 1024)
"""The least and greatest frames of a device's block."""


class DeviceError(Exception):
    """A device that is not there, is busy, or cannot play what remixd plays."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what ALSA and JACK print about absent things out of the log. Thread: [housekeeping]."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def open_portaudio() -> pyaudio.PyAudio:
    """PortAudio, with the devices that are there now; it never starts a JACK server by itself."""
    os.environ["JACK_NO_START_SERVER"] = "1"
    with _quiet():
        return pyaudio.PyAudio()


def list_devices(portaudio: pyaudio.PyAudio) -> list[dict[str, Any]]:
    """Every output device: name, host API, channels, rate, latency in seconds, whether it is the default.

    Thread: [housekeeping].
    """
    with contextlib.suppress(OSError):
        default = int(portaudio.get_default_output_device_info()["index"])
        return [_describe(portaudio, info, default) for info in _outputs(portaudio)]
    return [_describe(portaudio, info, None) for info in _outputs(portaudio)]


def _outputs(portaudio: pyaudio.PyAudio) -> list[Mapping[str, Any]]:
    infos = [portaudio.get_device_info_by_index(index) for index in range(portaudio.get_device_count())]
    return [info for info in infos if int(info["maxOutputChannels"]) > 0]


def _describe(portaudio: pyaudio.PyAudio, info: Mapping[str, Any], default: int | None) -> dict[str, Any]:
    return {
        "index": info["index"],
        "name": info["name"],
        "host_api": portaudio.get_host_api_info_by_index(info["hostApi"])["name"],
        "channels": info["maxOutputChannels"],
        "rate_hz": info["defaultSampleRate"],
        "latency_s": info["defaultLowOutputLatency"],
        "default": info["index"] == default,
    }


def find_device(portaudio: pyaudio.PyAudio, name: str) -> dict[str, Any]:
    """The device whose name or host API contains `name`; without a name the default, or else the first.

    Raises DeviceError with the names that there are.
    """
    devices = list_devices(portaudio)
    if not devices:
        raise DeviceError("there is no sound device: no card, and no sound server that runs")
    if not name:
        return next((device for device in devices if device["default"]), devices[0])
    wanted = name.casefold()
    for field in ("name", "host_api"):
        for exact in (True, False):
            for device in devices:
                has = device[field].casefold()
                if has == wanted or (not exact and wanted in has):
                    return device
    known = ", ".join(dict.fromkeys(f"{device['host_api']}: {device['name']}" for device in devices))
    raise DeviceError(f"there is no sound device {name!r}: there are {known}")


def find_now(name: str) -> dict[str, Any]:
    """`find_device` among the devices that are there at this moment. Raises DeviceError."""
    portaudio = open_portaudio()
    try:
        return find_device(portaudio, name)
    finally:
        portaudio.terminate()


class DeviceStream:
    """A device that plays one feed: the callback renders.

    Args:
        feed: what to play.
        name: part of the device's name; empty for the default.
        block_frames: 32 to 1024.

    Raises DeviceError, saying why, if the device is not there, busy, or not for 48 kHz stereo.
    Thread: [housekeeping], but for the callback.
    """

    def __init__(self, feed: Feed, name: str, block_frames: int) -> None:
        if not BLOCKS[0] <= block_frames <= BLOCKS[1]:
            raise DeviceError(f"a device's block has {BLOCKS[0]} to {BLOCKS[1]} frames, not {block_frames}")
        self._feed = feed
        self._promoted = False
        self._portaudio = open_portaudio()
        try:
            self.device = find_device(self._portaudio, name)
            self._check()
            self._stream = self._open(block_frames)
        except BaseException:
            self._portaudio.terminate()
            raise
        self.latency_s = float(self._stream.get_output_latency())
        self._opened_ns = time.monotonic_ns()

    def _check(self) -> None:
        device = self.device
        if device["channels"] < CHANNELS:
            raise DeviceError(
                f"{device['name']} has {device['channels']} output channel; remixd plays stereo"
            )
        try:
            self._portaudio.is_format_supported(
                RATE_HZ,
                output_device=device["index"],
                output_channels=CHANNELS,
                output_format=pyaudio.paFloat32,
            )
        except ValueError as error:
            raise DeviceError(
                f"{device['name']} does not play 48 kHz stereo (its own rate is {device['rate_hz']:g} Hz): "
                f"{error.args[0]}; set it to 48 kHz, or play through a sound server"
            ) from None

    def _open(self, block_frames: int) -> pyaudio.Stream:
        try:
            with _quiet():
                return self._portaudio.open(
                    rate=RATE_HZ,
                    channels=CHANNELS,
                    format=pyaudio.paFloat32,
                    output=True,
                    output_device_index=self.device["index"],
                    frames_per_buffer=block_frames,
                    stream_callback=self._callback,
                )
        except OSError as error:
            raise DeviceError(f"{self.device['name']} cannot be opened: {error.args[-1]}") from None

    def _callback(
        self, _input: bytes | None, frames: int, when: Mapping[str, float], status: int
    ) -> tuple[bytes, int]:
        """Thread: [render]. PortAudio's objects and the bytes are the only allocation."""
        if not self._promoted:
            self._promoted = True
            promote_thread()
        latency_s = when["output_buffer_dac_time"] - when["current_time"]
        return self._feed.fill(
            frames, latency_s, bool(status & pyaudio.paOutputUnderflow)
        ), pyaudio.paContinue

    @property
    def is_alive(self) -> bool:
        """Whether the device still asks for sound."""
        asked_ns = max(self._feed.called_ns, self._opened_ns)
        return bool(self._stream.is_active()) and time.monotonic_ns() - asked_ns < STALLED_NS

    def close(self) -> bool:
        """Stop; afterwards the callback does not run. Whether PortAudio let go of the device.

        PortAudio 19.6 waits for ten minutes to close a stream whose JACK server has gone. So it is closed on
        a thread of its own, which is left behind when it takes too long.
        """
        closing = threading.Thread(target=self._close, name="close", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        return not closing.is_alive()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._portaudio.terminate()


def main() -> int:
    """Print the devices as one JSON list: `python -m remixd.engine.device`."""
    portaudio = open_portaudio()
    json.dump(list_devices(portaudio), sys.stdout)
    portaudio.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
