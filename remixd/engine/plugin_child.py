"""A plug-in host's process, as the engine sees it: its shared memory, what it tells, how it ended.

Thread: [housekeeping]. Nothing here waits for the process, but for its end once it was killed.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from remixd._kernel.exchange import SIZE_BYTES, Exchange
from remixd._kernel.launch import launch

COMMAND: Final = (sys.executable, "-P", "-m", "remixd.pluginhost", "run")
_LINE_BYTES: Final = 1 << 16


class Ready(NamedTuple):
    """What a process has loaded.

    Attributes:
        latency_frames: of all plug-ins together.
        cost_ns: of a block: the median when they were loaded.
        names: of the plug-ins.
    """

    latency_frames: int
    cost_ns: int
    names: list[str]


class PluginChild:
    """One process that runs a rack's plug-ins, from its start on.

    Args:
        rack: its elements: `path`, `name`, `parameters`.
        command: what to run, with this process and the rack, as JSON, behind it.

    Attributes:
        exchange: the blocks between the two, not used yet.
        ready: what it said when its plug-ins were loaded.
        fault: why it ended, in words; empty while it runs.

    Raises OSError if it cannot be started. It is killed when nobody uses it any more; its memory has no name:
    nothing is left of it, however both end.
    """

    def __init__(self, rack: Sequence[Mapping[str, Any]], command: Sequence[str] = COMMAND) -> None:
        self.ready: Ready | None = None
        self.fault = ""
        self._told = b""
        memory = os.memfd_create("remixd-plug-ins", os.MFD_CLOEXEC)
        self._status, status = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.posix_fallocate(memory, 0, SIZE_BYTES)
            self.exchange = Exchange(mmap.mmap(memory, SIZE_BYTES), create=True)
            words = [*command, str(os.getpid()), json.dumps(list(rack))]
            self.pid = launch(words, os.environ, (memory, status))
        except BaseException:
            os.close(self._status)
            raise
        finally:
            os.close(memory)
            os.close(status)
        self.exchange.lock_memory()

    def look(self) -> None:
        """Take what it has told since, and notice if it has ended."""
        if self.fault:
            return
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._status, _LINE_BYTES):
                self._told = (self._told + part)[-_LINE_BYTES:]
        *lines, self._told = self._told.split(b"\n")
        for line in lines:
            self._hear(line)
        if ended:
            self.fault = self.fault or _how(status)
            os.close(self._status)
        elif self.fault:  # it has said why; it ends itself now, or is made to
            self._kill()

    def _hear(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            if "ready" in told:
                self.ready = Ready(**told["ready"])
            else:
                self.fault = " ".join(str(told["error"]).split())
        except (ValueError, LookupError, TypeError):  # a plug-in may write to what is not its own
            self.fault = "it said what nobody understands"

    def end(self, fault: str) -> None:
        """Kill it, for a reason, and wait until it is gone. Again does nothing."""
        if not self.fault:
            self.fault = fault
            self._kill()

    def __del__(self) -> None:
        if hasattr(self, "pid"):  # it was started
            self.end("nobody uses it any more")

    def _kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._status)


def _how(status: int) -> str:
    """How a process ended, in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended with status {code}"
    if -code == signal.SIGXCPU:  # as it is told when it uses up what real-time scheduling gives it
        return "it hangs"
    with contextlib.suppress(ValueError):
        return f"it crashed ({signal.Signals(-code).name})"
    return f"it crashed (signal {-code})"
