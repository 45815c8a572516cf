"""Spans of OpenTelemetry, with `remixd[otel]` and where the standard OTEL_ environment names an exporter.

A call is a span, below the caller's own where it names one; from a signal to its sound is a span below the
call that brought it. Thread: [control].
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

LOG: Final = logging.getLogger(__name__)

SpanOf: TypeAlias = Any
"""The context of a span, opaque to who carries it."""

_CALL: ContextVar[SpanOf | None] = ContextVar("remixd_call", default=None)
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_wanted() -> bool:
    """Whether the environment asks for spans, as the OpenTelemetry specification has it."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
    return exporter == "otlp" or (not exporter and any(os.environ.get(name) for name in _ENDPOINTS))


def tracing_of_environment() -> Tracing | None:
    """Spans over OTLP, if they are asked for and the extra is installed; else None."""
    if not is_wanted():
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        LOG.warning("the environment asks for spans, which need: pip install 'remixd[otel]'")
        return None
    named = os.environ.get("OTEL_SERVICE_NAME") or "remixd"
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: named}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


@dataclass(frozen=True, slots=True)
class CallSpan:
    """The span of one call."""

    span: Any

    def end(self, code: str) -> None:
        """End it with the name of the call's status code."""
        self.span.set_attribute("rpc.response.status_code", code)
        if code in ("INTERNAL", "UNKNOWN", "UNAVAILABLE"):
            from opentelemetry.trace import Status, StatusCode

            self.span.set_status(Status(StatusCode.ERROR, code))
        self.span.end()


class Tracing:
    """Makes spans.

    Args:
        provider: an OpenTelemetry `TracerProvider`.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("remixd")
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, method: str, via: str, metadata: Mapping[str, str]) -> CallSpan:
        """Begin the span of a call; what is sent during it finds it as `current`."""
        parent = self._propagator.extract(dict(metadata))
        span = self._tracer.start_span(
            f"remixd.v1.{method}",
            context=parent,
            kind=self._trace.SpanKind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": method, "network.protocol.name": via},
        )
        # Each call has a task of its own, so that this is never seen by another and need not be undone.
        _CALL.set(span.get_span_context())
        return CallSpan(span)

    def current(self) -> SpanOf | None:
        """The span of the call that this task answers."""
        return _CALL.get()

    def sounded(self, mode: str, taken_ns: int, sounded_ns: int, call: SpanOf | None) -> None:
        """A span from a signal's arrival to the moment it is heard, below the call that brought it."""
        context = None
        if call is not None:
            context = self._trace.set_span_in_context(self._trace.NonRecordingSpan(call))
        to_epoch_ns = time.time_ns() - time.monotonic_ns()
        span = self._tracer.start_span(
            "signal to sound",
            context=context,
            start_time=taken_ns + to_epoch_ns,
            attributes={"remixd.session.mode": mode},
        )
        span.end(end_time=sounded_ns + to_epoch_ns)

    def close(self) -> None:
        """Send what waits; it blocks for as long as the exporter's own timeout."""
        self._provider.shutdown()
