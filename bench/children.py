"""Processes that a bench starts: they are talked to by lines, and end with it, whatever happens."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from types import TracebackType
from typing import Any, Final, Self

PATIENCE_S: Final = 2.0
"""How long one has to end by itself once its input has ended."""
STOP_S: Final = 5.0
"""How long one has that was told to end."""


def end(process: subprocess.Popen[Any], patience_s: float = PATIENCE_S, stop_s: float = STOP_S) -> None:
    """End a process: by the end of its input, else by SIGTERM, else by SIGKILL.

    Args:
        process: it may have ended.
        patience_s: how long it has to end by itself.
        stop_s: how long it has once it was told to.
    """
    with contextlib.suppress(OSError):  # what it did not read any more
        if process.stdin is not None:
            process.stdin.close()
    for wait_s, go_on in ((patience_s, process.terminate), (stop_s, process.kill)):
        try:
            process.wait(wait_s)
            break
        except subprocess.TimeoutExpired:
            go_on()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Child:
    """A module that runs in a process of its own while the block runs, and ends when its input does.

    Args:
        module: its name.
        words: what it is told at its start.

    Attributes:
        pid: of the process.
    """

    def __init__(self, module: str, *words: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Wait until it is ready. Raises Unavailable if it does not become so."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self) -> str:
        """The next line that it says; empty once it has ended."""
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        return self._process.stdout.readline().strip()

    def _ask(self, line: str) -> str:
        """Tell it something; its answer."""
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._line()

    def _end_input(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.close()

    def close(self) -> None:
        """End the process."""
        end(self._process)
