"""Tracks on their way onto decks: awaited, loaded or given up. Thread: [control]."""

from __future__ import annotations

from collections.abc import Callable

from remixd.control.action import DeckCommand
from remixd.control.command import Answer, Applied, Refused
from remixd.control.decks import Decks, Loaded
from remixd.control.handling import loading
from remixd.control.posting import Posting
from remixd.control.reception import DIRECTED
from remixd.errors import InvalidInput
from remixd.track.package import Track


class Loads:
    """What one session's decks wait for.

    Args:
        decks: of the session.
        posting: of the session.
        tell: called with every second answer.
        is_directed: whether the session keeps its one track.
    """

    def __init__(
        self,
        decks: Decks,
        posting: Posting,
        tell: Callable[[Applied | Refused], None],
        *,
        is_directed: bool,
    ) -> None:
        self._decks = decks
        self._posting = posting
        self._tell = tell
        self._is_directed = is_directed

    def expect(self, command: DeckCommand, track: Track) -> Answer:
        """Answer a command that loads a track, which is made ready meanwhile; one a deck, the last."""
        try:
            if self._is_directed and command.action.verb != "choose":
                raise InvalidInput(f"{DIRECTED}, on its one track; make a hands-on session to load others")
            start_s = command.action.start_s or 0.0
            if not 0.0 <= start_s < track.duration_s:
                raise InvalidInput(
                    f"{start_s:g} s is outside {track.id}: it lasts {track.duration_s:.3f} s", field="start_s"
                )
        except InvalidInput as error:
            return Answer(id=command.id, accepted=False, reason=str(error))
        deck = self._decks.all[command.deck]
        if deck.awaited:
            self._tell(Refused(id=deck.awaited, reason=f"{track.id} is loaded on deck {deck.name} instead"))
        deck.awaited, deck.awaited_track = command.id, track.id
        return Answer(id=command.id, accepted=True, because=f"{track.id} is made ready")

    def awaits(self, command: DeckCommand) -> bool:
        """Whether a command is the one that loads its deck next."""
        return self._decks.all[command.deck].awaited == command.id

    def give_up(self, command: DeckCommand, reason: str) -> None:
        """Nothing came of a command that loads."""
        if self.awaits(command):
            deck = self._decks.all[command.deck]
            deck.awaited = deck.awaited_track = ""
            self._tell(Refused(id=command.id, reason=reason))

    def load(self, command: DeckCommand, loaded: Loaded) -> None:
        """Load what lies ready in the engine. Raises Exhausted."""
        deck = self._decks.all[command.deck]
        self._posting.post(command.id, loading(deck, command, loaded, self._decks.sample))
        self._decks.expect(loaded, deck.index)
        deck.awaited = deck.awaited_track = ""
