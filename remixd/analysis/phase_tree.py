"""Grow the phase tree of a stem: its onsets and, unless it is drums, the regions of its spectra."""

from __future__ import annotations

import functools
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
from remixd.track.phase_tree import PhaseTree
from remixd.units import StemRole

FAINT: Final = 0.02
"""Onsets weaker than this are reflections and swells."""


def grow(pcm: NDArray[np.float32], role: StemRole) -> PhaseTree:
    """The phase tree of a stem's sound; drums, which are stretched in the time domain, have onsets only.

    Args:
        pcm: float32 (frames, 2) at 48 kHz, C-contiguous, at least one frame, all finite; may be read-only.
        role: how onsets are looked for; vocals also get spectral envelopes.

    Thread: [ingest]; lets other threads work meanwhile.
    """
    found_onsets = find_onsets(pcm, role)
    onsets = found_onsets.frames[found_onsets.strengths >= FAINT]
    if role == "drums":
        return PhaseTree.none(onsets)
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    starts, lows, seeds, offsets, resets = find_regions(pcm, onsets)
    return PhaseTree(
        starts=starts,
        lows=lows,
        seeds=seeds,
        offsets=offsets,
        onsets=onsets,
        resets=resets,
        envelope=find_envelopes(pcm) if role == "vocals" else np.zeros((starts.size - 1, 0), np.uint8),
    )


def write_cached(path: Path, pcm: NDArray[np.float32], role: StemRole, content: bytes = bytes(32)) -> None:
    """As `cache.write_stem`, of a stem that is there as a whole, float32 (frames, 2)."""
    write_stem(path, [pcm], content, functools.partial(grow, role=role))
