"""Grow the phase tree of a stem: its onsets and, unless it is drums, the regions of its spectra."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel import fft
from remixd._kernel.regions import find_regions
from remixd.analysis.envelope import find_envelopes
from remixd.analysis.onsets import find_onsets
from remixd.config import user_cache_path
from remixd.track.cache import write_stem
from remixd.track.mapped import Spill, let_go
from remixd.track.phase_tree import ENVELOPE_POINTS, HOP_FRAMES, RESET_BYTES, PhaseTree, grid_frames
from remixd.units import RATE_HZ, StemRole

FAINT: Final = 0.02
"""Onsets weaker than this are reflections and swells."""
PIECE_GRIDS: Final = 600 * RATE_HZ // HOP_FRAMES
"""Grid frames of ten minutes: songs up to here are worked as a whole."""
BESIDE_GRIDS: Final = 32
"""Grid frames beside a piece that its regions, resets and envelopes may depend on: they reach 3600 frames."""
BESIDE_FRAMES: Final = 2 * RATE_HZ
"""The same for onsets, which stand out of what is around them."""
APART_FRAMES: Final = RATE_HZ // 50
"""Onsets from two sides of a seam that are nearer than this are one."""


def grow(pcm: NDArray[np.float32], role: StemRole, spill: Path | None = None) -> PhaseTree:
    """The phase tree of a stem's sound; drums, which are stretched in the time domain, have onsets only.

    Args:
        pcm: float32 (frames, 2) at 48 kHz, C-contiguous, at least one frame, all finite; may be read-only.
        role: how onsets are looked for; vocals also get spectral envelopes.
        spill: a folder for what is found of songs that are longer than PIECE_S: they are worked piece by
            piece then, in memory that does not grow with them; without it as a whole.

    Thread: [ingest]; lets other threads work meanwhile.
    """
    pieces = list(_pieces(pcm.shape[0], PIECE_GRIDS if spill else None))
    onsets = _find_onsets(pcm, role, pieces)
    if role == "drums":
        return PhaseTree.none(onsets)
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    points = ENVELOPE_POINTS if role == "vocals" else 0
    if len(pieces) == 1:
        starts, lows, seeds, offsets, resets = find_regions(pcm, onsets)
        envelope = find_envelopes(pcm) if points else np.zeros((starts.size - 1, 0), np.uint8)
        return PhaseTree(
            starts=starts, lows=lows, seeds=seeds, offsets=offsets, onsets=onsets, resets=resets,
            envelope=envelope,
        )  # fmt: skip
    return _grow_by_pieces(pcm, onsets, pieces, spill or Path(), points)


def _pieces(frames: int, grids: int | None) -> Iterator[tuple[int, int]]:
    """Spans of grid frames of about one length, of `grids` at most; a whole song is one piece without it."""
    whole = grid_frames(frames)
    count = max(1, -(-whole // grids)) if grids else 1
    for piece in range(count):
        yield piece * whole // count, (piece + 1) * whole // count


def _find_onsets(
    pcm: NDArray[np.float32], role: StemRole, pieces: Sequence[tuple[int, int]]
) -> NDArray[np.int64]:
    """Onsets that are not faint beside the strongest of their piece; each hears a little of the next."""
    found: list[NDArray[np.int64]] = []
    last = -APART_FRAMES
    for first, end in pieces:
        start, stop = first * HOP_FRAMES, end * HOP_FRAMES
        low, high = max(0, start - BESIDE_FRAMES), min(pcm.shape[0], stop + BESIDE_FRAMES)
        heard = find_onsets(pcm[low:high], role)
        frames = heard.frames[heard.strengths >= FAINT] + low
        kept = frames[(frames >= max(start, last + APART_FRAMES)) & (frames < stop)]
        last = int(kept[-1]) if kept.size else last
        found.append(kept)
        if len(pieces) > 1:
            let_go(pcm)
    return np.concatenate(found)


def _grow_by_pieces(
    pcm: NDArray[np.float32],
    onsets: NDArray[np.int64],
    pieces: Sequence[tuple[int, int]],
    spill: Path,
    points: int,
) -> PhaseTree:
    """As `grow`, with what grows with the song in files: regions depend on nothing but what is near them."""
    lows, seeds, offsets = (Spill(spill, kind) for kind in ("<u2", "<u2", "<i2"))
    resets, envelope = Spill(spill, "u1", RESET_BYTES), Spill(spill, "u1", points)
    counts: list[NDArray[np.uint32]] = []
    for first, end in pieces:
        low = max(0, first - BESIDE_GRIDS)
        near = pcm[low * HOP_FRAMES : (end + BESIDE_GRIDS) * HOP_FRAMES]
        struck = onsets[(onsets >= first * HOP_FRAMES) & (onsets < end * HOP_FRAMES)] - low * HOP_FRAMES
        starts, *parts, reset = find_regions(near, struck)
        inner = slice(int(starts[first - low]), int(starts[end - low]))
        for held, part in zip((lows, seeds, offsets), parts, strict=True):
            held.append(part[inner])
        resets.append(reset)
        counts.append(starts[first - low + 1 : end - low + 1] - starts[first - low : end - low])
        shapes = (
            find_envelopes(near)[first - low : end - low] if points else np.zeros((end - first, 0), np.uint8)
        )
        envelope.append(shapes)
        let_go(pcm)
    return PhaseTree(
        starts=np.concatenate([[0], np.cumsum(np.concatenate(counts), dtype=np.uint64)]).astype(np.uint32),
        lows=lows.finish(),
        seeds=seeds.finish(),
        offsets=offsets.finish(),
        onsets=onsets,
        resets=resets.finish(),
        envelope=envelope.finish(),
    )


def write_cached(path: Path, pcm: NDArray[np.float32], role: StemRole, content: bytes = bytes(32)) -> None:
    """As `cache.write_stem`, of a stem that is there as a whole, float32 (frames, 2)."""
    write_stem(path, [pcm], content, functools.partial(grow, role=role, spill=path.parent))
