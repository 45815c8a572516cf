"""What fans and the DJ of a session have expressed, written down for another daemon. Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remixd.control.desk import Desk


def version_of(desk: Desk) -> tuple[int, ...]:
    """What differs whenever `to_json` does."""
    directed = desk.directing.version if desk.directing else ()
    return desk.audience.version, desk.arbiter.version, *directed


def to_json(desk: Desk) -> dict[str, Any]:
    """All of it, in JSON's types."""
    return {
        "audience": desk.audience.to_json(desk.clock.at_s),
        "arbiter": desk.arbiter.to_json(),
        "directing": desk.directing.to_json() if desk.directing else None,
    }


def restore(desk: Desk, plain: Mapping[str, Any]) -> None:
    """Go on from what `to_json` wrote. Raises KeyError, TypeError or ValueError."""
    desk.audience.restore(plain["audience"])
    desk.audience.hear(0.0, desk.mix)  # what it was before is not known: that is what reactions are about
    desk.arbiter.restore(plain["arbiter"])
    if desk.directing and plain["directing"]:
        desk.directing.restore(plain["directing"])
