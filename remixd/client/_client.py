"""The blocking face of the client."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from os import PathLike
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import grpc

from remixd.client._access import Access
from remixd.client._console import Console
from remixd.client._errors import telling_errors
from remixd.client._link import Asking, Link
from remixd.client._plans import TIMEOUT_S, Plans
from remixd.client._signals import OnAnswer, SignalStream
from remixd.client._steps import CHANNEL_OPTIONS, Ask, Follow, Plan, Step, Take, built, stubs
from remixd.client._streams import Stream
from remixd.client._threads import Threads, close_at_exit
from remixd.config import Address, listen_address
from remixd.errors import Disconnected, RemixdError

T = TypeVar("T")
P = ParamSpec("P")


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
        reconnect: whether to try again when a daemon that answered before goes away.
        token, token_file, ca, certificate, key: see `Access`; None for what the environment says.

    Every method raises remixd's errors: NotFound, InvalidInput, Exhausted as the daemon does, and
    Unavailable if there is none. Any thread may call it. What each method does stands in `Plans`.

    A daemon that was killed leaves its sessions playing for a minute, and the next one has them. So, with
    `reconnect`, calls that may be repeated (what reads; signals, which have ids) are tried again within their
    timeout, others if the daemon cannot have heard of them; and `packets`, `listen`, `watch`, `console` and
    `signals` go on by themselves for a minute: packets with the newest, which tells what was skipped; a watch
    with `Reconnected` and how the session stands. A session that is gone by then is NotFound. A daemon that
    never answered is told at once.

    Close it, or leave its `with`: every stream ends. What is open at the interpreter's end is closed there.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        reconnect: bool = True,
        token: str | None = None,
        token_file: str | PathLike[str] | None = None,
        ca: str | PathLike[str] | None = None,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
    ) -> None:
        self.address: Final[Address] = listen_address(address)
        self.timeout_s: Final = timeout_s
        self._plans = Plans(timeout_s)
        self._link = Link(self.address, reconnect)
        self._threads = Threads()
        self._closing = threading.Event()
        access = Access.of(token, token_file, ca, certificate, key)
        encryption = access.credentials(self.address)
        self._channel = (
            grpc.secure_channel(str(self.address), encryption, options=CHANNEL_OPTIONS)
            if encryption
            else grpc.insecure_channel(str(self.address), options=CHANNEL_OPTIONS)
        )
        self._stubs = stubs(self._channel, access)
        close_at_exit(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; every stream ends, also one of signals that holds some still: close that one first."""
        self._link.closed = True
        self._closing.set()
        self._threads.close_all()
        self._channel.close()
        self._threads.join()

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
                return self._ask(step)
            case Follow():
                return streams.enter_context(self._follow(step))
            case Take():
                return next(step.stream, None)

    def _ask(self, ask: Ask) -> Any:
        call, asking = getattr(self._stubs[ask.service], ask.method), Asking(ask, self._link)
        while True:
            try:
                with telling_errors(self.address):
                    answer = call(ask.request, timeout=asking.left_s)
                self._link.reached = True
                return answer
            except Disconnected as error:
                wait_s = asking.wait_s(error)
                if wait_s is None or self._closing.wait(wait_s):
                    raise

    def _follow(self, follow: Follow[T]) -> Stream[T]:
        call = getattr(self._stubs[follow.service], follow.method)
        return Stream(lambda left_s: call(follow.request, timeout=left_s), follow, self._link, self._threads)

    def console(self, session: str) -> Console:
        """Take hold of the decks of a session: use it with `with`."""
        return Console(self._stubs["Console"], session, self._link, self._threads, self.timeout_s)

    def signals(self, session: str, *, on_answer: OnAnswer | None = None) -> SignalStream:
        """Send many signals to a session, in batches: use it with `with`.

        `on_answer` is called with every answer, in their order. Raises NotFound for a session that is none.
        """
        return SignalStream(
            self._stubs["Audience"], session, self._link, self._threads, self.timeout_s, on_answer
        )

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
    join_link = _blocking(Plans.join_link)
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
    stats = _blocking(Plans.stats)
    watch_stats = _following(Plans.watch_stats)
    trace = _blocking(Plans.trace)
