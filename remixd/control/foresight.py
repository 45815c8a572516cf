"""What a session will play, as far as it is known: the kernel goes on without sound from its checkpoint.

Everything that the engine was told counts, to the sample: ramps, loops, jumps, marks that are waited for. So
do the sections that control will post when they are near. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from remixd._kernel import fft, mailbox
from remixd._kernel.checkpoint import told_of
from remixd._kernel.foresight import look_ahead
from remixd._kernel.mailbox import CommandEntry, ReportEntry
from remixd._kernel.player import Player
from remixd._kernel.resume import catch_up
from remixd._kernel.session import Session as Kernel
from remixd.config import user_cache_path
from remixd.control.ledger import Ledger, entry_of
from remixd.control.order import Order
from remixd.director.sections import Part
from remixd.engine.players import Players
from remixd.units import RATE_HZ

WISDOM: Final = "fftwf.wisdom"

VIRTUAL: Final = 1
"""From here on, ids of orders that nobody has sent yet; those that were sent have far higher ones."""

JUMPS_MAX: Final = 4
"""Jumps to sections that are looked for at a time."""

NEAR_FRAMES: Final = 64.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the deck that stands for the session plays at one pace, between two samples.

    Attributes:
        start, end: on the session clock.
        deck: 0 to 3.
        player: its key.
        frame: of the source, at `start`.
        pace: source frames a sample; negative: backwards.
    """

    start: float
    end: float
    deck: int
    player: int
    frame: float
    pace: float

    @property
    def last_frame(self) -> float:
        """The source frame where it ends."""
        return self.frame + self.pace * (self.end - self.start)

    def sample_of(self, frame: float) -> float:
        """When it is at a source frame."""
        return self.start + (frame - self.frame) / self.pace


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to come: stretches, in order, and what the engine will tell on the way."""

    stretches: tuple[Stretch, ...]
    reports: tuple[ReportEntry, ...]


class Foresight:
    """Looks ahead for one session; it keeps the players that it looks through."""

    def __init__(self) -> None:
        fft.prepare(user_cache_path() / WISDOM)
        self._stems = Players()
        self._players: dict[int, Player] = {}

    def look(
        self,
        checkpoint: bytes,
        orders: Mapping[int, Order],
        players: Mapping[int, Mapping[str, Any]],
        start: int,
        until: int,
        sections: Sequence[Part] = (),
    ) -> Ahead:
        """What is to come.

        Args:
            checkpoint: the newest one.
            orders: by their ids, what is not in it (`missing`), and what else is going to be sent.
            players: the score of each that the engine holds, by key.
            start: from which sample it is to tell, at the latest.
            until: and up to which.
            sections: where more than one, they are played in turn, from the first, which plays already or is
                on its way.

        Raises OSError or ValueError where a player's files are not there any more.
        """
        self._keep(players)
        known = dict(orders)
        ahead = self._pass(checkpoint, known, start, until)
        for number, (here, after) in enumerate(pairwise(sections[: JUMPS_MAX + 1])):
            jump = _jump(ahead, here, after)
            if jump is None:
                break
            known[VIRTUAL + number] = jump
            ahead = self._pass(checkpoint, known, start, until)
        return ahead

    def _keep(self, players: Mapping[int, Mapping[str, Any]]) -> None:
        for key in [key for key in self._players if key not in players]:
            del self._players[key]
        for key, score in players.items():
            if key not in self._players:
                self._players[key] = Player(**self._stems.read(dict(score)), key=key)
        self._stems.let_go()

    def _pass(self, checkpoint: bytes, orders: Mapping[int, Order], start: int, until: int) -> Ahead:
        session = Kernel()
        for player in self._players.values():
            session.shelve(player)
        commands: list[CommandEntry] = [entry_of(number, 0, order) for number, order in orders.items()]
        catch_up(session, checkpoint, commands, start)
        rows = look_ahead(session, until)
        stretches = tuple(
            Stretch(start, end, int(deck), int(player), frame, pace)
            for start, end, deck, player, frame, pace in rows.tolist()
        )
        return Ahead(stretches, tuple(session.take_reports()))


def missing(ledger: Ledger, checkpoint: bytes, end: int) -> dict[int, Order]:
    """The orders that are not in a checkpoint; those that are for no sample act at `end`."""
    return ledger.missing(told_of(checkpoint), end)


def _jump(ahead: Ahead, here: Part, after: Part) -> Order | None:
    """The jump with which a section goes on into another one than follows; None if that is too far ahead."""
    first, last, target = here.start_s * RATE_HZ, here.end_s * RATE_HZ, after.start_s * RATE_HZ
    inside = False
    for stretch in ahead.stretches:
        inside = inside or first - NEAR_FRAMES <= stretch.frame < last - NEAR_FRAMES
        inside = inside or stretch.frame <= first <= stretch.last_frame
        if inside and stretch.frame < last - NEAR_FRAMES <= stretch.last_frame:
            sample = round(stretch.sample_of(last))
            return Order(kind=mailbox.SEEK, deck=stretch.deck, value=round(target), sample=sample)
    return None
