"""What a DJ does to a mix that fans move: lock, take, hand back, move, set an arc. Thread: [control]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from remixd.audience.arc import parse_arc
from remixd.control.action import DeckCommand
from remixd.control.command import Answer, Applied, Refused, lower
from remixd.control.directing import Clock, Directing
from remixd.director.arbiter import Arbiter, Change, Verb
from remixd.director.explain import told
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS
from remixd.track.rights import Rights
from remixd.units import frames_from_seconds

VERBS: Final[Mapping[tuple[str, bool], Verb]] = {
    ("lock", True): "lock",
    ("lock", False): "unlock",
    ("take", True): "take",
    ("hand", True): "hand",
}
DONE: Final[Mapping[Verb, str]] = {
    "lock": "stays where it is",
    "unlock": "is not locked any more",
    "take": "is the DJ's",
    "hand": "is the fans' again",
}


class Authority:
    """The DJ of one session.

    Args:
        arbiter: what the DJ holds.
        tell: called with every second answer.
    """

    def __init__(
        self,
        arbiter: Arbiter,
        tell: Callable[[Applied | Refused], None],
    ) -> None:
        self._arbiter = arbiter
        self._tell = tell

    def ask(self, command: DeckCommand, clock: Clock, next_bar: int | None) -> Answer:
        """Let a lock, a take or a handing back begin on the next bar, or now if nothing plays. The answer."""
        action = command.action
        sample = next_bar or clock.sample
        until = sample + frames_from_seconds(action.value) if action.verb == "take" and action.value else 0
        names = action.dimensions or tuple(DIMENSIONS)
        verb = VERBS[action.verb, action.on]
        self._arbiter.ask(Change(command.id, verb, names, sample, until))
        return Answer(id=command.id, accepted=True, planned_sample=sample, because="on the next bar")

    def follow(self, command: DeckCommand, directing: Directing | None, clock: Clock) -> Answer:
        """Let the director follow an arc. Raises InvalidInput where nobody directs."""
        if directing is None:
            raise InvalidInput("nobody directs this session: an arc is for a directed one", field="arc")
        directing.follow(parse_arc(command.action.name), clock)
        return Answer(id=command.id, accepted=True, because="from here on" if command.action.name else "")

    def moved(
        self, command: DeckCommand, mix: Mapping[str, float], rights: Rights, roles: tuple[str, ...]
    ) -> tuple[Answer, float | None]:
        """A fader of the DJ's: its answer, and the value that the mix goes to; None if it stays.

        Raises InvalidInput for what the DJ has not taken, or what this track does not have.
        """
        name = command.action.name
        if self._arbiter.owners.get(name) != "dj":
            raise InvalidInput(f"{name} is not taken: take it first", field="dimension")
        lowered = lower({name: command.action.value}, mix, rights, roles)
        if refusal := lowered.refusal(command.id):
            return refusal, None
        value = lowered.values[name]
        moves = self._arbiter.moves(name, value, mix[name], jump=not command.action.on)
        because = "" if moves else f"it picks up at {told(name, mix[name])}"
        answer = Answer(id=command.id, accepted=True, clamps=lowered.clamps, because=because)
        return answer, value if moves else None

    def turn(
        self, clock: Clock, next_bar: Callable[[], int | None], settled: Callable[[str], Applied]
    ) -> None:
        """Let begin what is due, and tell; hand back what was taken for a time. `settled` makes an answer."""
        if names := self._arbiter.expired(clock.sample):
            self._arbiter.ask(Change("", "hand", names, next_bar() or clock.sample))
        for change in self._arbiter.turn(clock.sample):
            if change.id:
                named = "everything" if len(change.names) == len(DIMENSIONS) else ", ".join(change.names)
                because = f"{named} {DONE[change.verb]}"
                applied = replace(settled(change.id), sample=change.sample, settled_sample=change.sample)
                self._tell(replace(applied, because=because))

    def clear(self, reason: str) -> None:
        """Hold nothing any more: panic."""
        for command_id in self._arbiter.clear():
            self._tell(Refused(id=command_id, reason=reason))
