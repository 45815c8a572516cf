"""One reading of a song's stems side by side, for all that loudness, harmony and form need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from remixd.analysis.bands import BandLevels, Bands
from remixd.analysis.loudness import Loudness, LoudnessMeter
from remixd.analysis.streams import lockstep
from remixd.analysis.tones import Tones, ToneSpectra
from remixd.track.flac import Block
from remixd.units import StemRole


@dataclass(frozen=True, slots=True, kw_only=True)
class StemSource:
    """A stem to be read: stereo blocks, and its role."""

    role: StemRole
    blocks: Iterable[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongFeatures:
    """What was measured.

    Attributes:
        bands: by stem.
        tones: by role; drums have none.
        vocals: bands of all vocals together; None where there are none.
        mix: loudness of the sum.
    """

    bands: Mapping[str, Bands] = field(default_factory=dict)
    tones: Mapping[StemRole, Tones] = field(default_factory=dict)
    vocals: Bands | None = None
    mix: Loudness


def listen(stems: Mapping[str, StemSource], rate_hz: int) -> SongFeatures:
    """Read all stems once, in lockstep.

    Args:
        stems: by name, those that play together; shorter ones end in silence.
        rate_hz: of all.

    Thread: [ingest]; keeps about 15 kB a second of three tonal roles and 1.7 kB more a stem.
    """
    bands = {name: BandLevels(rate_hz) for name in stems}
    spectra: dict[StemRole, ToneSpectra] = {
        stem.role: ToneSpectra(rate_hz) for stem in stems.values() if stem.role != "drums"
    }
    vocals = BandLevels(rate_hz) if "vocals" in spectra else None
    mix = LoudnessMeter(rate_hz)
    for blocks in lockstep([stem.blocks for stem in stems.values()]):
        by_name = dict(zip(stems, blocks, strict=True))
        for name, block in by_name.items():
            bands[name].add(block)
        mix.add(_sum(blocks, blocks[0]))
        for role, found in spectra.items():
            together = _sum([by_name[name] for name, stem in stems.items() if stem.role == role], blocks[0])
            found.add(together)
            if vocals and role == "vocals":
                vocals.add(together)
    return SongFeatures(
        bands={name: found.finish() for name, found in bands.items()},
        tones={role: found.finish() for role, found in spectra.items()},
        vocals=vocals.finish() if vocals else None,
        mix=mix.finish(),
    )


def _sum(blocks: Iterable[Block], like: Block) -> Block:
    total = np.zeros_like(like)
    for block in blocks:
        total += block
    return total
