"""How batches of signals leave others their turns: a pause between two pieces. Thread: [control]."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

PAUSE_S: Final = 0.001
"""Another's call takes several turns of the loop: in a pause it has all of them, and waits for one piece."""

WINDOW_S: Final = 0.1
"""How far back it is looked how busy batches were."""

BUSY: Final = 0.7
"""Where batches are being taken for more of the time than this, they themselves wait for pauses."""


class Pauses:
    """Pauses as long as there is time for them: senders who wait for nothing else are not slowed down.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._looked_s = clock()
        self._taken = 0
        self._busy = 0.0

    @contextmanager
    def batch(self) -> Iterator[None]:
        """While it is open, a batch is being taken."""
        self._look()
        self._taken += 1
        try:
            yield
        finally:
            self._look()
            self._taken -= 1

    def _look(self) -> None:
        """Go on with the share of time in which any batch is being taken: a mean that forgets."""
        now_s = self._clock()
        was = 1.0 if self._taken else 0.0
        self._busy = was + (self._busy - was) * math.exp((self._looked_s - now_s) / WINDOW_S)
        self._looked_s = now_s

    @property
    def length_s(self) -> float:
        """How long to pause now; 0, one turn of the loop, where there is no time."""
        self._look()
        return PAUSE_S if self._busy < BUSY else 0.0

    async def pause(self) -> None:
        """Let others have their turns."""
        await asyncio.sleep(self.length_s)
