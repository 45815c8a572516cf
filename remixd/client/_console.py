"""Consoles: hands on the decks of a session, blocking or for an event loop."""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import Any, Final

from remixd.client import _convert as convert
from remixd.client._audience_convert import crowd
from remixd.client._audience_types import Crowd
from remixd.client._errors import telling_errors
from remixd.client._hands import Hands
from remixd.client._types import Answer, Applied, Deck, Refused
from remixd.config import Address
from remixd.errors import RemixdError, Unavailable
from remixd.v1 import common_pb2
from remixd.v1 import console_pb2 as pb

MARK_TIMEOUT_S: Final = 300.0
"""How long to wait for a section to come, or for a track's cache."""


def _patience_s(command: pb.DeckCommand, timeout_s: float) -> float:
    waiting = command.WhichOneof("action") in ("load", "mix", "sections", "stinger")
    slow = waiting or command.at > common_pb2.WHEN_NOW
    return max(timeout_s, MARK_TIMEOUT_S) if slow else timeout_s


class _Book:
    """What a console was told: answers, what became of commands, how the decks stand, how it ended."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.outcomes: dict[str, Applied | Refused] = {}
        self.awaited: set[str] = set()
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
            case "answer":
                self.answers[message.answer.id] = convert.answer(message.answer)
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
        if outcome.id in self.awaited:
            self.outcomes[outcome.id] = outcome

    def end(self, error: RemixdError) -> None:
        """Nothing that is awaited will come."""
        self.error = self.error or error

    def ready(self, command_id: str, wait: bool) -> bool:
        """Whether a command's sender can be answered."""
        if self.error is not None:
            return True
        answer = self.answers.get(command_id)
        return answer is not None and (not wait or not answer.accepted or command_id in self.outcomes)

    def close(self, command_id: str) -> Answer:
        """The answer to a command, with what became of it. Raises what the console ended with."""
        answer, outcome = self.answers.pop(command_id, None), self.outcomes.pop(command_id, None)
        self.awaited.discard(command_id)
        if isinstance(outcome, Applied) and answer:
            return dataclasses.replace(answer, applied=outcome)
        if isinstance(outcome, Refused) and answer:
            return dataclasses.replace(answer, accepted=False, reason=outcome.reason)
        if self.error is not None:
            raise self.error
        if answer is None:
            raise Unavailable("the daemon did not answer in time")
        return answer


class _Told:
    """What was told last."""

    _book: _Book

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


class Console(_Told, Hands[Answer]):
    """Hands on the decks of one session. Leave its `with` when done; the decks stay as they are.

    Every method gives the command's `Answer`, whose `accepted` and `reason` tell; with `wait` also what
    became of it. Raises Unavailable when the session or the daemon goes, or does not answer in time. Any
    thread may use it.
    """

    def __init__(self, stub: Any, session: str, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._book = _Book()
        self._told = threading.Condition()
        self._requests: queue.SimpleQueue[pb.PerformRequest | None] = queue.SimpleQueue()
        self._requests.put(pb.PerformRequest(attach=pb.Attach(session=session)))
        self._call = stub.Perform(iter(self._requests.get, None))
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)
        self._thread.start()
        with self._told:
            in_place = self._told.wait_for(lambda: self._book.is_open or self._book.error, timeout_s)
        if self._book.error or not in_place:
            self.close()
            raise self._book.error or Unavailable(f"the daemon at {address} did not answer in time")

    def _read(self) -> None:
        error: RemixdError = Unavailable("the session ended")
        try:
            with telling_errors(self._address):
                for message in self._call:
                    with self._told:
                        self._book.take(message)
                        self._told.notify_all()
        except RemixdError as told:
            error = told
        with self._told:
            self._book.end(error)
            self._told.notify_all()

    def _send(self, command: pb.DeckCommand, wait: bool) -> Answer:
        with self._told:
            if self._book.error:
                raise self._book.error
            if wait:
                self._book.awaited.add(command.id)
            self._requests.put(pb.PerformRequest(command=command))
            patience_s = _patience_s(command, self._timeout_s) if wait else self._timeout_s
            in_time = self._told.wait_for(lambda: self._book.ready(command.id, wait), patience_s)
            answer = self._book.close(command.id)
        if not in_time:
            raise Unavailable(f"command {command.id} was accepted, but not heard of again in time")
        return answer

    def close(self) -> None:
        """Let go."""
        self._requests.put(None)
        self._call.cancel()
        self._thread.join(self._timeout_s)

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncConsole(_Told, Hands[Awaitable[Answer]]):
    """A `Console` for an event loop: enter it with `async with`, and await what its methods give."""

    def __init__(self, stub: Any, session: str, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._session = session
        self._stub = stub
        self._book = _Book()
        self._told = asyncio.Condition()
        self._call: Any = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncConsole:
        self._call = self._stub.Perform()
        self._reading = asyncio.create_task(self._read())
        try:
            with telling_errors(self._address):
                await self._call.write(pb.PerformRequest(attach=pb.Attach(session=self._session)))
        except (RemixdError, asyncio.InvalidStateError):
            pass  # why is what reading it tells
        in_place = await self._wait_for(lambda: self._book.is_open or bool(self._book.error), self._timeout_s)
        if self._book.error or not in_place:
            await self.close()
            raise self._book.error or Unavailable(f"the daemon at {self._address} did not answer in time")
        return self

    async def _wait_for(self, ready: Any, seconds: float) -> bool:
        async with self._told:
            try:
                await asyncio.wait_for(self._told.wait_for(ready), seconds)
            except TimeoutError:
                return False
        return True

    async def _read(self) -> None:
        error: RemixdError = Unavailable("the session ended")
        try:
            with telling_errors(self._address):
                async for message in self._call:
                    async with self._told:
                        self._book.take(message)
                        self._told.notify_all()
        except RemixdError as told:
            error = told
        async with self._told:
            self._book.end(error)
            self._told.notify_all()

    async def _send(self, command: pb.DeckCommand, wait: bool) -> Answer:
        if self._call is None:
            raise Unavailable("enter the console with `async with` first")
        if self._book.error:
            raise self._book.error
        if wait:
            self._book.awaited.add(command.id)
        with telling_errors(self._address):
            await self._call.write(pb.PerformRequest(command=command))
        patience_s = _patience_s(command, self._timeout_s) if wait else self._timeout_s
        in_time = await self._wait_for(lambda: self._book.ready(command.id, wait), patience_s)
        answer = self._book.close(command.id)
        if not in_time:
            raise Unavailable(f"command {command.id} was accepted, but not heard of again in time")
        return answer

    async def close(self) -> None:
        """Let go."""
        if self._call is not None and self._reading is not None:
            self._call.cancel()
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
