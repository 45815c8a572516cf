"""Imports, each in a worker process. Thread: [control]."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remixd.control.caches import Caches
from remixd.control.worker import OnProgress, run_worker
from remixd.track.fields import printable
from remixd.track.import_options import ImportOptions
from remixd.track.library import track_folder
from remixd.track.package import Stem, load_track

AS_IT_IS: Final = ImportOptions()
"""Nobody said anything of the import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The outcome of an import. `new` is false if the same content was in the library before."""

    track_id: str
    title: str
    new: bool
    notes: tuple[str, ...]
    stems: tuple[Stem, ...]


async def import_path(
    path: Path,
    library: Path,
    options: ImportOptions = AS_IT_IS,
    on_progress: OnProgress | None = None,
    warm: Caches | None = None,
) -> ImportResult:
    """Import a folder of stems, a `.stem.mp4` or a full mix into a library.

    Args:
        path: what to import.
        library: the library's folder; made where it is not there.
        options: how, as a person said it.
        on_progress: told how far it is.
        warm: where to build the track's cache at once, rather than when it is first played.

    Raises the RemixdError that the worker names; BadAudio, naming the file, if the worker dies of it.
    When cancelled it kills the worker; what that leaves behind is swept when the library is next opened.
    Thread: [control].
    """
    arguments = ["import", f"--library={library}"]
    arguments += [f"--map={name}={role}" for name, role in options.roles.items()]
    arguments += [f"--grid={options.grid}"] if options.grid else []
    arguments.append(f"--splitter={options.splitter}")
    arguments += ["--again"] if options.again else []
    halves = 0.5 if warm else 1.0
    last = await run_worker(
        [*arguments, "--", str(path)], printable(path.name), _part(on_progress, 0.0, halves)
    )
    done = last["track"]
    track = await asyncio.to_thread(load_track, track_folder(library, done["id"]))
    notes = track.notes
    if warm:
        with await warm.hold(track, _part(on_progress, halves, 1.0 - halves)) as lease:
            notes += lease.notes
    return ImportResult(track_id=track.id, title=track.title, new=done["new"], notes=notes, stems=track.stems)


def _part(on_progress: OnProgress | None, start: float, share: float) -> OnProgress | None:
    """What tells one part of the work as a part of the whole."""
    if on_progress is None:
        return None
    return lambda done, doing: on_progress(start + share * done, doing)
