"""Requests that are sent again: one that is known by its request_id is done once (AIP-155)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from remixd.audience.signal import check_name
from remixd.errors import Exhausted, InvalidInput, RemixdError

KEPT_S: Final = 600.0
"""For how long a request is known again once it was answered."""

KEPT_MAX: Final = 10_000

AWAITED_S: Final = 30.0
"""For how long a caller that went away before its answer may come back; then what was made is undone."""


class Repeatable(Protocol):
    """A request that may carry a request_id."""

    request_id: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:  # noqa: N802 (protobuf's name)
        """Its bytes."""


T = TypeVar("T")


@dataclass(slots=True)
class _Kept(Generic[T]):
    """A request that is or was worked on."""

    digest: bytes
    making: asyncio.Future[T]
    undo: Callable[[T], Awaitable[None]] | None
    callers: int = 0
    was_taken: bool = False


def name_of(caller: str, request_id: str) -> str:
    """A name for what a request makes, such that the same request finds it again, even by another daemon.

    16 hexadecimal digits: of a million names two are the same once in 40 million times.
    """
    return hashlib.sha256(f"{caller}\0{request_id}".encode()).hexdigest()[:16]


class Repeats(Generic[T]):
    """What the requests of one method came to, by their request_id and who sent them. Thread: [control].

    Args:
        kept_s: for how long a request is known again once it was answered.
        awaited_s: for how long a caller that went away may come back.
    """

    def __init__(self, kept_s: float = KEPT_S, awaited_s: float = AWAITED_S) -> None:
        self._kept_s = kept_s
        self._awaited_s = awaited_s
        self._kept: dict[tuple[str, str], _Kept[T]] = {}
        self._undoing: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    async def once(
        self,
        request: Repeatable,
        caller: str,
        make: Callable[[], Awaitable[T]],
        undo: Callable[[T], Awaitable[None]] | None = None,
    ) -> T:
        """What `make` gives: anew, or what it gave when `caller` sent this very request before.

        A request that fails is not known again. If all its callers go away before the answer, and none comes
        back in time, what it made is undone with `undo`. A request without a request_id is none of this.

        Raises InvalidInput for a request_id that was of another request, Exhausted where too many are known.
        """
        if not request.request_id:
            return await make()
        key = (caller, check_name("request_id", request.request_id))
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        kept = self._kept.get(key)
        if kept is None:
            kept = self._begin(key, digest, make, undo)
        elif kept.digest != digest:
            raise InvalidInput(
                f"request_id {key[1]!r} was that of another request: a new one wants a new id",
                field="request_id",
            )
        return await self._take(key, kept)

    def _begin(
        self,
        key: tuple[str, str],
        digest: bytes,
        make: Callable[[], Awaitable[T]],
        undo: Callable[[T], Awaitable[None]] | None,
    ) -> _Kept[T]:
        if len(self._kept) >= KEPT_MAX:
            raise Exhausted(f"{KEPT_MAX} request_ids are known: send it without one, or later")
        self._kept[key] = kept = _Kept(digest, asyncio.ensure_future(make()), undo)
        kept.making.add_done_callback(lambda _: self._end(key, kept))
        return kept

    def _end(self, key: tuple[str, str], kept: _Kept[T]) -> None:
        if kept.making.cancelled() or kept.making.exception() is not None:
            self._forget(key, kept)
        else:
            asyncio.get_running_loop().call_later(self._kept_s, self._forget, key, kept)

    async def _take(self, key: tuple[str, str], kept: _Kept[T]) -> T:
        kept.callers += 1
        try:
            made = await asyncio.shield(kept.making)
            kept.was_taken = True
            return made
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(self._awaited_s, self._drop, key, kept)
            raise
        finally:
            kept.callers -= 1

    def _forget(self, key: tuple[str, str], kept: _Kept[T]) -> None:
        if self._kept.get(key) is kept:
            del self._kept[key]

    def _drop(self, key: tuple[str, str], kept: _Kept[T]) -> None:
        """Undo what nobody came back for."""
        if kept.undo is None or kept.was_taken or kept.callers or self._kept.get(key) is not kept:
            return
        self._forget(key, kept)
        self._undoing.add(undoing := asyncio.ensure_future(_undo(kept.making, kept.undo)))
        undoing.add_done_callback(self._undoing.discard)


async def _undo(making: asyncio.Future[T], undo: Callable[[T], Awaitable[None]]) -> None:
    with contextlib.suppress(RemixdError):  # then there is nothing to undo
        await undo(await making)
