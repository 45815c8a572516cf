"""A dry run: what a director would do in the next bars, if certain signals came now. Thread: [control]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from remixd.audience.signal import Signal
from remixd.audience.told import PlannedMove
from remixd.control.command import Answer
from remixd.control.directing import AHEAD_FRAMES
from remixd.control.reception import Reception
from remixd.director.arbiter import Arbiter
from remixd.errors import InvalidInput
from remixd.units import RATE_HZ

if TYPE_CHECKING:
    from remixd.control.desk import Desk

BARS_MAX: Final = 64
STEP_FRAMES: Final = AHEAD_FRAMES // 3
FANS_MAX: Final = 2_000
"""An audience is copied for it: one that is larger would hold up everybody."""

HOURS_FRAMES: Final = 3600 * RATE_HZ


def planned(desk: Desk, signals: Sequence[Signal], bars: int) -> list[PlannedMove]:
    """The moves of the next bars, in order; the session itself does not notice.

    Raises InvalidInput if nobody directs, the first signal that cannot be used is named, or too many fans are
    there.
    """
    if desk.directing is None:
        raise InvalidInput(
            "nobody directs this session: hands-on, a wish is the mix at once", field="session"
        )
    if not 1 <= bars <= BARS_MAX:
        raise InvalidInput(f"bars goes from 1 to {BARS_MAX}, not {bars}", field="bars")
    if len(desk.audience.fans) > FANS_MAX:
        raise InvalidInput(f"a dry run is for up to {FANS_MAX} fans", field="session")
    clock, mix = desk.clock, dict(desk.mix)
    audience = desk.audience.copy(clock.at_s)
    arbiter = Arbiter()
    arbiter.restore(desk.arbiter.to_json())
    directing = desk.directing.copy(audience, arbiter)
    reception = Reception(audience, arbiter, lambda _: None)
    audience.hear(clock.at_s, mix)
    for signal in signals:
        if signal.choices:
            raise InvalidInput(f"signal {signal.id}: a dry run is of the mix alone", field="signals")
        come = reception.enter(signal, mix, desk.decks.rights, desk.decks.roles, clock, directing)
        if isinstance(come, Answer) and not come.accepted:
            raise InvalidInput(f"signal {signal.id}: {come.reason}", field="signals")
    moves: list[PlannedMove] = []
    starts = 0
    shown = desk.decks.shown.loaded
    duration_s = shown.track.duration_s if shown else HOURS_FRAMES / RATE_HZ
    end = clock.sample + HOURS_FRAMES
    while starts < bars and clock.sample < end:
        due = directing.due(mix, clock)
        if due is not None:
            starts += 1
            audience.hear(due.sample / RATE_HZ, mix)
            for move, frames in due.moves:
                mix[move.dimension] = move.value
                moves.append(
                    PlannedMove(
                        sample=due.sample, dimension=move.dimension, before=move.before, value=move.value,
                        because=move.because, ramp_frames=frames,
                    )
                )  # fmt: skip
            continue
        position_s = (clock.position_s + STEP_FRAMES / RATE_HZ * mix["tempo"]) % duration_s
        clock = replace(clock, sample=clock.sample + STEP_FRAMES, position_s=position_s, tempo=mix["tempo"])
    return moves
