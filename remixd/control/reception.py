"""The door of a session's audience: signals come in, are sorted, and each has its first answer.

Whatever is expressed feeds what is known of its fan. Hands-on, wishes become the mix as well; directed, the
director is asked for the moves. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from remixd.audience.audience import Audience
from remixd.audience.reading import wished
from remixd.audience.signal import Signal
from remixd.control.command import Answer, Applied, Clamp, Lowered, Refused, lower
from remixd.control.directing import Clock, Directing
from remixd.director.arbiter import Arbiter, Owner
from remixd.errors import Exhausted, InvalidInput
from remixd.track.rights import Rights

AGAIN: Final = "it came before, and is not counted again"
HELD: Final[Mapping[Owner, str]] = {
    "dj": "the DJ has taken {name}: the wish counts, and is shown",
    "locked": "the DJ has locked {name}: the wish counts, and is shown",
}
DIRECTED: Final = "this session is directed: its director moves the mix, on the bars"


@dataclass(frozen=True, slots=True)
class Entered:
    """A signal that is in: the wishes that are to become the mix at once, after rights and the DJ."""

    signal: Signal
    lowered: Lowered


class Reception:
    """Takes the signals of one session.

    Args:
        audience: what is known of the fans.
        arbiter: what the DJ holds.
        tell: called with every second answer.
    """

    def __init__(
        self, audience: Audience, arbiter: Arbiter, tell: Callable[[Applied | Refused], None]
    ) -> None:
        self._audience = audience
        self._arbiter = arbiter
        self._tell = tell
        self._counted: list[tuple[str, str, str]] = []

    def enter(
        self,
        signal: Signal,
        mix: Mapping[str, float],
        rights: Rights,
        roles: tuple[str, ...],
        clock: Clock,
        directing: Directing | None,
    ) -> Answer | Entered:
        """Take one signal: its answer, or what is to become the mix at once."""
        if self._audience.knows(signal):
            return Answer(id=signal.id, accepted=True, duplicate=True, because=AGAIN)
        if directing and signal.at != "now":
            reason = f"{DIRECTED}; a signal for it has no time of its own"
            return Answer(id=signal.id, accepted=False, reason=reason)
        try:
            if signal.reaction:
                return self._react(signal, clock, directing)
            return self._wish(signal, mix, rights, roles, clock, directing)
        except (InvalidInput, Exhausted) as error:
            return Answer(id=signal.id, accepted=False, reason=str(error))

    def _react(self, signal: Signal, clock: Clock, directing: Directing | None) -> Answer:
        told, at_s = "", clock.at_s - signal.age_s
        if signal.reaction == "cadence":
            if directing is None:
                raise InvalidInput("nobody directs this session: it keeps its tempo", field="reaction")
            tempo = directing.pace(signal.amount, signal.fan)
            told = f"tempo {tempo:.3f} for {signal.amount:g} steps a minute"
            self._audience.take(signal, {}, at_s)
            directing.step(signal.amount, tempo, clock)
        else:
            self._audience.take(signal, {}, at_s)
        because = told or f"{signal.reaction}: it counts towards what the fan likes"
        self._counted.append((signal.fan, signal.id, because))
        return Answer(id=signal.id, accepted=True, because=told)

    def _wish(
        self,
        signal: Signal,
        mix: Mapping[str, float],
        rights: Rights,
        roles: tuple[str, ...],
        clock: Clock,
        directing: Directing | None,
    ) -> Answer | Entered:
        wishes = (
            wished(signal, mix, self._audience.stated(signal.fan)) if signal.directions else signal.wishes
        )
        lowered = lower(wishes, mix, rights, roles)
        if refusal := lowered.refusal(signal.id):
            return refusal
        at_s = clock.at_s - signal.age_s
        possible = {name: wishes[name] for name in lowered.values}
        if directing is None:
            self._audience.take(signal, possible, at_s)
            return Entered(signal, self._held_back(signal, lowered, mix))
        given, clamps = directing.hold(signal, lowered)
        self._audience.take(signal, possible, at_s)
        answer, replaced = directing.expect(signal, given, clamps, mix, clock)
        for signal_id in replaced:
            reason = f"signal {signal.id} of the same fan took its place before the director moved"
            self._tell(Refused(id=signal_id, reason=reason))
        return answer

    def _held_back(self, signal: Signal, lowered: Lowered, mix: Mapping[str, float]) -> Lowered:
        """Hands-on: what is left of wishes beside what the DJ holds. Raises InvalidInput if nothing is."""
        owners = self._arbiter.owners
        held = [name for name in lowered.values if name in owners]
        if not held:
            return lowered
        clamps = [
            Clamp(
                dimension=name, asked=signal.wishes.get(name, lowered.values[name]), given=mix[name],
                because=HELD[owners[name]].format(name=name),
            )
            for name in held
        ]  # fmt: skip
        values = {name: value for name, value in lowered.values.items() if name not in owners}
        if not values:
            raise InvalidInput("; ".join(clamp.because for clamp in clamps))
        return Lowered(values=values, clamps=(*lowered.clamps, *clamps))

    def tell_counted(self, at: Callable[[str], Applied]) -> None:
        """Tell those whose reactions count now; `at` makes an answer without moves of an id."""
        counted, self._counted = self._counted, []
        if counted:
            now = at("")
            for _, signal_id, because in counted:
                self._tell(replace(now, id=signal_id, because=because))

    def rename(self, fan: str, name: str) -> None:
        """Know a fan by another name from now on."""
        self._counted = [(name if who == fan else who, owed, because) for who, owed, because in self._counted]

    def drop(self, fan: str, signal_id: str = "") -> list[str]:
        """Owe no more answers for a fan's reactions, or for one; the ids of those that were owed."""
        gone = [entry for entry in self._counted if entry[0] == fan and signal_id in ("", entry[1])]
        self._counted = [entry for entry in self._counted if entry not in gone]
        return [owed for _, owed, _ in gone]

    def clear(self) -> list[str]:
        """Owe no more answers; the ids of those that were owed: panic."""
        gone, self._counted = self._counted, []
        return [owed for _, owed, _ in gone]
