"""Imports and cache building, in a worker process each: a file that crashes a decoder crashes no session."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from remixd import errors
from remixd.errors import BadAudio, RemixdError, Unavailable
from remixd.track.cache import cache_path, check
from remixd.track.fields import printable
from remixd.track.library import cache_folder, track_folder
from remixd.track.package import Stem, Track, load_track

OnProgress = Callable[[float, str], None]
"""Called on the event loop with a share of the work that is done, 0 to 1, and what is being done."""

_LINE_BYTES: Final = 2**24
_TAIL_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The outcome of an import. `new` is false if the same content was in the library before."""

    track_id: str
    title: str
    new: bool
    notes: tuple[str, ...]
    stems: tuple[Stem, ...]


async def import_path(
    path: Path, library: Path, mapping: Mapping[str, str], on_progress: OnProgress | None = None
) -> ImportResult:
    """Import a folder of stems, a `.stem.mp4` or a full mix into a library.

    Args:
        path: what to import.
        library: the library's folder; made where it is not there.
        mapping: roles by the stems' file names without suffix, before what the names say.
        on_progress: told how far it is.

    Raises the RemixdError that the worker names; BadAudio, naming the file, if the worker dies of it.
    When cancelled it kills the worker; what that leaves behind is swept when the library is next opened.
    Thread: [control].
    """
    arguments = ["import", f"--library={library}"]
    arguments += [f"--map={name}={role}" for name, role in mapping.items()]
    last = await _work([*arguments, "--", str(path)], printable(path.name), on_progress)
    done = last["track"]
    track = await asyncio.to_thread(load_track, track_folder(library, done["id"]))
    return ImportResult(
        track_id=track.id, title=track.title, new=done["new"], notes=track.notes, stems=track.stems
    )


async def warm_cache(track: Track, library: Path, on_progress: OnProgress | None = None) -> list[Path]:
    """See that a track's cache is there and fresh; returns the `.pcm` of every playing stem, in order.

    Hashes the stems in a thread, and starts a worker only where something is missing or stale. Raises
    NotFound or BadAudio where the package is damaged, Exhausted where the disk is full.
    Thread: [control].
    """
    folder = cache_folder(library, track.id)
    if await asyncio.to_thread(check, track, folder):
        await _work(["cache", f"--library={library}", "--", track.id], track.id, on_progress)
    return [cache_path(folder, stem) for stem in track.playing_stems]


async def _work(arguments: list[str], name: str, on_progress: OnProgress | None) -> dict[str, Any]:
    """Run one worker to its end and return its last line. It never outlives this call."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "remixd.analysis", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
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
