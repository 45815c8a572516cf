"""VST3 plug-ins as effects on blocks of 64 stereo frames at the engine's rate.

Thread: the one thread of the plug-in host, on which a plug-in is loaded and runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pedalboard

from remixd._kernel.exchange import FRAMES
from remixd.pluginhost.effect import Block, Effect
from remixd.units import RATE_HZ

INTERNAL: Final = frozenset(("buffer_size_frames", "sample_rate_frames", "latency_frames"))
"""What plug-ins made with DPF tell as parameters, and what the host sets."""

_PRIMING: Final = 64


class Plugin(Protocol):
    """What is used of pedalboard's plug-ins."""

    def process(  # noqa: D102 (pedalboard's own)
        self, input_array: Block, sample_rate: float, *, buffer_size: int, reset: bool
    ) -> Block: ...


def load(element: Mapping[str, Any]) -> Effect:
    """A plug-in as an element of a rack names it.

    Args:
        element: `path`; where a file holds several plug-ins, the `name` of one; `parameters`, values by name.

    A plug-in that takes one channel only runs twice. Raises ValueError, in a sentence, for one that cannot
    be had, that plays notes, that takes neither stereo nor mono, or a parameter that it has not or that is
    out of its range; KeyError, TypeError if that is no element.
    """
    first = open_plugin(element)
    name = str(first.name)
    if first.is_instrument:
        raise ValueError(f"{name} is an instrument: it plays notes, and takes no sound")
    channels = channels_taken(first)
    plugins = [first] if channels == 2 else [first, open_plugin(element)]
    process = _stereo(first) if channels == 2 else _twice(plugins)
    for _ in range(_PRIMING):  # what it allocates or starts, it does so before anybody waits for it
        process(np.zeros((2, FRAMES), np.float32))
    return Effect(name, process, int(first.reported_latency_samples))


def open_plugin(element: Mapping[str, Any]) -> Any:
    """A plug-in with its parameters set. Raises ValueError, in a sentence."""
    path = str(element["path"])
    if not Path(path).exists():
        raise ValueError(f"{path} is not there")
    try:
        plugin: Any = pedalboard.VST3Plugin(path, plugin_name=element.get("name") or None)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{path} is no plug-in that can be loaded: {_last_line(error)}") from None
    if element.get("name") not in (None, "", plugin.name):  # pedalboard minds only where a file holds several
        raise ValueError(f"{path} holds no plug-in {element['name']!r}")
    for name, value in dict(element.get("parameters") or {}).items():
        if name not in plugin.parameters or name in INTERNAL:
            known = ", ".join(each for each in plugin.parameters if each not in INTERNAL)
            raise ValueError(f"{plugin.name} has no parameter {name!r}; it has {known or 'none'}")
        try:
            setattr(plugin, name, value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{plugin.name}: {_last_line(error)}") from None
    return plugin


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__


def channels_taken(plugin: Plugin) -> int:
    """How many channels a plug-in takes, 2 or else 1. Raises ValueError if neither."""
    refusal = ""
    for channels in (2, 1):
        try:
            out = plugin.process(
                np.zeros((channels, FRAMES), np.float32), RATE_HZ, buffer_size=FRAMES, reset=False
            )
            if out.shape == (channels, FRAMES):
                return channels
            refusal = f"it makes {out.shape[1]} frames in {out.shape[0]} channels of {FRAMES} in {channels}"
        except ValueError as error:
            refusal = _last_line(error)
    raise ValueError(f"it takes neither stereo nor mono blocks of {FRAMES} frames at {RATE_HZ} Hz: {refusal}")


def _stereo(plugin: Plugin) -> Callable[[Block], Block]:
    def process(block: Block) -> Block:
        return plugin.process(block, RATE_HZ, buffer_size=FRAMES, reset=False)

    return process


def _twice(plugins: Sequence[Plugin]) -> Callable[[Block], Block]:
    out = np.zeros((2, FRAMES), np.float32)

    def process(block: Block) -> Block:
        for channel, plugin in enumerate(plugins):
            one = block[channel : channel + 1]
            out[channel] = plugin.process(one, RATE_HZ, buffer_size=FRAMES, reset=False)[0]
        return out

    return process
