"""Bungee, by the package `bungee-python`.

Version 0.2 of the package crashes with two channels, and when it is asked for its latency before it has
processed anything: so there is one mono instance a channel, and nothing is asked.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from remixd.units import RATE_HZ

from ..songs import Audio
from .peer import Setting, Stream, Unavailable, WholePeer

INSTALL: Final = "pip install bungee-python"


class Bungee(WholePeer):
    """Fed 256 frames a call its binding costs some thirty times as much."""

    name = "Bungee"
    how = "one mono instance a channel; a second of sound a call, which its binding favours"

    def load(self) -> None:
        """Import the package."""
        _module()

    def open(self, setting: Setting) -> Stream:
        """Begin to stretch."""
        return _Stream(setting)


class _Stream(Stream):
    def __init__(self, setting: Setting) -> None:
        self._channels = [_module().Bungee(sample_rate=RATE_HZ, channels=1) for _ in range(2)]
        for channel in self._channels:
            channel.set_speed(setting.tempo)
            channel.set_pitch(setting.pitch)

    def process(self, block: Audio) -> Audio:
        rows = [
            channel.process(row[:, None])[:, 0] for channel, row in zip(self._channels, block, strict=True)
        ]
        frames = min(map(len, rows))
        return np.stack([row[:frames] for row in rows])


def _module() -> Any:
    try:
        from bungee_python import bungee
    except ImportError:
        raise Unavailable(f"bungee-python is not installed: {INSTALL}") from None
    return bungee
