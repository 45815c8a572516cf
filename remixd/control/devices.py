"""The sound devices of this machine, as the engine would see them. Thread: [control]."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from remixd.errors import Unavailable

TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A sound device that can play.

    Attributes:
        name: `device:NAME` finds it by this, or by a part of it.
        host_api: of PortAudio, such as ALSA or the JACK Audio Connection Kit; a name finds it too.
        rate_hz: its own rate; remixd plays at 48 kHz only.
        latency_s: from a rendered block until it is heard, as the device tells it.
        default: whether `device` without a name means it.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate_hz: float
    latency_s: float
    default: bool


def list_devices() -> list[Device]:
    """Every sound device there is now.

    Looks in a child process: PortAudio must not be loaded into control, and tells devices that came later
    to a new process only. Raises Unavailable if that fails.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "remixd.engine.device"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        )
        return [Device(**each) for each in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError) as error:
        raise Unavailable(f"the sound devices cannot be listed: {error}") from None
