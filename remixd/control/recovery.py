"""Recovery: an engine has died, and another goes on with all that it played.

Its sessions' shared memory outlives it: the newest checkpoint of each, its clock, what it told last. The heir
makes their players again from their scores, does in silence what has been commanded since, and fades in where
the clock is by then. Thread: [control].
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from remixd._kernel.checkpoint import told_of
from remixd._kernel.ring import PacketEntry, PacketRing
from remixd.control.engine import Died, Engine
from remixd.control.ledger import entry_of
from remixd.control.session import Session
from remixd.errors import RemixdError, Unavailable
from remixd.units import PACKET_FRAMES, RATE_HZ

log = logging.getLogger(__name__)


def newest_packet(ring: PacketRing) -> PacketEntry | None:
    """The newest packet of a ring whose writer may have died while it wrote; None if there is none."""
    newest = ring.newest
    return ring.read(newest) or ring.read(newest - 1) if newest else None


def request_of(session: Session, heir: Engine) -> dict[str, Any]:
    """What an engine needs to go on with a session of one that died, beside what lies in its memory."""
    memory, score = session.memory, session.score
    common = {
        "key": session.key,
        "memory": str(heir.memory_path(session.key)),
        "mix": score["mix"],
        "lead_ns": score["lead_ns"],
        "sink": score["sink"],
        "apart": score.get("apart", False),
        "racks": list(session.racks.values()),
    }
    checkpoint, packet = memory.checkpoints.read(), newest_packet(memory.ring)
    players = list(session.players.values())
    if checkpoint is None or packet is None:  # it had not begun
        session.ledger.since(0, 0)
        return {**common, "op": "play", "start": score["start"], "player": players[0] if players else None}
    end = packet.sample + PACKET_FRAMES
    orders = session.ledger.since(told_of(checkpoint), end)
    return {
        **common,
        "op": "resume",
        "before": str(session.engine.memory_path(session.key)),
        "players": players,
        "commands": [entry_of(command_id, session.key, order) for command_id, order in orders.items()],
        "anchor_ns": packet.due_ns - packet.sample * 1_000_000_000 // RATE_HZ,
        "clock": end,
        "paced": score["sink"]["name"] != "fast" or score["sink"]["kind"] != "null",
    }


def in_order(sessions: Iterable[Session]) -> list[Session]:
    """Those that somebody hears first, and of these the one that is due first."""
    return sorted(sessions, key=lambda session: (not session.is_listened_to, session.due_ns))


async def recover(sessions: Iterable[Session], how: str, heir: Engine) -> bool:
    """Have an heir go on with sessions: all are asked of it at once, since each answer takes its time.

    A session that the heir cannot play is lost, and told so. Whether the heir has lived until all were done:
    if not, those that are left go to its own heir.
    """
    left = in_order(sessions)
    for session in left:
        session.take_reports()  # all that the dead one had told
    lived = await asyncio.gather(*(_go_on(session, how, heir) for session in left))
    if all(lived):
        log.info("engine process %d goes on with %d sessions", heir.pid, len(left))
    return all(lived)


async def _go_on(session: Session, how: str, heir: Engine) -> bool:
    """Move a session to an heir, or lose it; False if the heir has died."""
    if not session.playing:
        return True  # deleted meanwhile
    try:
        await _move(session, heir)
    except Died:
        return False
    except RemixdError as error:
        log.error("session %s is lost: %s", session.id, error)
        session.lose(f"the engine of session {session.id} is lost: {how}; no other could go on: {error}")
    return True


async def _move(session: Session, heir: Engine) -> None:
    """Have an heir go on with one session. Raises what the engine answers, Unavailable if it has died too."""
    request = request_of(session, heir)
    told = set(session.ledger.open)
    answer = await heir.ask(**request)
    if not session.playing:  # deleted meanwhile
        await heir.ask(op="leave", key=session.key)
        return
    for key in answer["missing_racks"]:
        session.racks.pop(key, None)
        session.degrade(f"rack {key}", "goes on without a rack", "it cannot be built again")
    request["racks"] = list(session.racks.values())
    resumed = request["op"] == "resume"
    checkpoint = session.memory.checkpoints.read() if resumed else None
    session.journal.resume(request, int(answer.get("clock", 0)), checkpoint)
    try:
        session.move(heir, told if resumed else set())
    except (OSError, ValueError) as error:
        raise Unavailable(f"its sound cannot be reached: {error}") from None
    session.latency_s = answer["latency_s"]
