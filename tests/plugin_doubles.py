"""A plug-in host whose plug-ins are doubles: `python plugin_doubles.py PARENT RACK`, as an engine runs one.

An element's `parameters` say what its double does: `gain` times the sound, and one `fault` at block `at`:
`late` (0.3 s), `crash`, `hang`, `spin`, `nonfinite`, `loud`, `shape` or `raise`. With `once`, a file that is
made then, only if that is not there yet. `latency` delays the sound, and is told; `load` is a fault while it
is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

COMMAND = (sys.executable, __file__)


def fail(fault: str, sound: np.ndarray) -> np.ndarray:
    match fault:
        case "late":
            time.sleep(0.3)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            while True:
                time.sleep(1)
        case "spin":
            while True:
                pass
        case "nonfinite":
            sound[1, 5] = np.nan
        case "loud":
            sound[0, 9] = 1e6
        case "shape":
            return sound[:1]
        case "raise":
            raise RuntimeError("it has no heart")
    return sound


class Double:
    """One double."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._gain = parameters.get("gain", 1.0)
        self._fault, self._at = parameters.get("fault"), parameters.get("at", 0)
        self._once = parameters.get("once")
        self._past = np.zeros((2, parameters.get("latency", 0)), np.float32)
        self._answered = -201  # what the host tries it with before it says that it is ready

    def __call__(self, block: np.ndarray) -> np.ndarray:
        line = np.concatenate([self._past, np.float32(self._gain) * block], axis=1)
        sound, self._past = line[:, :64].copy(), line[:, 64:]
        self._answered += 1
        due = self._fault and self._answered == self._at + 1
        if due and not (self._once and Path(self._once).exists()):
            if self._once:
                Path(self._once).touch()
            return fail(self._fault, sound)
        return sound


def load(element: Mapping[str, Any]) -> Any:
    from remixd.pluginhost.effect import Effect

    parameters = element.get("parameters", {})
    if "load" in parameters:
        fail(parameters["load"], np.zeros((2, 64), np.float32))
    return Effect("double", Double(parameters), parameters.get("latency", 0))


if __name__ == "__main__":
    import json

    from remixd.pluginhost import serving

    os._exit(serving.run(int(sys.argv[1]), json.loads(sys.argv[2]), load))
