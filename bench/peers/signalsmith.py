"""Signalsmith Stretch, default preset, by the package `python-stretch`."""

from __future__ import annotations

from typing import Any, Final

from remixd.units import RATE_HZ

from ..songs import Audio
from .peer import Setting, Stream, Unavailable, WholePeer

INSTALL: Final = "pip install python-stretch"
SEED: Final = 1
"""It draws random phases: the same ones every time."""


class Signalsmith(WholePeer):
    """Fed 256 frames a call its binding costs six times as much, and drifts."""

    name = "Signalsmith Stretch"
    how = "default preset; a second of sound a call, which its binding favours"

    def load(self) -> None:
        """Import the package."""
        _module()

    def open(self, setting: Setting) -> Stream:
        """Begin to stretch."""
        return _Stream(setting)


class _Stream(Stream):
    def __init__(self, setting: Setting) -> None:
        self._state = _module().Signalsmith.Stretch(SEED)
        self._state.preset(2, RATE_HZ, False)
        self._state.setTimeFactor(setting.tempo)
        self._state.setTransposeSemitones(setting.semitones)

    def process(self, block: Audio) -> Audio:
        out: Audio = self._state.process(block)
        return out


def _module() -> Any:
    try:
        import python_stretch
    except ImportError:
        raise Unavailable(f"python-stretch is not installed: {INSTALL}") from None
    return python_stretch
