"""Where the time goes from a wish to the first changed sample, as the daemon's trace tells it.

One moment follows the other, so that the parts are the whole. What is checked in every run is that no moment
comes before the one that it follows, though three clocks told them, and that the sample that was found in the
sound is as far from the one that the daemon says it changed as it always is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from remixd._kernel.bus import DELAY_FRAMES
from remixd.client import Client, TraceEvent
from remixd.units import RATE_HZ

LIMITER_NS: Final = DELAY_FRAMES * 1e9 / RATE_HZ
WAIT: Final = "wait for the boundary"
FOLLOWING: Final = ("receive", "decide", "mailbox", "block")
"""Parts that cannot be negative, whatever is measured."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a trace tells of one command: moments of the monotonic clock, in ns.

    Attributes:
        received: the first line of the call's handler.
        queued: all of it lies in the engine's mailbox.
        taken: the render thread has all of it.
        sample: the first that its last part changed, on the session's clock.
    """

    received: int
    queued: int
    taken: int
    sample: int


class Told:
    """What the traces of a session told, one after the other: its commands, and its blocks.

    Attributes:
        commands: by the ids of their signals.
        missed: how many changes were not found in the sound.
    """

    def __init__(self) -> None:
        self.commands: dict[str, Marks] = {}
        self.missed = 0
        self._blocks: dict[int, int] = {}
        self._begins: list[int] = []
        self._seen: dict[str, dict[str, list[TraceEvent]]] = {}

    def read(self, client: Client, session: str, seconds: float) -> None:
        """Read the last seconds of a session's trace."""
        self.take(client.trace(session, seconds).events)

    def take(self, events: Iterable[TraceEvent]) -> None:
        """Take events in any order; those that came before may come again, and a command's bit by bit."""
        touched = set()
        for each in events:
            if each.kind == "block":
                self._blocks[each.begin_ns] = each.duration_ns
            elif each.command:
                self._seen.setdefault(each.command, {}).setdefault(each.kind, []).append(each)
                touched.add(each.command)
        self._begins = sorted(self._blocks)
        for command in touched:
            kinds = self._seen[command]
            if {"received", "queued", "command_taken", "command_applied"} <= kinds.keys():
                self.commands[command] = Marks(
                    received=min(each.begin_ns for each in kinds["received"]),
                    queued=max(each.begin_ns for each in kinds["queued"]),
                    taken=max(each.begin_ns for each in kinds["command_taken"]),
                    sample=max(each.sample for each in kinds["command_applied"]),
                )

    def block_before(self, moment_ns: float) -> tuple[int, int] | None:
        """When the last block that was begun by a moment was begun, and finished; None if none was."""
        at = bisect_right(self._begins, moment_ns)
        if not at:
            return None
        begun = self._begins[at - 1]
        return begun, begun + self._blocks[begun]


def parts_ns(sent_ns: float, marks: Marks, block: tuple[int, int], heard_ns: float) -> dict[str, float]:
    """The parts of the time from `sent_ns` to `heard_ns`, in order; together they are all of it.

    Args:
        sent_ns: just before the call.
        marks: of the command.
        block: when the one with the first changed sample was begun, and finished.
        heard_ns: when that sample is heard.

    The last, the device's, is what is left but for the limiter's delay: the way to the port, and the sample's
    place in its block; of a stream it is the lead.
    """
    begun = max(block[0], marks.taken)
    return {
        "receive": marks.received - sent_ns,
        "decide": marks.queued - marks.received,
        "mailbox": marks.taken - marks.queued,
        WAIT: begun - marks.taken,
        "block": block[1] - begun,
        "limiter": LIMITER_NS,
        "device": heard_ns - block[1] - LIMITER_NS,
    }


def disorder_ns(parts: Mapping[str, float]) -> float:
    """By how much a moment came before the one that it follows: an error of clocks; 0 if none did."""
    return max(0.0, *(-parts[name] for name in FOLLOWING))
