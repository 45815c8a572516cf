"""Errors that reach a person. Each says what is wrong in one line and names the thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RemixdError(Exception):
    """Anything remixd refuses to do. `str(error)` is one line for a person."""


class InvalidInput(RemixdError):
    """An argument, a file or a message that cannot be used as it is.

    `field` is the field of a request that is at fault, such as `signals[2].id`; empty if it is none.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BadAudio(InvalidInput):
    """A file that is not the audio it should be: missing, corrupt, empty, non-finite."""


class NotFound(RemixdError):
    """A track, session, dimension, role or file that is not there.

    `kind` is what was looked for, such as `session`, and `name` what it was called; empty if not told.
    """

    def __init__(self, message: str, *, kind: str = "", name: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.name = name


class AlreadyExists(RemixdError):
    """A thing that exists once only: a library in use, a port taken."""


class Exhausted(RemixdError):
    """A queue, quota or disk that is full.

    `quota` names the quota, such as `calls`, and `retry_after_s` is when there is room again; empty and 0 if
    that is not known.
    """

    def __init__(self, message: str, *, quota: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.quota = quota
        self.retry_after_s = retry_after_s


class Unauthenticated(RemixdError):
    """A caller who has not proved who it is."""


class Forbidden(RemixdError):
    """Something that its caller may not do."""


class Unavailable(RemixdError):
    """A part that is not running now: the daemon, the engine."""


class Disconnected(Unavailable):
    """A daemon that cannot be reached just now, or that is stopping: it, or the next one, may be there soon.

    `sent` is false if it cannot have heard of what was asked.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class Unsupported(RemixdError):
    """Something this build or machine cannot do."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that ends an error message: the known word nearest to `word`, or all of them.

    >>> nearest("vocls", ["vocals", "drums"])
    'did you mean vocals?'
    """
    words = sorted(known)
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if not words:
        return "there are none"
    return "there are " + ", ".join(words) if len(words) <= 12 else f"there are {len(words)}"
