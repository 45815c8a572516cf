"""A session that plays live here, commanded at random, with a journal that replays are held against."""

from __future__ import annotations

import itertools
import json
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from decks import band
from sounds import Audio

from remixd._kernel import mailbox, ring
from remixd._kernel.checkpoint import SIZE_BYTES, CheckpointMemory, told_of
from remixd._kernel.feed import Feed
from remixd._kernel.mailbox import Mailbox
from remixd._kernel.player import HIGH, LOW, Player
from remixd._kernel.resume import next_clock, resume
from remixd._kernel.ring import PacketRing
from remixd._kernel.session import Session
from remixd._kernel.shared import STEMS_FRAMES
from remixd.analysis.phase_tree import write_cached
from remixd.control.journal import Journal
from remixd.control.journal_file import JournalReader, file_start
from remixd.control.ledger import Ledger, entry_of
from remixd.control.order import EVERY_DECK, Order
from remixd.control.provenance import this_build, with_contents
from remixd.control.recording import read_recording
from remixd.control.replay import Replay
from remixd.control.score import rack_score
from remixd.engine.players import Players
from remixd.engine.racks import Racks
from remixd.errors import RemixdError
from remixd.mix import DIMENSIONS, PLAYABLE
from remixd.units import STEM_ROLES
from remixd.v1.journal_pb2 import JournalHeader

BEAT = 24_000
KINDS = [*range(mailbox.MIX, mailbox.ECHO + 1)]
RACKS = 100
"""Keys of racks begin here."""


def library(folder: Path, songs: int = 2, frames: int = 10 * BEAT) -> list[dict[str, Any]]:
    """Scores of songs of four stems whose caches are in a folder."""
    scores = []
    for number in range(songs):
        stems = band(frames, seed=1 + 8 * number)
        named = []
        for role, stem in zip(STEM_ROLES, stems, strict=True):
            path = folder / f"song-{number}" / f"{role}.pcm"
            path.parent.mkdir(exist_ok=True, parents=True)
            write_cached(path, stem.read(0, frames), role, bytes([number] * 32))
            named.append({"path": str(path), "role": STEM_ROLES.index(role)})
        beats = np.arange(0.0, frames, 20_000 + 1000 * number).tolist()
        scores.append({
            "key": 1 + number, "track": f"song-{number}", "stems": named, "loop": number == 0,
            "summed": False,
            "low": list(LOW), "high": list(HIGH),
            "vocals_limit_db": 6.0, "mashable": True, "beats": beats,
            "levels": [1 + (i % 4 == 0) + (i % 8 == 0) for i in range(len(beats))], "heard": True,
        })  # fmt: skip
    return scores


@dataclass
class Take:
    """One session, played and written down."""

    folder: Path
    score: dict[str, Any]
    journal: Journal
    library: Path = Path()
    session: Session = field(init=False)
    players: Players = field(default_factory=Players)
    heard: list[Audio] = field(default_factory=list)
    caches: dict[tuple[str, str], Path] = field(default_factory=dict)
    held: dict[int, dict[str, Any]] = field(default_factory=dict)
    racked: dict[int, dict[str, Any]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        first = self.score["player"]
        self.ledger = Ledger()
        self._begin({} if first is None else self.players.read(first))
        written = {**self.score, "player": None if first is None else with_contents(first)}
        self.journal.begin(
            JournalHeader(
                session="s-take",
                key=7,
                library=str(self.library),
                score=json.dumps(written),
                build=this_build(),
            )
        )
        if first is not None:
            self.held[first["key"]] = first
            self._know(first)

    def _begin(self, words: dict[str, Any]) -> None:
        self.checkpoints = CheckpointMemory(bytearray(SIZE_BYTES), True)
        self.session = Session(
            **words,
            start=self.score["start"],
            mix=self.score["mix"],
            checkpoints=self.checkpoints,
            key=7,
            apart=self._stems(),
        )
        self.commands = Mailbox(bytearray(mailbox.size_bytes(512)), 512)
        self.feed = Feed(self.session, self.commands, PacketRing(bytearray(ring.size_bytes(4, 480)), 4, 480))

    def _stems(self) -> PacketRing | None:
        if not self.score.get("apart"):
            return None
        return PacketRing(bytearray(ring.size_bytes(4, STEMS_FRAMES)), 4, STEMS_FRAMES)

    def _know(self, score: dict[str, Any]) -> None:
        for stem in score["stems"]:
            path = Path(stem["path"])
            self.caches[path.parent.name, path.stem] = path

    def load(self, score: dict[str, Any]) -> None:
        """Lay a player on the shelf."""
        self._know(score)
        self.held[score["key"]] = score
        self._collect()
        self.session.shelve(Player(**self.players.read(score), key=score["key"]))
        self.journal.load(score["key"], score)

    def lay(self, chain: list[dict[str, Any]], key: int) -> None:
        """Lay a rack down."""
        _, built = Racks().build({"key": key, "chain": chain})
        told = {name: getattr(built, name) for name in ("delay_frames", "owed_frames", "cost_ns")}
        score = rack_score(chain, key=key, built=told)
        self.racked[key] = score
        self._collect()
        self._put(score)
        self.journal.rack(key, score)

    def _put(self, score: dict[str, Any]) -> None:
        self.session.racks.put(Racks().build(score)[0])

    def _collect(self) -> None:
        for key in self.session.racks.collect():
            del self.racked[key]
        for key in self.session.collect():
            del self.held[key]

    def tell(self, order: Order) -> int:
        """Post one command."""
        self.count += 1
        self.journal.accept(self.count, order, [f"signal {self.count}"], "")
        assert order.post(self.commands, self.count, 7)
        self.ledger.send(self.count, order)
        return self.count

    def crash(self, silent: int) -> None:
        """Lose the engine; another goes on some frames later, as recovery has it do."""
        checkpoint, end = self.checkpoints.read(), self.session.clock
        assert checkpoint is not None
        orders = self.ledger.since(told_of(checkpoint), end)
        entries = [entry_of(number, 7, order) for number, order in orders.items()]
        self._collect()
        scores = list(self.held.values())
        self._begin({})
        for score in scores:
            self.session.shelve(Player(**self.players.read(score), key=score["key"]))
        for score in self.racked.values():
            self._put(score)
        clock = next_clock(end + silent, checkpoint)
        resume(self.session, checkpoint, entries, clock)
        self.heard.append(np.zeros((clock - end, 2), np.float32))
        request = {
            "players": scores, "commands": entries, "clock": end, "racks": list(self.racked.values()),
        }  # fmt: skip
        self.journal.resume(request, clock, checkpoint)

    def play(self, frames: int) -> None:
        """One block."""
        raw = self.feed.fill(frames, 0.0)
        self.heard.append(np.frombuffer(raw, np.float32).reshape(-1, 2))
        for report in self.session.take_reports():
            self.journal.take(report)
            self.ledger.take(report)
        self.journal.tick(self.session.clock)

    @property
    def path(self) -> Path:
        return self.folder / "s-take.rxj"

    def end(self) -> Audio:
        """End it, and write its journal; all that was heard."""
        self.journal.end("the test was over")
        self.path.write_bytes(self.journal.take_waiting(clock=False)[0])
        return np.concatenate(self.heard)

    def replayed(self, block_frames: int) -> Audio:
        """What the journal tells."""
        replay = Replay(read_recording(self.path), self.caches)
        heard = np.concatenate(list(replay.blocks(block_frames)))
        assert replay.strayed is None
        return heard


def session_score(player: dict[str, Any] | None) -> dict[str, Any]:
    return {"mix": [DIMENSIONS[name].neutral for name in PLAYABLE], "start": 0, "player": player}


def chance_order(chance: random.Random, clock: int) -> Order:
    """A command of any kind, sensible or not, mostly for now."""
    kind = chance.choice(KINDS)
    deck = chance.choice([0, 0, 0, 1, 1, 2])
    value = chance.choice([0.0, 1.0, 0.25, 0.5, 2.0, 4.0, -3.0, chance.uniform(0, 10 * BEAT)])
    dimension, extra = 0, chance.choice([-1.0, 0.0, 50_000.0, 2.0, 1.0])
    if kind == mailbox.MIX:
        name = chance.choice(PLAYABLE)
        dimension, row = PLAYABLE.index(name), DIMENSIONS[name]
        deck = chance.choice([EVERY_DECK, EVERY_DECK, deck])
        value = value - 3 if name in STEM_ROLES else chance.uniform(row.minimum, row.maximum)
        if chance.random() < 0.3:
            value = row.neutral
    elif kind in (mailbox.LEVEL, mailbox.STRIP):
        dimension = chance.randrange(4 if kind == mailbox.LEVEL else 7)
        value = chance.uniform(-1, 1) if dimension in (1, 5, 6) else chance.uniform(-60, 6)
    elif kind == mailbox.ECHO:
        dimension, value = chance.choice([(0, chance.uniform(2000, 90_000)), (1, 0.6), (2, 4000.0)])
    elif kind == mailbox.PACE:
        value = chance.uniform(60, 180)
    elif kind == mailbox.EJECT and chance.random() < 0.8:
        kind = mailbox.PLAY
    sample = chance.choice([-1, -1, -1, -1, clock + chance.randrange(0, 30_000), max(clock - 5000, 0)])
    when = chance.choice([0, 0, 0, 0, 0, 1, 2, 3])
    expires = clock + 60_000 if when and chance.random() < 0.5 else 0
    return Order(
        value=value, kind=kind, dimension=dimension, deck=deck, extra=extra, sample=sample, when=when,
        ramp_frames=chance.choice([0, 480, 5000]), expires=expires, shape=chance.randrange(2),
    )  # fmt: skip


def perform(
    take: Take,
    seed: int,
    frames: int,
    cuts: Sequence[int],
    orders: int,
    loads: list[dict[str, Any]],
    crashes: Sequence[int] = (),
) -> Audio:
    """Play a take to its end, with commands between blocks of random sizes, and crashes at some samples."""
    chance = random.Random(seed)
    waiting = list(loads)
    left = sorted(crashes)
    while take.session.clock < frames:
        clock = take.session.clock
        if left and clock >= left[0] and take.checkpoints.read():
            del left[0]
            take.crash(chance.randrange(0, 10_000))
            continue
        if waiting and (len(loads) - len(waiting)) * frames <= len(loads) * clock:
            score = waiting.pop()
            take.load(score)
            take.tell(Order(kind=mailbox.LOAD, deck=chance.randrange(3), extra=score["key"]))
        while take.count < orders * clock // frames:
            take.tell(chance_order(chance, clock))
        take.play(min(chance.choice(cuts), frames - clock))
    return take.end()


def play_changed(take: Take, count: int) -> list[str]:
    """Play a take's journal with bytes of its records changed behind sums that are right; what was told."""
    records = list(JournalReader(take.path))
    chance, told = random.Random(3), []
    for _ in range(count):
        changed = [record.SerializeToString() for record in records]
        for _ in range(chance.randrange(1, 4)):
            number = chance.randrange(len(changed))
            payload = bytearray(changed[number])
            payload[chance.randrange(len(payload))] = chance.randrange(256)
            changed[number] = bytes(payload)
        try:
            take.path.write_bytes(file_start() + b"".join(map(_sealed, changed)))
            blocks = Replay(read_recording(take.path), take.caches).blocks(4800)
            heard = list(itertools.islice(blocks, 8))
            assert all(np.isfinite(block).all() for block in heard)
        except RemixdError as error:
            told.append(str(error))
    return told


def _sealed(payload: bytes) -> bytes:
    head = struct.pack("<II", len(payload), zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload
