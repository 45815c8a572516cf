"""What fans and the DJ of a session have expressed, written down for another daemon. Thread: [control]."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from remixd.control.desk import Desk

BYTES: Final = 3 * 2**15
"""Of tastes in one piece: a multiple of three, which base 64 makes whole letters of."""
ROWS: Final = 200
"""Of a list in one piece."""


def version_of(desk: Desk) -> tuple[int, ...]:
    """What differs whenever `pieces` do."""
    directed = desk.directing.version if desk.directing else ()
    return desk.audience.version, desk.arbiter.version, *directed


def pieces(desk: Desk, version: int) -> Iterator[str]:
    """All of it, as it is when the first is asked for: one text of JSON, in pieces.

    Of a crowd that is megabytes. None but the first takes longer than a fraction of a millisecond, so that
    callers can be answered in between.

    Args:
        desk: whose.
        version: of the form, which is written too.
    """
    audience = desk.audience.frozen(desk.clock.at_s)
    tastes, ids = audience.pop("tastes"), audience.pop("ids")
    rest = {
        "version": version,
        "arbiter": desk.arbiter.to_json(),
        "directing": desk.directing.to_json() if desk.directing else None,
    }
    yield _dumps(rest)[:-1] + ',"audience":{"tastes":"'
    for at in range(0, len(tastes), BYTES):
        yield b64encode(tastes[at : at + BYTES]).decode()
    yield '","ids":'
    yield from _listed(iter(ids.items()))
    for name, value in audience.items():
        yield f',"{name}":'
        yield from _listed(iter(value)) if isinstance(value, list) else (_dumps(value),)
    yield "}}"


def _listed(values: Iterator[Any]) -> Iterator[str]:
    """A list, some of its values at a time."""
    some = list(islice(values, ROWS))
    yield _dumps(some)[:-1]
    while some := list(islice(values, ROWS)):
        yield f",{_dumps(some)[1:-1]}"
    yield "]"


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def restore(desk: Desk, plain: Mapping[str, Any]) -> None:
    """Go on from what `pieces` wrote. Raises KeyError, TypeError or ValueError."""
    desk.audience.restore(plain["audience"])
    desk.audience.hear(0.0, desk.mix)  # what it was before is not known: that is what reactions are about
    desk.arbiter.restore(plain["arbiter"])
    if desk.directing and plain["directing"]:
        desk.directing.restore(plain["directing"])
