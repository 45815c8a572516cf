"""Rhythm of a song of any length: long ones are heard piece by piece, so that memory does not grow with them.

A song that goes on for longer than LONG_S is a set, a concert or a tape: it has no one tempo, metre or grid
that would have to be found as a whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.rhythm import Rhythm, find_rhythm
from remixd.analysis.rhythm_features import RhythmFeatures, StemFeatures
from remixd.track.flac import Block
from remixd.units import StemRole

LONG_S: Final = 1800.0
"""Songs up to here are heard as a whole: up to 400 MB."""

_PIECE_S: Final = 900.0
_BESIDE_S: Final = 20.0
"""How much of its neighbours a piece hears: a beat that goes on is found on both sides of a seam alike."""
_NEAR: Final = 0.6
"""Of a beat: two beats nearer than this, one from each side of a seam, are one."""


HearPiece = Callable[[StemFeatures, float, float, float, float], None]
"""Called with a stem's features of one piece, the step of their energy, and, in seconds, where the piece
begins, and from where to where it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A part of the song: frames `first` to `stop` are heard, those from `start` to `end` count."""

    first: int
    start: int
    end: int
    stop: int


class RhythmFinder:
    """Finds the rhythm of stems on their way to somewhere else.

    Args:
        rate_hz: of every stem, 8000 to 384000.
        frames: of the longest stem.
        stems: how many there are.
        find: reads one piece.

    Thread: [ingest]; holds 0.8 MB a stem and minute, of LONG_S at most.
    """

    def __init__(
        self,
        rate_hz: int,
        frames: int,
        stems: int,
        find: Callable[[RhythmFeatures], Rhythm] = find_rhythm,
    ) -> None:
        self._rate_hz, self._stems, self._find = rate_hz, stems, find
        self._pieces = list(_pieces(frames, rate_hz))
        self._hearing: dict[int, RhythmFeatures] = {}
        self._found: dict[int, Rhythm] = {}

    def tap(self, blocks: Iterable[Block], role: StemRole, heard: HearPiece | None = None) -> Iterator[Block]:
        """Pass one stem's blocks on unchanged; read all stems side by side, or every piece is held.

        Args:
            blocks: float32 (frames, 2), any number of frames each, all finite.
            role: of the stem; a full mix is "other".
            heard: is given the stem's features, piece by piece, before they go.
        """
        listening: dict[int, _Feed] = {}
        at = index = 0
        for block in blocks:
            end = at + block.shape[0]
            while index < len(self._pieces) and self._pieces[index].first < end:
                listening[index] = _Feed(self._features(index), role)
                index += 1
            for number, feed in list(listening.items()):
                piece = self._pieces[number]
                feed.take(block[max(piece.first - at, 0) : piece.stop - at])
                if piece.stop <= end:
                    self._end(number, listening.pop(number), heard)
            at = end
            yield block
        for number, feed in listening.items():
            self._end(number, feed, heard)

    def find(self) -> Rhythm:
        """The rhythm of the whole, once all stems are through."""
        for number in sorted(self._hearing):  # where some stems are shorter than the others
            self._found[number] = self._find(self._hearing.pop(number))
        found = [
            (piece, self._found[number]) for number, piece in enumerate(self._pieces) if number in self._found
        ]
        if len(self._pieces) == 1:
            return found[0][1] if found else Rhythm()
        return _joined(found, self._rate_hz)

    def _features(self, number: int) -> RhythmFeatures:
        return self._hearing.setdefault(number, RhythmFeatures(self._rate_hz))

    def _end(self, number: int, feed: _Feed, heard: HearPiece | None) -> None:
        feed.end()
        features = self._hearing[number]
        if heard:
            piece = self._pieces[number]
            at_s = (frame / self._rate_hz for frame in (piece.first, piece.start, piece.end))
            heard(features.stems[-1], features.step_s, *at_s)
        if len(features.stems) == self._stems:
            self._found[number] = self._find(self._hearing.pop(number))


class _Feed:
    """Gives blocks to `RhythmFeatures.tap`, which would rather take them itself."""

    def __init__(self, features: RhythmFeatures, role: StemRole) -> None:
        self._given: list[Block] = []
        self._through = features.tap(self._taken(), role)

    def _taken(self) -> Iterator[Block]:
        while self._given:
            yield self._given.pop()

    def take(self, block: Block) -> None:
        if block.shape[0]:
            self._given.append(block)
            next(self._through)

    def end(self) -> None:
        next(self._through, None)


def _pieces(frames: int, rate_hz: int) -> Iterator[_Piece]:
    """One piece for a song that is not long, else pieces of about _PIECE_S."""
    count = 1 if frames <= LONG_S * rate_hz else math.ceil(frames / (_PIECE_S * rate_hz))
    beside = round(_BESIDE_S * rate_hz)
    for number in range(count):
        start, end = number * frames // count, (number + 1) * frames // count
        yield _Piece(first=max(0, start - beside), start=start, end=end, stop=min(frames, end + beside))


def _joined(found: Sequence[tuple[_Piece, Rhythm]], rate_hz: int) -> Rhythm:
    """One rhythm of several: each gives the beats of its own part."""
    beats: list[float] = []
    downbeats: set[float] = set()
    for piece, rhythm in found:
        offset_s = piece.first / rate_hz
        bars = set(rhythm.downbeats_s)
        period_s = 60.0 / rhythm.bpm if rhythm.bpm else math.inf
        for beat_s in rhythm.beats_s:
            at_s = beat_s + offset_s
            if not piece.start <= at_s * rate_hz < piece.end or (
                beats and at_s - beats[-1] < _NEAR * period_s
            ):
                continue
            beats.append(at_s)
            if beat_s in bars:
                downbeats.add(at_s)
    if len(beats) < 2:
        return Rhythm()
    sounding = [(piece, rhythm) for piece, rhythm in found if rhythm.beats_s]
    shares = np.array([piece.end - piece.start for piece, _ in sounding], np.float64)
    metres: Counter[str | None] = Counter()
    for (_, rhythm), share in zip(sounding, shares.tolist(), strict=True):
        metres[rhythm.metre] += round(share)
    return Rhythm(
        bpm=float(60.0 / np.median(np.diff(np.array(beats)))),
        metre=metres.most_common(1)[0][0],
        beats_s=tuple(beats),
        downbeats_s=tuple(sorted(downbeats)),
        confidence=_mean_confidence([rhythm for _, rhythm in sounding], shares),
    )


def _mean_confidence(rhythms: Sequence[Rhythm], shares: NDArray[np.float64]) -> dict[str, float]:
    names = {name: None for rhythm in rhythms for name in rhythm.confidence}
    return {
        name: round(
            float(np.average([rhythm.confidence.get(name, 0.0) for rhythm in rhythms], weights=shares)), 4
        )
        for name in names
    }
