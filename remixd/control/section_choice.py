"""Sections that fans choose to go to. Thread: [control]."""

from __future__ import annotations

from typing import Final

from remixd.control.action import DeckCommand
from remixd.control.command import Answer
from remixd.control.decks import Decks
from remixd.control.transitions import Transitions
from remixd.director.sections import find_part, part_at, parts
from remixd.errors import Exhausted, InvalidInput
from remixd.units import RATE_HZ

COOL_FRAMES: Final = 16 * RATE_HZ
"""How long after fans chose a section, directed, they can choose none: eight bars or so."""


class Sections:
    """The sections of what stands for a session.

    Args:
        decks, transitions: of the session.
        is_directed: whether they cool down.
    """

    def __init__(self, decks: Decks, transitions: Transitions, *, is_directed: bool) -> None:
        self._decks = decks
        self._transitions = transitions
        self._is_directed = is_directed
        self._cool = 0

    def check(self, name: str) -> None:
        """Raise InvalidInput for a section that is not there, or while it is too soon for another."""
        if (left := self._cool - self._decks.sample) > 0 and self._is_directed:
            raise InvalidInput(f"sections cool down: another in {left / RATE_HZ:.1f} s", field="choices")
        shown = self._decks.shown
        loaded = shown.loaded
        if loaded is None:
            raise InvalidInput("nothing is loaded that has sections", field="choices")
        known = parts(loaded.track.analysis, loaded.track.duration_s)
        find_part(known, name, part_at(known, shown.frame / RATE_HZ))

    def go_to(self, command: DeckCommand) -> Answer:
        """Go to a section that fans chose. The first answer."""
        try:
            self.check(command.action.name)
            answer = self._transitions.take(command)
        except (InvalidInput, Exhausted) as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        self._cool = self._decks.sample + COOL_FRAMES
        return answer
