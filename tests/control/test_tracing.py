"""Spans: a call's own, below the caller's; from a signal to its sound; and none where nobody asks."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from remixd.control.observing import Observer
from remixd.control.tracing import Tracing, is_wanted

trace_sdk = pytest.importorskip("opentelemetry.sdk.trace")


@pytest.fixture
def spans():
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = trace_sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider)
    yield tracing, exporter
    tracing.close()


def test_a_call_is_a_span_below_the_callers(spans):
    tracing, exporter = spans
    observer = Observer(tracing=tracing)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with observer.call("Sessions/GetSession", "grpc", {"traceparent": parent}) as ended:
        ended.code = "NOT_FOUND"
    [span] = exporter.get_finished_spans()
    assert span.name == "remixd.v1.Sessions/GetSession"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes["rpc.response.status_code"] == "NOT_FOUND"
    assert span.status.is_unset, "a refusal is the caller's, not the daemon's fault"


def test_a_fault_is_an_error(spans):
    tracing, exporter = spans
    with Observer(tracing=tracing).call("Sessions/GetSession", "grpc", {}) as ended:
        ended.code = "INTERNAL"
    assert not exporter.get_finished_spans()[0].status.is_ok


def test_from_a_signal_to_its_sound_is_a_span_below_its_call_as_long_as_that_took(spans):
    tracing, exporter = spans
    observer = Observer(tracing=tracing)
    with observer.call("Audience/SendSignals", "grpc", {}):
        call = observer.calling()
    taken_ns = time.monotonic_ns()
    observer.sounded("hands-on", taken_ns, taken_ns + 25_000_000, call)
    of_call, of_sound = exporter.get_finished_spans()
    assert of_sound.parent.span_id == of_call.context.span_id
    assert of_sound.end_time - of_sound.start_time == 25_000_000
    assert abs(of_sound.start_time - time.time_ns()) < 5_000_000_000


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_the_standard_environment_asks_for_spans(monkeypatch, environment, wanted):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_wanted() is wanted


def test_nobody_who_does_not_ask_pays_for_it():
    code = "import sys, remixd.daemon; print([name for name in sys.modules if 'opentelemetry' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
