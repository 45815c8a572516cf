"""Third-party plug-ins in a rack: a process that runs them, and what is done when it does not.

While a plug-in is late, hangs, has crashed or answers what is no sound, the rack sounds dry (the kernel's
`Insert` sees to that, within a block and without a click); then its process is started again, after 1, 2, 4
and more seconds. When five starts have not helped it is given up. Everything of that is told.

Thread: [housekeeping], but for the call itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel.exchange import FRAMES
from remixd._kernel.insert import Insert
from remixd.engine.plugin_child import COMMAND, PluginChild, Ready

BLOCKS_BETWEEN: Final = 8
"""A packet of a stream is 7.5 blocks, rendered in one go: what is handed over in one is used in the next."""
BLOCKS_BETWEEN_MOST: Final = 32

LOAD_S: Final = 8.0
HUNG_S: Final = 0.5
LATE_S: Final = 3.0
"""Plug-ins whose answers have not once come in time for so long are too slow."""
STEADY_S: Final = 60.0
"""A failure after so long is not counted with those before."""
LATE_TOLD_S: Final = 10.0
PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Before it is started again, after each failure in a row; after one more it is given up."""
WAIT_S: Final = 2.0
"""How long a call waits for an answer while time does not count."""


def blocks_for(frames_together: int) -> int:
    """After how many blocks an answer is used where so many frames are rendered in one go."""
    return max(1, min(-(-frames_together // FRAMES), BLOCKS_BETWEEN_MOST))


def _element(words: Mapping[str, Any]) -> dict[str, Any]:
    """What the host needs to know of an element of a rack. Raises ValueError."""
    path, name, parameters = words.get("path"), words.get("name") or "", words.get("parameters") or {}
    unknown = words.keys() - {"path", "name", "parameters", "optional"}
    if (
        unknown
        or not isinstance(path, str)
        or not isinstance(name, str)
        or not isinstance(parameters, Mapping)
    ):
        raise ValueError(f"a plug-in has a path, a name and parameters, not {dict(words)}")
    return {"path": path, "name": name, "parameters": dict(parameters)}


class Hosted:
    """One or several plug-ins in a row, in a process of their own.

    Args:
        rack: `path` of each, and optionally `name` and `parameters`.
        delay_frames: as it was when they were loaded before: they are not waited for then, but heard once
            they are there.
        blocks_between: how many blocks of 64 frames later an answer is used: those rendered in one go.
        command: the program that hosts them.
        pauses_s: before each new start.

    Attributes:
        insert: what is between the two processes.
        state: `playing`, or what is wrong, in words.
        cost_ns: of a block, in the other process: the median when it was loaded.

    It begins with waiting for answers, for at most WAIT_S each, and one that does not come is an error;
    `go_live` ends that. Raises ValueError with a sentence if the plug-ins cannot be had, OSError if there is
    no process for them.
    """

    def __init__(
        self,
        rack: Sequence[Mapping[str, Any]],
        delay_frames: int | None = None,
        *,
        blocks_between: int = BLOCKS_BETWEEN,
        command: Sequence[str] = COMMAND,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._rack = [_element(element) for element in rack]
        self._command = tuple(command)
        self._pauses_s = tuple(pauses_s)
        self._blocks_between = blocks_between
        self._news: list[str] = []
        self._failures = self._answered = 0
        self._late = self._late_told = self._refused = 0
        self._late_told_s = -LATE_TOLD_S
        self._stuck_s = self._dry_s = 0.0  # since when housekeeping sees it so; 0 while it is not
        self._given_up = self._in_vain = False
        self._joined = delay_frames is None
        self.names = [each["name"] or Path(each["path"]).stem for each in self._rack]
        self.cost_ns = 0
        self.state = "loading"
        self._child = self._start()
        try:
            ready = self._wait_until_ready() if self._joined else None
            own_frames = ready.latency_frames if ready else (delay_frames or 0) - blocks_between * FRAMES
            self._latency_frames = own_frames
            self.insert = Insert(blocks_between, self._latency_frames)
        except BaseException:
            self._child.end("it is not used")
            raise
        if ready:
            self._know(ready)
            self.insert.wait_s = WAIT_S
            self.insert.join(self._child.exchange, wet_at_once=True)

    def _know(self, ready: Ready) -> None:
        self.names, self.cost_ns, self.state = ready.names, ready.cost_ns, "playing"

    def _start(self) -> PluginChild:
        self._started_s = time.monotonic()
        return PluginChild(self._rack, self._command)

    def _wait_until_ready(self) -> Ready:
        until = self._started_s + LOAD_S
        while self._child.ready is None:
            if time.monotonic() >= until:
                self._child.end(f"it was not loaded within {LOAD_S:g} s")
            self._child.look()
            if self._child.fault:
                raise ValueError(self._child.fault)
            time.sleep(0.005)
        return self._child.ready

    @property
    def delay_frames(self) -> int:
        """From what goes in to what comes out."""
        return self.insert.delay_frames

    def __call__(
        self, block: NDArray[np.float32], beat: float = 0.0, beats_per_frame: float = 0.0
    ) -> NDArray[np.float32]:
        """The next block, float32 (2, 64), for one that goes in; it is overwritten by the next call.

        Raises ValueError, before `go_live`, if the plug-ins do not answer. Thread: [render].
        """
        heard = self.insert(block, beat, beats_per_frame)
        if self.insert.wait_s and not self.insert.is_wet:
            self._child.look()
            raise ValueError(f"{', '.join(self.names)}: {self._child.fault or 'there is no answer'}")
        return heard

    def go_live(self) -> None:
        """From now on no call waits."""
        self.insert.wait_s = 0.0

    def news(self) -> list[str]:
        """What has happened since this was asked last, a sentence each."""
        told, self._news = self._news, []
        return told

    def tick(self, frames_together: int = FRAMES) -> None:
        """Look after the process: called about four times a second.

        Args:
            frames_together: rendered in one go now. Answers that are late because these are more than was
                asked for are no fault of the plug-ins.
        """
        if self._given_up:
            return
        now_s = time.monotonic()
        self._in_vain = blocks_for(frames_together) > self._blocks_between
        if self._child.fault:
            if now_s >= self._retry_s:
                self._start_again()
            return
        self._child.look()
        if fault := self._child.fault or self._fault(now_s):
            self._fail(fault, now_s)
        elif not self._joined and self._child.ready is not None:
            self._join(self._child.ready, now_s)
        elif self._joined:
            self._tell_state(now_s)

    def _fault(self, now_s: float) -> str:
        """What is wrong with a process that runs; empty if nothing is."""
        if not self._joined:
            loading = self._child.ready is None and now_s - self._started_s >= LOAD_S
            return f"it was not loaded within {LOAD_S:g} s" if loading else ""
        if self.insert.refused_blocks > self._refused:
            return "it answered what is no sound"
        exchange, answered, late = self._child.exchange, self._answered, self._late
        self._answered, self._late = exchange.answered, self.insert.late_blocks
        is_stuck = answered == self._answered < exchange.handed
        self._stuck_s = (self._stuck_s or now_s) if is_stuck else 0.0
        is_dry = not self.insert.is_wet and late != self._late and not self._in_vain
        self._dry_s = (self._dry_s or now_s) if is_dry else 0.0
        if is_stuck and now_s - self._stuck_s >= HUNG_S:
            return "it hangs"
        return "it is too slow" if is_dry and now_s - self._dry_s >= LATE_S else ""

    def _tell_state(self, now_s: float) -> None:
        if not self.insert.is_wet:
            self.state = "late: it sounds dry"
            return
        self.state = "playing"
        late = self.insert.late_blocks - self._late_told
        if late and now_s - self._late_told_s >= LATE_TOLD_S:
            self._tell(f"{late} blocks came too late, and sounded dry")
            self._late_told, self._late_told_s = self.insert.late_blocks, now_s

    def _fail(self, fault: str, now_s: float) -> None:
        self.insert.join(None)
        self._child.end(fault)
        if now_s - self._started_s >= STEADY_S:
            self._failures = 0
        self._refused, self._late_told = self.insert.refused_blocks, self.insert.late_blocks
        self._failures += 1
        if self._failures > len(self._pauses_s):
            self._given_up = True
            self.state = f"given up: {fault}"
            self._tell(f"{fault}, the {self._failures}th time in a row: it is given up, and bypassed")
            return
        pause_s = self._pauses_s[self._failures - 1]
        self._retry_s = now_s + pause_s
        self.state = f"bypassed: {fault}"
        self._tell(f"{fault}: it is bypassed, and started again in {pause_s:g} s")

    def _start_again(self) -> None:
        self._joined = False
        try:
            self._child = self._start()
        except OSError as error:
            self._fail(f"it cannot be started: {error.strerror}", time.monotonic())

    def _join(self, ready: Ready, now_s: float) -> None:
        if ready.latency_frames != self._latency_frames:
            self._fail(f"its latency is {ready.latency_frames} frames now", now_s)
            return
        self._know(ready)
        self._joined = True
        self._answered = 0
        self._stuck_s = self._dry_s = 0.0
        self.insert.join(self._child.exchange)
        self._tell("it plays again" if self._failures else "it plays")

    def _tell(self, what: str) -> None:
        self._news.append(f"{', '.join(self.names)}: {what}")

    def close(self) -> None:
        """End the process; what calls the insert meanwhile hears it dry. Again does nothing."""
        self._given_up = True
        self.insert.join(None)
        self._child.end("it is not used any more")
