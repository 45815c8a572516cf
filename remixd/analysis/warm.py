"""Build a track's cache: its playing stems at the engine's rate."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from remixd.errors import BadAudio
from remixd.track.cache import cache_frames, cache_path, check, stem_content, write_pcm_blocks
from remixd.track.flac import Block, read_flac
from remixd.track.package import Stem, Track
from remixd.units import RATE_HZ

LEFT_OVER_S: Final = 3600.0
"""A half-written file this old belongs to nobody any more."""


def warm(track: Track, cache_folder: Path, progress: Callable[[float, str], None]) -> list[Path]:
    """Build what is missing or stale; returns the files of the playing stems, in order.

    Raises BadAudio or NotFound, naming the file, where the package is damaged. Thread: [ingest].
    """
    cache_folder.mkdir(parents=True, exist_ok=True)
    _sweep(cache_folder)
    stale = check(track, cache_folder)
    for index, stem in enumerate(stale):
        progress(index / len(stale), f"caching {stem.name}")
        content = stem_content(track, stem)
        write_pcm_blocks(cache_path(cache_folder, stem), resampled(track, stem), content)
    return [cache_path(cache_folder, stem) for stem in track.playing_stems]


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


def _sweep(cache_folder: Path) -> None:
    """Take away what killed workers left half-written."""
    for part in cache_folder.glob(".*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > LEFT_OVER_S:
                part.unlink()
