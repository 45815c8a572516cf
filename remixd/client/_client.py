"""The blocking face of the client."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from os import PathLike
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast

import grpc

from remixd.client._access import Access
from remixd.client._console import Console
from remixd.client._errors import telling_errors
from remixd.client._plans import TIMEOUT_S, Plans
from remixd.client._signals import SignalStream
from remixd.client._steps import CHANNEL_OPTIONS, Ask, Follow, Plan, Step, Take, built, stubs
from remixd.config import Address, listen_address
from remixd.errors import RemixdError

T = TypeVar("T")
P = ParamSpec("P")


class Stream(Iterator[T], Generic[T]):
    """What a daemon keeps sending. Iterate over it; close it, or leave its `with`, when done.

    Raises remixd's errors from the iteration.
    """

    def __init__(self, call: Any, follow: Follow[T], address: Address) -> None:
        self._call = call
        self._messages = iter(call)
        self._follow = follow
        self._address = address
        self._closed = False
        self._call.initial_metadata()  # comes once the daemon has the stream in place, or refused it

    def __next__(self) -> T:
        """Wait for the next one."""
        while True:
            try:
                with telling_errors(self._address):
                    value = self._follow.read(next(self._messages))
            except RemixdError:
                if self._closed or self._timed_out():
                    raise StopIteration from None
                raise
            if value is not None:
                return value

    def _timed_out(self) -> bool:
        return self._follow.ends_in_time and self._call.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._call.cancel()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _blocking(plan: Callable[Concatenate[Plans, P], Plan[T]]) -> Callable[Concatenate[Client, P], T]:
    """The method that carries a plan out."""

    @functools.wraps(plan)
    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._carry_out(plan(client._plans, *args, **kwargs))

    return method


def _following(
    plan: Callable[Concatenate[Plans, P], Follow[T]],
) -> Callable[Concatenate[Client, P], Stream[T]]:
    """The method that opens a stream, and returns once the daemon has it in place."""

    @functools.wraps(plan)
    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return client._follow(built(lambda: plan(client._plans, *args, **kwargs)))

    return method


class Client:
    """Talks to a daemon and blocks until it answers.

    Args:
        address: HOST:PORT; None for REMIXD_LISTEN, else 127.0.0.1:7400.
        timeout_s: how long an ordinary call may take.
        token, token_file, ca, certificate, key: see `Access`; None for what the environment says.

    Every method raises remixd's errors: NotFound, InvalidInput, Exhausted as the daemon does, and
    Unavailable if there is none. Any thread may call it. What each method does stands in `Plans`.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        ca: str | PathLike[str] | None = None,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
    ) -> None:
        self.address: Final[Address] = listen_address(address)
        self.timeout_s: Final = timeout_s
        self._plans = Plans(timeout_s)
        access = Access.of(token, token_file, ca, certificate, key)
        encryption = access.credentials(self.address)
        self._channel = (
            grpc.secure_channel(str(self.address), encryption, options=CHANNEL_OPTIONS)
            if encryption
            else grpc.insecure_channel(str(self.address), options=CHANNEL_OPTIONS)
        )
        self._stubs = stubs(self._channel, access)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; every stream ends."""
        self._channel.close()

    def _carry_out(self, plan: Plan[T]) -> T:
        with ExitStack() as streams:
            go_on: Callable[[], Step] = functools.partial(plan.send, None)
            while True:
                try:
                    step = built(go_on)
                except StopIteration as done:
                    return cast("T", done.value)
                try:
                    go_on = functools.partial(plan.send, self._do(step, streams))
                except RemixdError as error:
                    go_on = functools.partial(plan.throw, error)

    def _do(self, step: Step, streams: ExitStack) -> Any:
        match step:
            case Ask():
                call = getattr(self._stubs[step.service], step.method)
                with telling_errors(self.address):
                    return call(step.request, timeout=step.timeout_s)
            case Follow():
                return streams.enter_context(self._follow(step))
            case Take():
                return next(step.stream, None)

    def _follow(self, follow: Follow[T]) -> Stream[T]:
        call = getattr(self._stubs[follow.service], follow.method)
        return Stream(call(follow.request, timeout=follow.timeout_s), follow, self.address)

    def console(self, session: str) -> Console:
        """Take hold of the decks of a session: use it with `with`."""
        return Console(self._stubs["Console"], session, self.address, self.timeout_s)

    def signals(self, session: str) -> SignalStream:
        """Send batch after batch of signals to a session: use it with `with`."""
        return SignalStream(self._stubs["Audience"], session, self.address)

    is_serving = _blocking(Plans.is_serving)
    import_track = _blocking(Plans.import_track)
    tracks = _blocking(Plans.tracks)
    track = _blocking(Plans.track)
    edit_track = _blocking(Plans.edit_track)
    overview = _blocking(Plans.overview)
    delete_track = _blocking(Plans.delete_track)
    create_session = _blocking(Plans.create_session)
    sessions = _blocking(Plans.sessions)
    session = _blocking(Plans.session)
    delete_session = _blocking(Plans.delete_session)
    panic = _blocking(Plans.panic)
    packets = _following(Plans.packets)
    listen = _blocking(Plans.listen)
    watch = _following(Plans.watch)
    send = _blocking(Plans.send)
    signal = _blocking(Plans.signal)
    taste = _blocking(Plans.taste)
    explain = _blocking(Plans.explain)
    undo = _blocking(Plans.undo)
    forget_fan = _blocking(Plans.forget_fan)
    crowd = _blocking(Plans.crowd)
    plan = _blocking(Plans.plan)
    presets = _blocking(Plans.presets)
    preset = _blocking(Plans.preset)
    pick = _blocking(Plans.pick)
    save_preset = _blocking(Plans.save_preset)
    delete_preset = _blocking(Plans.delete_preset)
