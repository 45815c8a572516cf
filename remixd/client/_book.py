"""What consoles were told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from remixd.client import _convert as convert
from remixd.client._audience_convert import crowd
from remixd.client._audience_types import Crowd
from remixd.client._types import Answer, Applied, Deck, Refused
from remixd.errors import Disconnected, RemixdError, Unavailable
from remixd.v1 import common_pb2
from remixd.v1 import console_pb2 as pb

MARK_TIMEOUT_S: Final = 300.0
"""How long to wait for a section to come, or for a track's cache."""


def patience_s(command: pb.DeckCommand, wait: bool, timeout_s: float) -> float:
    """How long to wait for what becomes of a command."""
    waiting = command.WhichOneof("action") in ("load", "mix", "sections", "stinger")
    slow = wait and (waiting or command.at > common_pb2.WHEN_NOW)
    return max(timeout_s, MARK_TIMEOUT_S) if slow else timeout_s


class Book:
    """What a console was told: answers, what became of commands, how the decks stand, how it ended.

    A command is open from `expect` to `close`. One that is open when the line is cut is not sent again: it
    meant a moment of the music that is over, and whether it was done is seen on the decks.
    """

    def __init__(self) -> None:
        self._open: dict[str, bool] = {}
        self._answers: dict[str, Answer] = {}
        self._outcomes: dict[str, Applied | Refused] = {}
        self._cut: dict[str, RemixdError] = {}
        self.decks: tuple[Deck, ...] = ()
        self.crowd: Crowd | None = None
        self.wanted: Mapping[str, float] = {}
        self.authority: Mapping[str, str] = {}
        self.is_open = False
        self.error: RemixdError | None = None

    def take(self, message: pb.PerformResponse) -> None:
        """Note one message."""
        self.is_open = True
        match message.WhichOneof("event"):
            case "answer" if message.answer.id in self._open:
                self._answers[message.answer.id] = convert.answer(message.answer)
            case "applied":
                self._note(convert.applied(message.applied))
            case "refused":
                self._note(Refused(id=message.refused.id, reason=message.refused.reason))
            case "status":
                self._take_status(message.status)
            case "missed":
                self.end(Unavailable(f"what became of {message.missed.answers} commands was missed"))
            case "lost":
                self.end(Unavailable(message.lost.reason))

    def _take_status(self, status: pb.ConsoleStatus) -> None:
        self.decks = tuple(convert.deck(deck) for deck in status.decks)
        self.crowd = crowd(status.crowd) if status.HasField("crowd") else None
        self.wanted = convert.in_order(status.wanted)
        self.authority = convert.in_order(status.authority)

    def _note(self, outcome: Applied | Refused) -> None:
        if self._open.get(outcome.id):
            self._outcomes[outcome.id] = outcome

    def cut(self, error: RemixdError) -> None:
        """The line is cut, and may come back."""
        self.is_open = False
        why = f"the daemon went away; whether it was done is seen on the decks, it is not sent again: {error}"
        self._cut |= {command_id: Disconnected(f"command {command_id}: {why}") for command_id in self._open}

    def end(self, error: RemixdError) -> None:
        """Nothing that is awaited will come."""
        self.error = self.error or error

    def expect(self, command_id: str, wait: bool) -> None:
        """Open a command, before it is sent.

        Raises what the console ended with; Disconnected while it is away.
        """
        if self.error:
            raise self.error
        if not self.is_open:
            raise Disconnected("the daemon is away: the command was not sent", sent=False)
        self._open[command_id] = wait

    def ready(self, command_id: str) -> bool:
        """Whether a command's sender can be answered."""
        if self.error is not None or command_id in self._cut:
            return True
        answer = self._answers.get(command_id)
        return answer is not None and (
            not self._open[command_id] or not answer.accepted or command_id in self._outcomes
        )

    def forget(self, command_id: str) -> None:
        """Nobody waits for a command any more."""
        for kept in (self._open, self._answers, self._outcomes, self._cut):
            kept.pop(command_id, None)

    def close(self, command_id: str) -> Answer:
        """The answer to a command, with what became of it. Raises what the console ended with, or cut it."""
        waited, error = self._open[command_id], self._cut.get(command_id) or self.error
        answer, outcome = self._answers.get(command_id), self._outcomes.get(command_id)
        self.forget(command_id)
        if isinstance(outcome, Applied) and answer:
            return dataclasses.replace(answer, applied=outcome)
        if isinstance(outcome, Refused) and answer:
            return dataclasses.replace(answer, accepted=False, reason=outcome.reason)
        if answer is not None and (not waited or not answer.accepted):
            return answer
        if error is not None:
            raise error
        if answer is None:
            raise Unavailable("the daemon did not answer in time")
        raise Unavailable(f"command {command_id} was accepted, but not heard of again in time")


class Told:
    """What was told last."""

    _book: Book

    @property
    def decks(self) -> tuple[Deck, ...]:
        """How the decks stand, as was told last: A to D."""
        return self._book.decks

    @property
    def crowd(self) -> Crowd | None:
        """The crowd of a directed session, however small, as was told last."""
        return self._book.crowd

    @property
    def wanted(self) -> Mapping[str, float]:
        """What the fans want together, as was told last; also of what the DJ holds."""
        return self._book.wanted

    @property
    def authority(self) -> Mapping[str, str]:
        """Who holds a dimension, "dj" or "locked", as was told last; the others are the fans'."""
        return self._book.authority
