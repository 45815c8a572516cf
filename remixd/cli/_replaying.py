"""A session, from its journal into a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remixd.cli._shelf import OnProgress
from remixd.control.caches import Caches
from remixd.control.encoder import write_audio
from remixd.control.recording import Recording, read_recording
from remixd.control.replay import Replay, part
from remixd.control.replaying import differences, hold_tracks, plugins_played
from remixd.errors import InvalidInput, NotFound
from remixd.track.library import Library
from remixd.units import RATE_HZ, frames_from_seconds, seconds_from_frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What was written.

    Attributes:
        is_exact: whether it is what was heard, bit for bit.
        notes: a sentence each.
    """

    session: str
    frames: int
    is_exact: bool
    notes: list[str]


def write_replay(
    path: Path,
    library: Path | None,
    start_s: float,
    seconds: float | None,
    out: Path,
    on_progress: OnProgress,
) -> Replayed:
    """Play a session again, from `start_s` on, into a file.

    `path` is its journal; its tracks are in `library`, or, if that is None, in the one it played from.
    Raises as `read_recording`, `hold_tracks` and `write_audio`; InvalidInput for a start beyond its end.
    """
    recording = read_recording(path)
    first = frames_from_seconds(start_s)
    if first >= recording.end:
        raise InvalidInput(
            f"the journal tells {seconds_from_frames(recording.end):.2f} s: there is nothing at {start_s:g} s"
        )
    frames = None if seconds is None else frames_from_seconds(seconds)
    folder = library or Path(recording.header.library)
    if not folder.is_dir():
        raise NotFound(
            f"there is no library {folder}, from which the session played: name one with --library"
        )
    with ExitStack() as held:
        with Library(folder) as opened:
            caches = asyncio.run(hold_tracks(recording, Caches(folder), opened.get, held))
        others = differences(recording, caches)
        replay = Replay(recording, caches)
        written = write_audio(out, _counted(recording, replay, first, frames, on_progress), RATE_HZ)
    notes = recording.notes + recording.doubts
    if others:
        notes.append(f"it may differ from what was heard, at most at -100 dB: {'; '.join(others)}")
    elif replay.strayed is not None:
        notes.append(
            f"from sample {replay.strayed} on it differs from what was heard: the journal lacks something"
        )
    if plugins := plugins_played(recording):
        notes.append(f"it sounds as {', '.join(plugins)} sound now, and never late")
    return Replayed(
        session=recording.header.session,
        frames=written,
        is_exact=not others and not plugins and replay.strayed is None and not recording.doubts,
        notes=notes,
    )


def _counted(
    recording: Recording, replay: Replay, first: int, frames: int | None, on_progress: OnProgress
) -> Iterator[Any]:
    last = recording.end if frames is None else min(first + frames, recording.end)
    done = first
    for block in part(replay.blocks(), first, frames):
        done += len(block)
        on_progress(min(done / last, 1.0), "rendering")
        yield block
