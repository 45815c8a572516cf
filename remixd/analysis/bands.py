"""How much sound a stem has in each octave, fifty times a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.streams import Framer, Rows, Windows, powers
from remixd.track.flac import Block

EDGES_HZ: Final = (0.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, np.inf)
BANDS: Final = len(EDGES_HZ) - 1

_WINDOW_S: Final = 0.04
_STEP_S: Final = 0.02
_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Octave bands of a stem over time.

    Attributes:
        energies: float32 (steps, 8): mean square of both channels added, in the bands of `EDGES_HZ`. Step
            `t` is centred on `t * step_s` and looks 20 ms to either side.
        step_s: 20 ms, but for the rounding to whole frames at odd rates.
    """

    energies: NDArray[np.float32]
    step_s: float

    def means(self, edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean energies between each two neighbouring times, float64 (spans, 8); edges must not fall.

        A span shorter than a step has what the step at its beginning has; outside the stem is silence.
        """
        count = self.energies.shape[0]
        sums = np.zeros((count + 1, BANDS))
        np.cumsum(self.energies, axis=0, out=sums[1:])
        at = np.clip(np.rint(edges_s / self.step_s).astype(np.int64), 0, count)
        first = at[:-1]
        last = np.minimum(np.maximum(at[1:], first + 1), count)
        return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1)[:, None])


class BandLevels:
    """Measures a stereo stream. Thread: [ingest]; keeps 1.6 kB a second."""

    def __init__(self, rate_hz: int) -> None:
        # windows longer than twice the hop would smear attacks, shorter ones could miss some
        window = 2 * round(_WINDOW_S * rate_hz / 2)
        hop = round(_STEP_S * rate_hz)
        self._step_s = hop / rate_hz
        self._framer = Framer(window, hop)
        shape = np.hanning(window + 1)[:-1]
        self._shape = np.asarray(shape / np.sqrt(window * np.sum(shape**2)), np.float32)
        hz = np.arange(1, window // 2) * rate_hz / window
        self._starts = np.searchsorted(hz, EDGES_HZ[:-1])
        self._bins = hz.shape[0]
        self._found = Rows(BANDS, np.float32)

    def add(self, block: Block) -> None:
        """Take the next frames, float32 (frames, 2)."""
        self._examine(self._framer.add(block))

    def finish(self) -> Bands:
        """What was found; call it once, after the last block."""
        self._examine(self._framer.finish())
        return Bands(energies=self._found.finish(), step_s=self._step_s)

    def _examine(self, windows: Windows) -> None:
        starts = self._starts[self._starts < self._bins]
        for first in range(0, windows.shape[0], _AT_ONCE):
            power = powers(windows[first : first + _AT_ONCE], self._shape)
            found = np.zeros((power.shape[0], BANDS), np.float32)
            found[:, : starts.shape[0]] = 2.0 * np.add.reduceat(power, starts, axis=1)
            self._found.append(found)
