"""How a session goes on elsewhere: a checkpoint, what was commanded since, and where its clock is by then.

The engine that takes a session over and a replay do the very same, so that they come to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from remixd._kernel.checkpoint import quantum_of
from remixd._kernel.mailbox import CommandEntry
from remixd._kernel.session import Session

QUANTUM: Final = 64
"""Frames to whose multiples a clock can go."""

WAITING_MAX: Final = 200
"""Commands that are left waiting at once; a session has room for 256 of a kind."""


def next_clock(sample: int, checkpoint: bytes) -> int:
    """The first clock from a sample on that a session can go on from with a checkpoint.

    That may stand beyond the end of the newest packet: what the limiter delays was rendered already.
    Raises ValueError for what is no checkpoint.
    """
    return max(-(-sample // QUANTUM), quantum_of(checkpoint)) * QUANTUM


def resume(session: Session, checkpoint: bytes, commands: Sequence[CommandEntry], clock: int) -> None:
    """Have a new session go on from a checkpoint, silently up to `clock`, and fade in there.

    Args:
        session: new, its players on the shelf.
        checkpoint: of the one that it follows.
        commands: what that one had not done when the checkpoint was taken, in order, each with its sample.
        clock: a multiple of 64.

    Raises ValueError for what is no checkpoint, or a clock before it. Commands that it cannot take it
    reports. Thread: [housekeeping].
    """
    catch_up(session, checkpoint, commands, clock)
    session.skip_to(clock)


def catch_up(session: Session, checkpoint: bytes, commands: Sequence[CommandEntry], clock: int) -> None:
    """Have a new session stand as a checkpoint says, and know of every command, `clock` not yet past.

    Arguments and errors are those of `resume`. Thread: [control], [housekeeping].
    """
    session.restore(checkpoint)
    here = quantum_of(checkpoint) * QUANTUM
    waiting: list[int] = []
    for command in sorted(commands, key=lambda each: each.sample):
        if len(waiting) >= WAITING_MAX:
            there = min(waiting[WAITING_MAX // 2], clock)
            if there > here:
                session.pass_to(there)
                here = there
                waiting = [sample for sample in waiting if sample >= there - QUANTUM]
        _post(session, command)
        waiting.append(command.sample)


def _post(session: Session, command: CommandEntry) -> None:
    session.post(
        command.id,
        command.dimension,
        command.value,
        sample=command.sample,
        ramp_frames=command.ramp_frames,
        kind=command.kind,
        deck=command.deck,
        when=command.when,
        shape=command.shape,
        expires=command.expires,
        extra=command.extra,
    )
