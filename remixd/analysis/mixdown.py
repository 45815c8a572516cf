"""The mix of what plays, in mono, for analysis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from remixd.analysis.beats import ANALYSIS_HZ, Mono
from remixd.track.flac import Block


class Mixdown:
    """Adds stems up, at ANALYSIS_HZ and in mono, while they are on their way to somewhere else.

    Thread: [ingest]; holds 10 MB a minute.
    """

    def __init__(self, frames: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self.samples: Mono = np.zeros(round(frames * ANALYSIS_HZ / rate_hz), np.float32)

    def tap(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Pass one stem's blocks on unchanged, and add them to the mix."""
        if self._rate_hz == ANALYSIS_HZ:
            convert = None
        else:
            convert = soxr.ResampleStream(self._rate_hz, ANALYSIS_HZ, 1, dtype="float32", quality="MQ")
        at = 0
        for block in blocks:
            mono = block.mean(axis=1)
            at = self._add(convert.resample_chunk(mono) if convert else mono, at)
            yield block
        if convert:
            self._add(convert.resample_chunk(np.zeros(0, np.float32), last=True), at)

    def _add(self, mono: Mono, at: int) -> int:
        into = self.samples[at : at + mono.shape[0]]
        into += mono[: into.shape[0]]
        return at + int(mono.shape[0])
