"""Replays: a session played again from its journal, the same samples bit for bit.

What a session sounds like is decided by its commands, their order, and the quantum before which the engine
took each; so every command is posted again, as it was, before that quantum, also those that were refused.
Thread: any, one at a time; not [render].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd._kernel import fft, mailbox, ring
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import (
    APPLIED,
    LOAD,
    MISSING,
    OUTSIDE,
    PATTERN,
    RACK,
    REFUSED,
    STINGER,
    SWAP,
    WAITS,
    CommandEntry,
    Mailbox,
    ReportEntry,
)
from remixd._kernel.patterns import PatternShelf
from remixd._kernel.player import Player
from remixd._kernel.rack import Rack
from remixd._kernel.resume import resume
from remixd._kernel.ring import PacketRing
from remixd._kernel.sampler import Pattern
from remixd._kernel.session import Session
from remixd._kernel.shared import STEMS_FRAMES
from remixd.control.provenance import wisdom_path
from remixd.control.recording import QUANTUM, Recording, Segment
from remixd.engine.patterns import make_pattern
from remixd.engine.players import Players
from remixd.errors import InvalidInput
from remixd.units import PACKET_FRAMES
from remixd.v1.journal_pb2 import JournalOrder, JournalReport

BLOCK_FRAMES: Final = 48_000
_COMMANDS: Final = 1024
_KEYS: Final = 1 << 32

Block = NDArray[np.float32]


@dataclass(slots=True)
class Replay:
    """A recording, to be played once.

    Args:
        recording: of the session.
        caches: the cache file of each stem, by its track and name.

    Attributes:
        strayed: the first sample at which something else happened than was recorded; None if nothing did.
    """

    recording: Recording
    caches: Mapping[tuple[str, str], Path]
    strayed: int | None = None
    _players: Players = field(default_factory=Players)

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[Block]:
        """All of it, from sample 0 on, in blocks of at most so many frames, which nothing else depends on.

        Yields float32 (frames, 2). Raises InvalidInput where the recording makes no sense to the kernel.
        """
        fft.prepare(wisdom_path())
        end, fade = self.recording.end, self.recording.fade_frames
        fade_from = max(end - fade, 0)
        clock = 0
        try:
            for block in self._all(block_frames):
                yield _faded(block, clock, fade_from, fade) if clock + len(block) > fade_from else block
                clock += len(block)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InvalidInput(f"the journal makes no sense: {error}") from None

    def _all(self, block_frames: int) -> Iterator[Block]:
        clock = 0
        for segment in self.recording.segments:
            yield from _silence(segment.start - clock, block_frames)  # nobody played it then
            yield from _Part(self, segment).blocks(block_frames)
            clock = max(clock, segment.end)

    def player(self, key: int) -> Player:
        """Make a player of the recording again."""
        return Player(**self.words(self.recording.players[key]), key=key)

    def words(self, score: Mapping[str, Any]) -> dict[str, Any]:
        """What the kernel takes of a player's score."""
        stems = [{**stem, "path": str(self.caches[stem["track"], stem["stem"]])} for stem in score["stems"]]
        return self._players.read({**score, "stems": stems})

    def pattern(self, key: int) -> Pattern:
        """Make a pattern of the recording again."""
        score = self.recording.patterns[key]
        stems = [{**stem, "path": str(self.caches[stem["track"], stem["stem"]])} for stem in score["stems"]]
        return make_pattern({**score, "stems": stems}, self._players.open)

    def rack(self, key: int) -> Rack:
        """Make a rack of the recording again, as it was when it was ready."""
        from remixd.engine.racks import Racks  # pedalboard comes with it: only where there are racks

        return Racks().build(self.recording.racks[key])[0]

    def check(self, told: JournalReport, report: ReportEntry) -> None:
        """Note where what happens is not what happened."""
        same = (told.kind, told.reason, told.position) == (report.kind, report.reason, report.position)
        if report.kind != REFUSED:  # which is told for where the block began
            same &= (told.sample, told.settled_sample) == (report.sample, report.settled_sample)
        if not same and (self.strayed is None or report.sample < self.strayed):
            self.strayed = max(report.sample, 0)


class _Part:
    """One segment, as it is played."""

    def __init__(self, replay: Replay, segment: Segment) -> None:
        self._replay = replay
        self._segment = segment
        self._shelved: set[int] = set()
        self._laid: set[int] = set()
        self._racked: set[int] = set()
        self._found = {
            report.id for report in segment.told if report.kind == APPLIED or report.reason == OUTSIDE
        }
        self._waited = {report.id for report in segment.told if report.kind == WAITS}
        self._missed = {report.id for report in segment.told if report.reason == MISSING}
        self._commands = Mailbox(bytearray(mailbox.size_bytes(_COMMANDS)), _COMMANDS)
        self._packets = PacketRing(bytearray(ring.size_bytes(4, PACKET_FRAMES)), 4, PACKET_FRAMES)
        self._session = self._restore() if segment.checkpoint else self._begin()
        self._feed = Feed(self._session, self._commands, self._packets)

    def _begin(self) -> Session:
        score = self._replay.recording.score
        first = score["player"]
        words: dict[str, Any] = {} if first is None else self._replay.words(first)
        if first is not None:
            self._shelved.add(int(first["key"]))
        return Session(**words, start=int(score["start"]), mix=score["mix"], apart=self._stems())

    def _stems(self) -> PacketRing | None:
        """Where its stems went, if they did: the mix is then added up in another order."""
        if not self._replay.recording.score.get("apart", False):
            return None
        return PacketRing(bytearray(ring.size_bytes(2, STEMS_FRAMES)), 2, STEMS_FRAMES)

    def _restore(self) -> Session:
        segment = self._segment
        session = Session(apart=self._stems())
        for key in segment.players:
            self._shelve(session, key)
        for key in segment.racks:
            self._rack(session, key)
        resume(session, segment.checkpoint, [_command(order) for order in segment.again], segment.start)
        return session

    def _shelve(self, session: Session, key: int) -> None:
        session.collect()
        session.shelve(self._replay.player(key))
        self._shelved.add(key)

    def _shelve_for(self, session: Session, order: JournalOrder) -> None:
        """Lay down what a command takes from the shelf, if it found it there."""
        if order.kind == RACK and order.id not in self._missed and 0 < order.extra < _KEYS:
            self._rack(session, int(order.extra))
        key = int(order.extra) if order.kind in (LOAD, SWAP) else 0
        if order.id in self._found and key not in self._shelved and key in self._replay.recording.players:
            self._shelve(session, key)
        key = int(order.extra) if order.kind in (PATTERN, STINGER) else 0
        was_there = order.id in self._found or (order.kind == STINGER and order.id in self._waited)
        if was_there and key not in self._laid and key in self._replay.recording.patterns:
            shelf = PatternShelf(session)
            shelf.collect()
            shelf.shelve(self._replay.pattern(key))
            self._laid.add(key)

    def _rack(self, session: Session, key: int) -> None:
        if key not in self._racked and key in self._replay.recording.racks:
            session.racks.collect()
            session.racks.put(self._replay.rack(key))
            self._racked.add(key)

    def blocks(self, block_frames: int) -> Iterator[Block]:
        """The segment, from its first sample to its last."""
        for taken, order in self._segment.posts():
            clock = min(max(taken - 1, 0) * QUANTUM, self._segment.end)
            yield from self._render_to(clock, block_frames)
            self._shelve_for(self._session, order)
            self._post(order)
        yield from self._render_to(self._segment.end, block_frames)

    def _post(self, order: JournalOrder) -> None:
        posted = self._commands.post_command(
            order.id, 0, order.dimension, order.value, sample=order.sample, ramp_frames=order.ramp_frames,
            kind=order.kind, deck=order.deck, when=order.when, shape=order.shape, expires=order.expires,
            extra=order.extra,
        )  # fmt: skip
        if not posted:
            raise InvalidInput(f"the journal has more than {_COMMANDS} commands for one quantum")

    def _render_to(self, clock: int, block_frames: int) -> Iterator[Block]:
        while (left := clock - self._session.clock) > 0:
            raw = self._feed.fill(min(left, block_frames), 0.0)
            yield np.frombuffer(raw, dtype=np.float32).reshape(-1, 2)
            for report in self._session.take_reports():
                told = self._segment.reports.get(report.id)
                if told is not None and report.kind != WAITS:
                    self._replay.check(told, report)


def _command(order: JournalOrder) -> CommandEntry:
    return CommandEntry(
        id=order.id, session=0, kind=order.kind, dimension=order.dimension, sample=order.sample,
        value=order.value, ramp_frames=order.ramp_frames, deck=order.deck, when=order.when, shape=order.shape,
        expires=order.expires, extra=order.extra,
    )  # fmt: skip


def _silence(frames: int, block_frames: int) -> Iterator[Block]:
    while frames > 0:
        yield np.zeros((min(frames, block_frames), 2), np.float32)
        frames -= block_frames


def _faded(block: Block, clock: int, fade_from: int, fade_frames: int) -> Block:
    """The fade of a session that is left, as the engine's host does it."""
    done = (clock - fade_from + np.arange(len(block)) + 1).astype(np.float32) / np.float32(fade_frames)
    gains = (1.0 - done.astype(np.float64)).astype(np.float32)
    gains[: max(fade_from - clock, 0)] = 1.0
    return block * gains[:, None]


def part(blocks: Iterator[Block], first: int, frames: int | None) -> Iterator[Block]:
    """Of blocks that begin at sample 0, those frames that lie from `first` on, at most `frames` of them."""
    clock = 0
    last = None if frames is None else first + frames
    for block in blocks:
        end = clock + len(block)
        if end > first:
            yield block[max(first - clock, 0) : None if last is None or last >= end else last - clock]
        clock = end
        if last is not None and clock >= last:
            return
