"""Other sounds of the same music, swapped in at a phrase: another language, the master or its stems.

A choice beside the mix names what is wished; the deck that stands for the session gets it. Meanwhile the
sounds are made ready as for any load. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from remixd.audience.signal import Signal
from remixd.control.action import Action, DeckCommand
from remixd.control.decks import Deck
from remixd.errors import InvalidInput
from remixd.mix import When
from remixd.track.package import Track
from remixd.track.variants import MASTER, as_master, in_language, language_of

AT: Final[When] = "phrase"


@dataclass(frozen=True, slots=True)
class Swap:
    """What is to be loaded in the place of what plays."""

    command: DeckCommand
    track: Track
    loops: bool


def swap_for(signal: Signal, deck: Deck, get: Callable[[str], Track]) -> Swap:
    """What a signal's choice comes to on a deck. Raises a RemixdError, in a sentence, for what cannot be.

    Args:
        signal: its one choice.
        deck: what plays now.
        get: a track by its id, as the library has it.
    """
    if deck.loaded is None:
        raise InvalidInput("nothing is loaded that could be swapped", field="choices")
    now = deck.loaded.track
    track = _chosen(signal.choices, now, get(now.id))
    if [stem.name for stem in track.playing_stems] == [stem.name for stem in now.playing_stems]:
        raise InvalidInput(f"deck {deck.name} plays that already", field="choices")
    command = DeckCommand(
        id=signal.id, deck=deck.index, at=AT if deck.counts else "now",
        action=Action(verb="choose", name=track.id),
    )  # fmt: skip
    return Swap(command, track, deck.loaded.loops)


def _chosen(choices: Mapping[str, str], now: Track, whole: Track) -> Track:
    match dict(choices):
        case {"language": language}:
            return in_language(whole, language)
        case {"version": "master"}:
            return as_master(whole)
        case {"version": "stems"}:
            sung = language_of(now)  # back from the master: as the package has it
            return in_language(whole, sung) if sung and now.stems[0].name != MASTER else whole
        case _:
            raise InvalidInput("a choice is language=... or version=master or stems, one a signal")
