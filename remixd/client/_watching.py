"""Plans to follow a session, and to wait for what becomes of something in it."""

from __future__ import annotations

import dataclasses
from typing import Final

from remixd.client import _convert as convert
from remixd.client._stats import StatsPlans
from remixd.client._steps import Again, Follow, Plan, Take
from remixd.client._types import Answer, Applied, Event, Lost, Missed, Reconnected, Refused
from remixd.errors import Unavailable
from remixd.v1 import sessions_pb2

DIRECTED_TIMEOUT_S: Final = 300.0
"""The director may wait for the next section of the song."""


class WatchingPlans(StatsPlans):
    """Those that follow a session."""

    __slots__ = ()

    def watch(self, session: str, *, seconds: float | None = None, timeline: bool = False) -> Follow[Event]:
        """Follow a session from now on, for `seconds` or until it ends.

        What is sent to the session once the stream is open cannot be missed. Where the daemon goes and comes
        back, `Reconnected` tells so, and then how the session stands. With `timeline` every `Timeline` comes
        too: when the next beats are heard, and what else comes.
        """
        request = sessions_pb2.WatchRequest(session=session, timeline=timeline)
        again: Again[Event] = Again(lambda away_s: Reconnected(seconds=away_s), lambda _before, after: after)
        return Follow("Sessions", "Watch", request, seconds, convert.event, ends_in_time=True, again=again)

    def _waiting(self, session: str, seconds: float) -> Follow[Event]:
        """To follow a session until something is told, which must come within `seconds`."""
        return dataclasses.replace(self.watch(session, seconds=seconds), ends_in_time=False, again=None)


def outcome(events: object, answer: Answer) -> Plan[Answer]:
    """Wait on a followed `Watch` until it tells what became of an accepted signal."""
    try:
        while (event := (yield Take(events))) is not None:
            if isinstance(event, Applied) and event.id == answer.id:
                return dataclasses.replace(answer, applied=event)
            if isinstance(event, Refused) and event.id == answer.id:
                return dataclasses.replace(answer, accepted=False, reason=event.reason)
            if isinstance(event, Lost):
                raise Unavailable(event.reason)
            if isinstance(event, Missed):
                raise Unavailable(f"{event.answers} answers were missed, perhaps its own")
    except Unavailable as error:
        raise Unavailable(f"signal {answer.id} was accepted, but not heard of again: {error}") from None
    raise Unavailable(f"signal {answer.id} was accepted, but its session ended")
