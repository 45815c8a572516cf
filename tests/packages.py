"""Whole packages made without the importer, to test what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from remixd.track.flac import write_flac
from remixd.track.package import Analysis, Stem, Track, write_track


def a_stem(name: str, role: Any = "other", **changed: Any) -> Stem:
    return Stem(**{"name": name, "role": role, "file": f"stems/{name}.flac", **changed})


def a_track(folder: Path, *, stems: Sequence[Stem] = (), **changed: Any) -> Track:
    """A track that is not on disk yet; a tenth of a second at 48 kHz."""
    values: dict[str, Any] = {
        "id": "a-song-0a1b2c3d",
        "title": "A Song",
        "source_kind": "folder",
        "source_name": "a song",
        "content": "0a1b2c3d" * 8,
        "rate_hz": 48_000,
        "frames": 4800,
        "stems": tuple(stems) or (a_stem("drums", "drums"), a_stem("bass", "bass")),
        "folder": folder,
    }
    values |= changed
    values.setdefault(
        "analysis", Analysis(source="computed", duration_s=values["frames"] / values["rate_hz"])
    )
    return Track(**values)


def write_package(folder: Path, **changed: Any) -> Track:
    """A whole package in a folder: noise in every stem."""
    track = a_track(folder, **changed)
    (folder / "stems").mkdir(parents=True, exist_ok=True)
    for seed, stem in enumerate(track.stems):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (track.frames, 2)).astype(np.float32)
        write_flac(track.file_of(stem), [noise], track.rate_hz, stem.gain)
    write_track(folder, track)
    return track
