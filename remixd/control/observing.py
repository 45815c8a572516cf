"""What an operator can see of calls and signals: figures for Prometheus, and spans where they are asked for.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from remixd.control.metrics import Metrics
from remixd.control.tracing import SpanOf, Tracing

OK: Final = "OK"


@dataclass(slots=True)
class Ended:
    """How a call ended: the name of its status code."""

    code: str = OK


class Observer:
    """Notes every call, and every signal that became sound.

    Args:
        metrics: where figures go.
        tracing: where spans go; None for nowhere, which costs nothing.
    """

    def __init__(self, metrics: Metrics | None = None, tracing: Tracing | None = None) -> None:
        self.metrics = metrics or Metrics()
        self._tracing = tracing

    @contextmanager
    def call(
        self, method: str, via: str, metadata: Mapping[str, str], *, is_stream: bool = False
    ) -> Iterator[Ended]:
        """Observe one call for as long as it lasts.

        Args:
            method: such as `Sessions/Watch`; one that exists, since figures are kept by it.
            via: `grpc`, `http` or `websocket`.
            metadata: of the call: where the span of the caller is named (W3C `traceparent`).
            is_stream: whether it lasts as long as somebody likes, so that its length tells nothing.
        """
        ended = Ended()
        span = self._tracing.begin(method, via, metadata) if self._tracing else None
        began_s = time.perf_counter()
        self.metrics.begin_call(method)
        try:
            yield ended
        except (asyncio.CancelledError, GeneratorExit):
            ended.code = "CANCELLED"
            raise
        finally:
            lasted_s = None if is_stream else time.perf_counter() - began_s
            self.metrics.end_call(method, via, ended.code, lasted_s)
            if span is not None:
                span.end(ended.code)

    def calling(self) -> SpanOf | None:
        """The span of the call that is being answered; None without one."""
        return self._tracing.current() if self._tracing else None

    def close(self) -> None:
        """Send what waits to be sent."""
        if self._tracing:
            self._tracing.close()

    def sounded(self, mode: str, taken_ns: int, sounded_ns: int, call: SpanOf | None) -> None:
        """A signal that was taken at one moment is heard at another (CLOCK_MONOTONIC)."""
        self.metrics.signal_to_sound(mode, (sounded_ns - taken_ns) / 1e9)
        if self._tracing:
            self._tracing.sounded(mode, taken_ns, sounded_ns, call)
