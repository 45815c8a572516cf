"""Who calls, and what they may: the gate that every call passes, whatever it came by. Thread: [control]."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from remixd.api.quotas import Quotas
from remixd.api.scopes import FANS_ONLY, RULES, SCOPES
from remixd.api.tokens import Claims, Keyring
from remixd.errors import Exhausted, Forbidden, RemixdError, Unauthenticated
from remixd.settings import Limits

log = logging.getLogger(__name__)

PREFIX: Final = "bearer "
TELL_S: Final = 1.0
"""At most so often a refusal is logged: whoever knocks must not fill the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls.

    Attributes:
        sub: who that is; None on this machine, where no tokens are asked for.
        key_id: of the key that signed the token.
        scopes: some of SCOPES.
        sessions: the only ones that it is for; None for any.
        made: those that it made itself; of the scope `create` alone the only ones there are.
        fans: whether it speaks for any fan; else for the fan `sub` alone.
        verified: whether `sub` is vouched for to be one person.
        expires_unix_s: when it is not let go on.
    """

    sub: str | None = None
    key_id: str = ""
    scopes: frozenset[str] = frozenset(SCOPES)
    sessions: frozenset[str] | None = None
    made: Collection[str] = ()
    fans: bool = True
    verified: bool = True
    expires_unix_s: float = math.inf

    @property
    def is_controlling(self) -> bool:
        """Whether it is more than a fan."""
        return bool(self.scopes - FANS_ONLY)

    def may_see(self, session: str) -> bool:
        """Whether a session is there for this caller."""
        if session in self.made:
            return True
        if self.sessions is not None:
            return session in self.sessions
        return bool(self.scopes - {"create"})

    def owns(self, session: str) -> bool:
        """Whether it may end a session."""
        return "admin" in self.scopes or session in self.made

    def fan(self, handle: str) -> str:
        """The fan that it speaks for when it names this one: its own if it names none.

        Raises Forbidden for anybody else's.
        """
        if self.fans:
            return handle
        if handle and handle != self.sub:
            raise Forbidden("this token speaks for its own fan only: leave `fan` empty, or name its `sub`")
        return self.sub or ""

    def check_sink(self, sink: str) -> None:
        """Raise Forbidden for a sink by which a session would write files here, or play in this room."""
        if "admin" not in self.scopes and sink.partition(":")[0] not in ("", "stream", "null"):
            raise Forbidden("sinks other than stream and null are for the scope admin")


LOCAL: Final = Caller()
"""Whoever is on this machine, where no tokens are asked for: everything is allowed."""

_CALLER: ContextVar[Caller] = ContextVar("caller", default=LOCAL)


def calling() -> Caller:
    """Who makes the call that is being answered."""
    return _CALLER.get()


def begin_call(caller: Caller) -> None:
    """Let `calling` tell this caller for the rest of the task: of a stream that others may close."""
    _CALLER.set(caller)


class Gate:
    """Lets callers in.

    Args:
        keyring: of the keys that sign tokens; None if this machine alone can call, and may do everything.
        limits: how much each caller may have.
    """

    def __init__(self, keyring: Keyring | None = None, limits: Limits | None = None) -> None:
        self._keyring = keyring
        self.quotas = Quotas(limits or Limits())
        self._made: dict[str, set[str]] = {}
        self._being_made: Counter[str] = Counter()
        self._told_s = -math.inf
        self._untold = 0

    @property
    def asks_for_tokens(self) -> bool:
        """Whether callers need a token."""
        return self._keyring is not None

    def admit(self, method: str, bearer: str | None, peer: str) -> Caller:
        """Let a caller in, for one call.

        Args:
            method: `/package.Service/Method`.
            bearer: what came as `authorization`, with or without the word Bearer; None if nothing did.
            peer: from where it came, for the log.

        Raises Unauthenticated without a token that is valid, Forbidden if it is not for this call, Exhausted
        if its caller calls too often.
        """
        if self._keyring is None:
            return LOCAL
        try:
            return self._admit(self._keyring, method, bearer)
        except Exhausted:
            raise
        except RemixdError as error:
            self._tell(method, peer, error)
            raise

    def knows(self, bearer: str | None) -> bool:
        """Whether a token is valid, or none is asked for."""
        if self._keyring is None:
            return True
        try:
            _claims(self._keyring, bearer)
        except Unauthenticated:
            return False
        return True

    def check(self, method: str, bearer: str | None, peer: str) -> None:
        """Raise Unauthenticated without a token that is valid; nothing is counted, and no scope looked at."""
        if self._keyring is not None:
            try:
                _claims(self._keyring, bearer)
            except RemixdError as error:
                self._tell(method, peer, error)
                raise

    def _admit(self, keyring: Keyring, method: str, bearer: str | None) -> Caller:
        claims = _claims(keyring, bearer)
        self.quotas.take("calls", claims.sub)
        rule = RULES.get(method)
        if rule is None or not claims.scopes & (rule.scopes | {"admin"}):
            needed = " or ".join(sorted((rule.scopes if rule else set()) | {"admin"}))
            raise Forbidden(f"this token is not for {method.rpartition('/')[2]}: it needs the scope {needed}")
        return Caller(
            sub=claims.sub, key_id=claims.key_id, scopes=claims.scopes, sessions=claims.sessions,
            made=self._made.get(claims.sub, ()), fans=claims.fans or "admin" in claims.scopes,
            verified=claims.verified, expires_unix_s=claims.expires_unix_s,
        )  # fmt: skip

    def _tell(self, method: str, peer: str, error: RemixdError) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < TELL_S:
            self._untold += 1
            return
        more = f" (and {self._untold} more)" if self._untold else ""
        self._told_s, self._untold = now_s, 0
        log.warning("%s from %s is refused: %s%s", method, peer, error, more)

    def stream(self, caller: Caller) -> AbstractContextManager[None]:
        """Hold a stream of a caller open. Raises Exhausted if it has too many."""
        return self.quotas.stream(caller.sub)

    def count(self, caller: Caller, quota: str, count: int = 1) -> None:
        """Count `calls` or `signals` of a caller. Raises Exhausted if those are too many."""
        if caller.sub is not None and count:
            self.quotas.take(quota, caller.sub, count)

    @contextmanager
    def making(self, caller: Caller, playing: Collection[str]) -> Iterator[set[str]]:
        """Let a caller make a session, and remember those that are added to the set as its own.

        Args:
            caller: of the scope to do so.
            playing: all sessions that there are.

        Raises Exhausted if it has made as many as it may.
        """
        made: set[str] = set()
        if caller.sub is None:
            yield made
            return
        own = self._made.setdefault(caller.sub, set())
        own &= set(playing)
        if len(own) + self._being_made[caller.sub] >= self.quotas.limits.sessions_per_token:
            raise Exhausted(
                f"this token has made {len(own)} sessions, and may make no more", quota="sessions"
            )
        self._being_made[caller.sub] += 1
        try:
            yield made
        finally:
            self._being_made[caller.sub] -= 1
            self._made.setdefault(caller.sub, own).update(made)

    def note_made(self, sub: str, session: str) -> None:
        """Know whose a session is that another daemon began; nobody's if `sub` is empty."""
        if sub:
            self._made.setdefault(sub, set()).add(session)

    def note_gone(self, session: str) -> None:
        """Forget whose a session was."""
        for sub, made in list(self._made.items()):
            made.discard(session)
            if not made:
                del self._made[sub]

    def reload(self) -> None:
        """Read the keys of tokens anew."""
        if self._keyring is not None:
            self._keyring.reload()


def _claims(keyring: Keyring, bearer: str | None) -> Claims:
    if not bearer:
        raise Unauthenticated("this daemon asks for a token: send it as `authorization: Bearer TOKEN`")
    return keyring.claims(bearer[len(PREFIX) :] if bearer[: len(PREFIX)].lower() == PREFIX else bearer)
