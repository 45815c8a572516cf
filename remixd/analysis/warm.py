"""Build a track's cache: its playing stems at the engine's rate, and their phase trees."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from remixd.analysis.phase_tree import grow
from remixd.errors import BadAudio, NotFound
from remixd.track.cache import Trust, cache_frames, cache_path, check, estimate_bytes, write_stem
from remixd.track.flac import Block, read_flac
from remixd.track.lock import folder_locked
from remixd.track.package import Stem, Track
from remixd.track.quota import Lease, make_room, over_text
from remixd.units import RATE_HZ

AT_ONCE: Final = min(2, os.cpu_count() or 1)
"""Stems built at a time: 600 MB each for 10 minutes or more of dense music, a third of it mapped."""

LONG_S: Final = 1200
"""Stems of longer songs are built one after the other: other work wants the memory of hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """The outcome of `warm`: the stems that were built, the tracks whose caches went, what is to be told."""

    built: tuple[str, ...]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]


def warm(track: Track, library: Path, max_bytes: int, progress: Callable[[float, str], None]) -> Warmed:
    """Build what is missing, stale or damaged of a track's cache, and keep the whole cache under its cap.

    Whoever warms the same track at the same time waits, and finds it done. A song that is larger than the
    cap is built all the same, and told. `progress` is called from one thread at a time, not always the same.

    Raises BadAudio or NotFound, naming the file, where the package is damaged. Thread: [ingest].
    """
    with Lease(library, track) as lease, _alone(track):
        for part in lease.folder.glob(".*.part"):  # of workers that were killed: there is no other now
            part.unlink(missing_ok=True)
        trust = Trust()
        stale = tuple(check(track, lease.folder, trust))
        dropped = make_room(library, estimate_bytes(track, stale), max_bytes).dropped
        _build(track, stale, lease.folder, trust, progress)
        dropped += make_room(library, 0, max_bytes).dropped  # where the estimate was too low
        whole = sum(path.stat().st_size for path in lease.paths)
    return Warmed(
        built=tuple(stem.name for stem in stale),
        dropped=dropped,
        notes=(over_text(track.id, whole, max_bytes),) if whole > max_bytes else (),
    )


def _build(
    track: Track, stems: Sequence[Stem], folder: Path, trust: Trust, progress: Callable[[float, str], None]
) -> None:
    """Write the cache files of some stems; where one fails, none is begun after it."""
    telling = threading.Lock()
    built = 0

    def build(stem: Stem) -> None:
        nonlocal built
        with telling:
            progress(built / len(stems), f"caching {stem.name}")
        content = trust.content(track, stem)
        tree = functools.partial(grow, role=stem.role, spill=folder)
        write_stem(cache_path(folder, stem), sounding(track, stem), content, tree)
        with telling:
            built += 1

    with ThreadPoolExecutor(AT_ONCE if track.duration_s <= LONG_S else 1) as pool:
        list(pool.map(build, stems))


@contextlib.contextmanager
def _alone(track: Track) -> Iterator[None]:
    """Be the only one that builds this track's cache."""
    try:
        with folder_locked(track.folder):
            yield
    except FileNotFoundError as error:
        if error.filename == str(track.folder):
            raise NotFound(f"{track.id} was deleted meanwhile") from None
        raise


def sounding(track: Track, stem: Stem) -> Iterator[Block]:
    """A stem's blocks at the engine's rate, or the sums of those that it is made of; as `resampled`."""
    parts = [resampled(track, part) for part in track.parts_of(stem)]
    for blocks in zip(*parts, strict=True):
        yield functools.reduce(np.add, blocks)


def resampled(track: Track, stem: Stem) -> Iterator[Block]:
    """A stem's blocks at the engine's rate: `cache_frames` in all, exact where the rate is the engine's.

    Every stem goes through the same linear filter (soxr, VHQ), so stems that cancel still do.
    Raises BadAudio where the FLAC is damaged or of another length than the package says.
    """
    frames = 0
    wanted = cache_frames(track)
    convert = None
    if track.rate_hz != RATE_HZ:
        convert = soxr.ResampleStream(track.rate_hz, RATE_HZ, 2, dtype="float32", quality="VHQ")
    for block in read_flac(track.file_of(stem), stem.gain):
        frames += block.shape[0]
        part = convert.resample_chunk(block) if convert else block
        wanted -= part.shape[0]
        yield part
    if frames != track.frames:
        raise BadAudio(f"{track.id}: {stem.file} holds {frames} frames, not {track.frames}; import it again")
    if convert:
        rest = convert.resample_chunk(np.zeros((0, 2), np.float32), last=True)[:wanted]
        wanted -= rest.shape[0]
        yield rest
    if wanted > 0:
        yield np.zeros((wanted, 2), np.float32)
