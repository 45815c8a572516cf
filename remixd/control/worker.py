"""One ingest worker, from its start to its last word: a file that crashes a decoder crashes no session.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import weakref
from collections.abc import Callable
from typing import Any, Final

from remixd import errors
from remixd.config import ONE_THREAD
from remixd.errors import BadAudio, RemixdError, Unavailable
from remixd.track.fields import printable

OnProgress = Callable[[float, str], None]
"""Called on the event loop with a share of the work that is done, 0 to 1, and what is being done."""

_LINE_BYTES: Final = 2**24
_TAIL_BYTES: Final = 4096


AT_ONCE: Final = max(2, os.cpu_count() or 1)
"""Workers of one kind that run at a time; the others wait, so that many imports do not fill the memory."""

_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]]
_turns = weakref.WeakKeyDictionary()


async def run_worker(
    arguments: list[str], name: str, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Run one worker to its end and return its last line. It never outlives this call.

    Args:
        arguments: of `python -m remixd.analysis`; the first is the kind of work.
        name: what it works on, for error messages.
        on_progress: told how far it is.

    Raises the RemixdError that the worker names; BadAudio if it is killed by what it reads; Unavailable
    if it ends without a word. When cancelled it kills the worker.
    """
    turns = _turns.setdefault(asyncio.get_running_loop(), {})
    turn = turns.setdefault(arguments[0], asyncio.Semaphore(AT_ONCE))
    if turn.locked() and on_progress:
        on_progress(0.0, "waiting for its turn")
    async with turn:
        return await _run(arguments, name, on_progress)


async def _run(arguments: list[str], name: str, on_progress: OnProgress | None) -> dict[str, Any]:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "remixd.analysis", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES, env={**os.environ, **ONE_THREAD},
    )  # fmt: skip
    assert worker.stdout is not None  # noqa: S101 (asked for above)
    assert worker.stderr is not None  # noqa: S101
    complaints = asyncio.ensure_future(_tail(worker.stderr))
    last: dict[str, Any] = {}
    try:
        async for line in worker.stdout:
            last = _read_line(line, name)
            if on_progress and "progress" in last:
                on_progress(last["progress"], last["doing"])
        status = await worker.wait()
        said = await complaints
    finally:
        complaints.cancel()
        if worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
    if "error" in last:
        raise _named_error(last["error"]["kind"], last["error"]["message"])
    if status < 0:
        raise BadAudio(f"{name}: the worker that read it was ended by {_signal_name(-status)}")
    if status != 0 or "progress" in last or not last:
        raise Unavailable(
            f"{name}: the worker ended too early (status {status}): {said or 'it said nothing'}"
        )
    return last


def _read_line(line: bytes, name: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise Unavailable(f"{name}: the worker said what nobody understands: {printable(line[:80])}")
    return read


async def _tail(stream: asyncio.StreamReader) -> str:
    """Read a stream to its end, and keep the last line."""
    kept = b""
    while part := await stream.read(_TAIL_BYTES):
        kept = (kept + part)[-_TAIL_BYTES:]
    lines = kept.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1]) if lines else ""


def _named_error(kind: str, message: str) -> RemixdError:
    """The error of `remixd.errors` that a worker named."""
    found = getattr(errors, kind, RemixdError)
    return found(message) if issubclass(found, RemixdError) else RemixdError(message)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
