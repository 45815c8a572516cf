"""Scores: what a session, or a deck, is made of, as plain values that JSON carries.

An engine can make it again from nothing but that. This is the one place where they are written; the engine's
process reads them. Thread: [control].
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from remixd.control.sink import Sink
from remixd.director.grid import Grid
from remixd.mix import PLAYABLE
from remixd.track.analysis import LEAST_BEAT_S
from remixd.track.package import Track
from remixd.track.rights import VOCALS_ABOVE_DB
from remixd.track.variants import MASTER, as_master, as_sum, of_stems
from remixd.units import RATE_HZ, STEM_ROLES

LEAD_NS: Final = 20_000_000
DIRECTED_LEAD_NS: Final = 100_000_000
"""How long before it is heard a session is rendered, hands-on or directed."""

FIRST_PLAYER: Final = 1
"""The key of what a session begins with; what is loaded later has higher ones."""

BEATS_MAX: Final = 1 << 17
"""Beats of one track that the kernel takes."""

BEAT_S: Final = 0.5
BEATS_A_BAR: Final = 4
"""What stands in for beats and bars where a track has none: half a second, two seconds."""


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a track as the kernel counts them: source frames, and what begins at each.

    Attributes:
        levels: 1 a beat, 2 a bar, 3 a phrase, 4 a section.
        heard: whether they are the music's own; else seconds stand in for them.
    """

    frames: tuple[float, ...]
    levels: tuple[int, ...]
    heard: bool

    @classmethod
    def of(cls, track: Track) -> Self:
        """Of a track, from its start to its end: the first and last interval go on beyond its beats."""
        grid = Grid.of(track.analysis, track.duration_s)
        known = _apart(track.analysis.beats_s)
        heard = len(known) > 1
        beats = _to_the_ends(known, track.duration_s) if heard else _seconds(track.duration_s)
        levels = [1] * len(beats)
        for level, starts in ((2, grid.bars), (3, grid.phrases), (4, grid.sections)):
            for start in starts:
                index = _nearest(beats, start)
                levels[index] = max(levels[index], level)
        return cls(tuple(round(beat * RATE_HZ, 3) for beat in beats), tuple(levels), heard)

    def next(self, level: int, frame: float) -> float | None:
        """The first mark of at least `level` that is not before a source frame; None if there is none."""
        at = bisect_left(self.frames, frame)
        return next((self.frames[i] for i in range(at, len(self.frames)) if self.levels[i] >= level), None)

    def nearest(self, level: int, frame: float) -> float:
        """The mark of at least `level` that is nearest to a source frame."""
        marks = [at for at, here in zip(self.frames, self.levels, strict=True) if here >= level]
        return min(marks or self.frames, key=lambda at: abs(at - frame))

    def interval(self, frame: float) -> float:
        """Source frames of the beat in which a source frame lies."""
        index = min(max(bisect_left(self.frames, frame) - 1, 0), len(self.frames) - 2)
        return self.frames[index + 1] - self.frames[index]


def _apart(beats_s: Sequence[float]) -> list[float]:
    """The beats but for those that come too soon after another to be any."""
    kept: list[float] = []
    for beat in beats_s[:BEATS_MAX]:
        if not kept or beat >= kept[-1] + LEAST_BEAT_S:
            kept.append(beat)
    return kept


def _to_the_ends(beats: Sequence[float], duration_s: float) -> list[float]:
    first, last = beats[1] - beats[0], beats[-1] - beats[-2]
    room = BEATS_MAX - len(beats)
    before = [beats[0] - first * count for count in range(1, min(int(beats[0] / first + 1e-6), room) + 1)]
    room -= len(before)
    count_after = min(max(int((duration_s - beats[-1]) / last - 1e-9), 0), room)  # none at the very end
    return [max(beat, 0.0) for beat in reversed(before)] + [
        *beats,
        *(beats[-1] + last * count for count in range(1, count_after + 1)),
    ]


def _seconds(duration_s: float) -> list[float]:
    return [BEAT_S * count for count in range(min(max(int(duration_s / BEAT_S), 2), BEATS_MAX))]


def _nearest(beats: Sequence[float], time_s: float) -> int:
    after = min(bisect_left(beats, time_s), len(beats) - 1)
    return after - 1 if after and time_s - beats[after - 1] < beats[after] - time_s else after


def player_score(
    track: Track,
    caches: Sequence[Path],
    *,
    key: int,
    loop: bool = False,
    summed: bool = False,
    stands_for: Sequence[str] = (),
) -> dict[str, Any]:
    """What a deck needs to play a track.

    Args:
        track: which.
        caches: the cache file of each of its playing stems, in order.
        key: never used twice in a session.
        loop: whether it starts over at its end.
        summed: whether its gains act with the frame, which is cheaper.
        stands_for: the stems in whose place an engine with too much to do plays its one stem, if any.
    """
    low, high = zip(*(track.rights.range(name) for name in PLAYABLE), strict=True)
    beats = Beats.of(track)
    return {
        "key": key,
        "track": track.id,
        "stems": [
            {"path": str(path), "role": STEM_ROLES.index(stem.role)}
            for stem, path in zip(track.playing_stems, caches, strict=True)
        ],
        "stands_for": list(stands_for),
        "loop": loop,
        "summed": summed,
        "low": low,
        "high": high,
        "vocals_limit_db": None if track.rights.vocals_solo else VOCALS_ABOVE_DB,
        "mashable": track.rights.mash_ups,
        "generated": track.rights.generated,
        "separable": track.is_separable,
        "beats": beats.frames,
        "levels": beats.levels,
        "heard": beats.heard,
    }


def rack_score(
    chain: Sequence[Mapping[str, Any]], *, key: int, built: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a place of a session needs to have effects.

    Args:
        chain: its effects, in order: `{"effect": name, parameter: value, ...}`.
        key: never used twice in a session, also not for a player.
        built: what the engine told when it was built; then it is not measured again.
    """
    score: dict[str, Any] = {"key": key, "chain": [dict(element) for element in chain]}
    if built is not None:
        known = ("delay_frames", "owed_frames", "cost_ns", "blocks_between")
        score |= {name: built[name] for name in known if name in built}
    return score


def track_of(score: Mapping[str, Any], whole: Track) -> tuple[Track, Track]:
    """Of a player's score: the track that it plays, and the one that it stands for, mostly the same.

    Args:
        score: as `player_score` writes it, or as a journal keeps it.
        whole: the track, as the library has it now.

    Raises InvalidInput where that has not the stems any more.
    """
    names = [stem["stem"] if "stem" in stem else Path(stem["path"]).stem for stem in score["stems"]]
    if not (parts := score.get("stands_for")):
        played = of_stems(whole, names)
        return played, played
    stems = of_stems(whole, parts)
    return as_master(whole) if names == [MASTER] else as_sum(stems), stems


def session_score(
    mix: Mapping[str, float],
    sink: Sink,
    *,
    is_directed: bool,
    block_frames: int,
    player: Mapping[str, Any] | None = None,
    apart: bool = False,
) -> dict[str, Any]:
    """What a session needs.

    Args:
        mix: the value of every dimension that it begins with.
        sink: where it plays.
        is_directed: whether nobody has a hand on the faders; then it is rendered longer ahead.
        block_frames: of a device.
        player: `player_score` of what plays at once on deck A; None for empty decks.
        apart: whether its stems are handed out one by one.
    """
    return {
        "apart": apart,
        "mix": [mix[name] for name in PLAYABLE],
        "start": 0,
        "player": player,
        "lead_ns": DIRECTED_LEAD_NS if is_directed else LEAD_NS,
        "sink": {"kind": sink.kind, "name": sink.name, "block_frames": block_frames},
    }
