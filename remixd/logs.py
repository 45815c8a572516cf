"""What the daemon logs, on stderr: lines for people, or JSON; and nothing secret. Thread: [any]."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

import structlog

HIDDEN: Final = "[hidden]"
HANDLES_MAX: Final = 1024
SECRET_NAMES: Final = frozenset(
    ("authorization", "token", "bearer", "secret", "password", "fan", "handle", "sub", "key_data")
)

_TOKEN: Final = re.compile(r"\bey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
"""A JSON Web Token: its header and its claims are JSON, in base64."""
_BEARER: Final = re.compile(r"(?i)\b(bearer|authorization)([\s:=]+)(?!\[hidden)\S+")

_handles: ContextVar[dict[str, None] | None] = ContextVar("handles", default=None)


def begin_request(method: str, request_id: str) -> None:
    """Let what this task logs from now on tell the call that it belongs to."""
    structlog.contextvars.bind_contextvars(method=method.rpartition("/")[2], request=request_id)
    _handles.set({})


def hide(handle: str) -> None:
    """Let what is logged of this call not tell a fan's handle."""
    handles = _handles.get()
    if handle and handles is not None and len(handles) < HANDLES_MAX:
        handles[handle] = None


def without_secrets(value: Any, name: str = "") -> Any:
    """The same value, without tokens and without the handles of this call's fans."""
    if name.lower() in SECRET_NAMES:
        return HIDDEN
    if isinstance(value, str):
        text = _BEARER.sub(rf"\1\2{HIDDEN}", _TOKEN.sub(HIDDEN, value))
        for handle in _handles.get() or ():
            if handle in text:
                text = re.sub(rf"(?<!\w){re.escape(handle)}(?!\w)", HIDDEN, text)
        return text
    if isinstance(value, Mapping):
        return {key: without_secrets(part, str(key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_secrets(str(value))


def _hide_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """A processor of structlog: comes when tracebacks are text."""
    return {key: part if key.startswith("_") else without_secrets(part, key) for key, part in event.items()}


def log_to_stderr(form: str = "console", level: str = "info") -> None:
    """Log from now on, whoever logs by `logging` or by structlog.

    Args:
        form: `console` for one line an event, `json` for one object a line.
        level: the least that is told.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def formatter(form: str) -> logging.Formatter:
    """What makes a line of a record."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _hide_secrets,
            last,
        ],
    )
