"""Draining: what is heard fades out over a bar before the daemon ends, and nothing new begins.

Thread: [control].
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

from remixd._kernel.mailbox import STRIP
from remixd.control.desk import Desk
from remixd.control.order import CHANNEL, Order
from remixd.control.session import Session
from remixd.errors import RemixdError
from remixd.units import OFF_DB, frames_from_seconds

DRAINING: Final = "the daemon is about to stop: it takes no new sessions and streams"
BAR_S: Final = 2.0
"""Of music without bars."""


async def fade_out(sessions: Iterable[Session], most_s: float, at_once: asyncio.Event) -> None:
    """Fade every session that somebody hears out, over a bar of its music, and wait until that is heard.

    Args:
        sessions: that play.
        most_s: how long it may take; 0 fades nothing.
        at_once: ends the wait.
    """
    heard = [session for session in sessions if session.playing and session.is_listened_to]
    lasts_s = max((_fade(session, most_s) for session in heard), default=0.0) if most_s > 0 else 0.0
    if lasts_s:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(at_once.wait(), lasts_s)


def _fade(session: Session, most_s: float) -> float:
    """Turn every deck's fader down; how long until that is heard."""
    desk = session.desk
    bar_s = min(_bar_s(desk), most_s)
    frames = frames_from_seconds(bar_s)
    orders = [
        Order(kind=STRIP, dimension=CHANNEL.index("fader"), deck=deck.index, value=OFF_DB, ramp_frames=frames)
        for deck in desk.decks.all
        if deck.loaded
    ]
    with contextlib.suppress(RemixdError):  # a mailbox that is full: it ends without
        desk.send(orders)
    return bar_s + float(session.score["lead_ns"]) / 1e9 + session.latency_s


def _bar_s(desk: Desk) -> float:
    shown = desk.decks.shown.loaded
    if shown is None or not shown.track.analysis.bpm:
        return BAR_S
    beats = int((shown.track.analysis.metre or "4/4").partition("/")[0])
    return beats * 60.0 / (shown.track.analysis.bpm * desk.clock.tempo)
