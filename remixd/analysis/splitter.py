"""From a full mix to stems that sum to it to the bit, whoever guesses them.

A splitter guesses every part but `other`, which is what they leave of the mix. Parts are rounded to the
steps of the package's 24 bits before they are taken from the mix, so every sum of them is a whole number
of at most 2**24, and float32 adds them exactly in any order.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from remixd.track.flac import FULL_SCALE, Block, FlacWriter, quantised
from remixd.track.import_options import SplitterName
from remixd.track.package import Stem
from remixd.units import StemRole

REST: Final[StemRole] = "other"

Steps = npt.NDArray[np.int32]
"""Stereo samples as whole numbers of a package's steps, (frames, 2)."""


class Splitter(Protocol):
    """Guesses stems from a mix.

    Attributes:
        roles: of the parts that it guesses, each of another role; what they leave is `other`.
        version: changes with what comes out, and with it the content of a track.
        note: a sentence for people, how the stems came to be and what they are fit for.
    """

    roles: tuple[StemRole, ...]
    version: str
    note: str

    def split(self, blocks: Iterable[Block], rate_hz: int) -> Iterator[tuple[Block, ...]]:
        """The mix, then every part, in the same frames; as many in all as went in.

        Args:
            blocks: the mix, stereo float32 (n, 2).
            rate_hz: its sample rate.

        Thread: [ingest]; holds a few seconds, however long the song is.
        """


def choose_splitter(name: SplitterName) -> Splitter | None:
    """The splitter of a name; None for `none`. Raises Unavailable where an extra or its weights lack."""
    if name == "none":
        return None
    if name == "demucs":
        from remixd.analysis.demucs import DemucsSplitter

        return DemucsSplitter()
    from remixd.analysis.harmonic import HarmonicSplitter

    return HarmonicSplitter()


def write_split(
    splitter: Splitter, blocks: Iterable[Block], folder: Path, rate_hz: int, gain: float
) -> tuple[Stem, ...]:
    """Write a mix as estimated stems into a package's `stems`, all on disk before it returns.

    Args:
        splitter: what guesses them.
        blocks: the mix, stereo float32 (n, 2), of whole steps of `gain` or to be rounded to them.
        folder: of the package.
        rate_hz: of the mix.
        gain: of all stems: that of the mix.

    Thread: [ingest].
    """
    stems = tuple(
        Stem(name=role, role=role, file=f"stems/{role}.flac", gain=gain, estimated=True)
        for role in (*splitter.roles, REST)
    )
    step = np.float32(gain / FULL_SCALE)
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(FlacWriter(folder / stem.file, rate_hz, gain)) for stem in stems]
        for mix, *parts in splitter.split(blocks, rate_hz):
            shares = shared_out(quantised(mix, gain), [quantised(part, gain) for part in parts])
            for writer, share in zip(writers, shares, strict=True):
                writer.write(cast(Block, share.astype(np.float32) * step))
    for stem in stems:
        with (folder / stem.file).open("rb") as file:
            os.fsync(file.fileno())
    return stems


def shared_out(mix: Steps, parts: Sequence[Steps]) -> list[Steps]:
    """The parts and the rest of a mix, none beyond 24 bits, that sum to it exactly.

    Where the rest would be beyond full scale, the parts take over what is too much of it, each as much as it
    has room for; together they always have enough.

    Args:
        mix: int32 (frames, 2), within 24 bits; so is each of `parts`.
        parts: what a splitter guessed.
    """
    low, high = -int(FULL_SCALE), int(FULL_SCALE) - 1
    shares = [part.copy() for part in parts]
    rest = mix - sum(shares)
    for share in shares:
        beyond = rest - np.clip(rest, low, high)
        if not beyond.any():
            break
        taken = np.clip(share + beyond, low, high) - share
        share += taken
        rest -= taken
    return [*shares, rest]
