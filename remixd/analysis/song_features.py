"""One reading of a song's stems side by side, for all that loudness, harmony and form need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from remixd.analysis.bands import BandLevels, Bands
from remixd.analysis.loudness import Loudness, LoudnessMeter
from remixd.analysis.overview import Outline, Overview
from remixd.analysis.streams import lockstep
from remixd.analysis.tones import Tones, ToneSpectra
from remixd.track.flac import Block
from remixd.units import StemRole


@dataclass(frozen=True, slots=True, kw_only=True)
class StemSource:
    """A stem to be read: stereo blocks, its role, and whether it is in the mix (an alternate is not)."""

    role: StemRole
    blocks: Iterable[Block]
    plays: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SongFeatures:
    """What was measured.

    Attributes:
        loudness, bands, overviews: by stem.
        tones: by role, of the stems that play together; drums have none.
        vocals: bands of all vocals that play together; None where there are none.
        mix: loudness of the sum of what plays.
    """

    loudness: Mapping[str, Loudness] = field(default_factory=dict)
    bands: Mapping[str, Bands] = field(default_factory=dict)
    overviews: Mapping[str, Overview] = field(default_factory=dict)
    tones: Mapping[StemRole, Tones] = field(default_factory=dict)
    vocals: Bands | None = None
    mix: Loudness


class _Stem:
    """What one stem is fed into."""

    def __init__(self, rate_hz: int, frames: int) -> None:
        self.loudness = LoudnessMeter(rate_hz)
        self.bands = BandLevels(rate_hz)
        self.outline = Outline(frames)

    def add(self, block: Block) -> None:
        self.loudness.add(block)
        self.bands.add(block)
        self.outline.add(block)


def listen(stems: Mapping[str, StemSource], rate_hz: int, frames: int) -> SongFeatures:
    """Read all stems once, in lockstep.

    Args:
        stems: by name; shorter ones end in silence.
        rate_hz: of all.
        frames: length of the song.

    Thread: [ingest]; keeps about 15 kB a second of three tonal roles and 1.7 kB more a stem.
    """
    fed = {name: _Stem(rate_hz, frames) for name in stems}
    playing = {name: stem for name, stem in stems.items() if stem.plays}
    spectra: dict[StemRole, ToneSpectra] = {
        stem.role: ToneSpectra(rate_hz) for stem in playing.values() if stem.role != "drums"
    }
    vocals = BandLevels(rate_hz) if "vocals" in spectra else None
    mix = LoudnessMeter(rate_hz)
    for blocks in lockstep([stem.blocks for stem in stems.values()]):
        by_name = dict(zip(stems, blocks, strict=True))
        for name, block in by_name.items():
            fed[name].add(block)
        mix.add(_sum([by_name[name] for name in playing], blocks[0]))
        for role, found in spectra.items():
            together = _sum([by_name[name] for name, stem in playing.items() if stem.role == role], blocks[0])
            found.add(together)
            if vocals and role == "vocals":
                vocals.add(together)
    bands = {name: stem.bands.finish() for name, stem in fed.items()}
    return SongFeatures(
        loudness={name: stem.loudness.finish() for name, stem in fed.items()},
        bands=bands,
        overviews={name: stem.outline.finish(bands[name], rate_hz) for name, stem in fed.items()},
        tones={role: found.finish() for role, found in spectra.items()},
        vocals=vocals.finish() if vocals else None,
        mix=mix.finish(),
    )


def _sum(blocks: Iterable[Block], like: Block) -> Block:
    total = np.zeros_like(like)
    for block in blocks:
        total += block
    return total
