"""Stingers: a riser, an impact or a chop of the vocals, planned so that it lands on a mark.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remixd._kernel.sampler import BARE, FITS, PITCHED
from remixd.control.action import DeckCommand
from remixd.control.decks import Deck, Decks, Loaded
from remixd.director.rhythms import euclid
from remixd.errors import InvalidInput
from remixd.mix import WHENS
from remixd.synth.kit import INDEX
from remixd.units import OFF_DB, RATE_HZ, STEM_ROLES

COOL_BARS: Final = 4
"""Between where one lands and where the next may."""

MARGIN_FRAMES: Final = 14_400
"""How long before it begins it must be ready: 300 ms."""

RISER_BARS: Final = 2
RISER_LEAST_S: Final = 1.5
"""A riser is read at most twice as fast as it was made."""

CHOP_STEPS: Final = 8
CHOP_STROKES: Final = 5
CHOP_LOOK_FRAMES: Final = 12 * RATE_HZ
"""How far back from the mark a piece of the vocals is looked for."""


@dataclass(frozen=True, slots=True)
class Stinger:
    """One that is planned: its pattern as the engine takes it, but for its key, and about when it lands."""

    score: Mapping[str, Any]
    sample: int
    mark: float


def plan(
    decks: Decks, deck: Deck, command: DeckCommand, mix: Mapping[str, float], player: Mapping[str, Any]
) -> Stinger:
    """What a command for a stinger comes to. Raises InvalidInput, in a sentence, where there can be none.

    Args:
        decks: of the session.
        deck: the one that it is for.
        command: what is asked.
        mix: the session's, by dimension.
        player: the score of what is on the deck.
    """
    loaded, entry, kind = deck.loaded, deck.entry, command.action.name
    if loaded is None or entry is None or not deck.counts:
        raise InvalidInput(f"deck {deck.name} does not play: there is nothing to land on", field="deck")
    if not loaded.track.rights.generated:
        raise InvalidInput("the rights of this track let nothing be generated over it", field="kind")
    lead = MARGIN_FRAMES * entry.tempo + (RISER_LEAST_S * RATE_HZ * entry.tempo if kind == "riser" else 0.0)
    level = WHENS.index(command.at if command.at != "now" else "bar")
    mark = _mark(deck, loaded, level, deck.frame + lead)
    bar = _bar_frames(loaded, mark)
    common = {"deck": deck.index, "player": loaded.key, "start": mark, "end": mark, "stems": [], "slices": []}
    if kind == "riser":
        span = min(RISER_BARS * bar, mark - deck.frame - MARGIN_FRAMES * entry.tempo)
        hits = [[mark - span, INDEX["riser"], 1.0, 0.0, span, 0, FITS | BARE]]
        common["hits"] = hits
    elif kind == "impact":
        common["hits"] = [[mark, INDEX["impact"], 1.0, 0.0, 0.0, 0, BARE]]
    else:
        common |= _chop(loaded, mark, bar, mix, deck.knobs.levels(loaded.track.roles), player)
    return Stinger(common, decks.sample + round((mark - deck.frame) / entry.tempo), mark)


def cool_frames(loaded: Loaded, stinger: Stinger, tempo: float) -> int:
    """How long after one has landed another may land."""
    return round(COOL_BARS * _bar_frames(loaded, stinger.mark) / tempo)


def begins(stinger: Stinger) -> float:
    """The source frame of its first hit."""
    return float(stinger.score["hits"][0][0])


def _mark(deck: Deck, loaded: Loaded, level: int, least: float) -> float:
    """The first mark of a level, not before a source frame, that the deck comes to."""
    mark, entry = loaded.beats.next(level, least), deck.entry
    if mark is None:
        raise InvalidInput(f"no {WHENS[level]} is left on deck {deck.name} for it to land on", field="at")
    if entry and entry.looping and deck.frame < entry.loop_end <= mark:
        raise InvalidInput(
            f"deck {deck.name} loops before the {WHENS[level]} that it would land on", field="at"
        )
    return mark


def _bar_frames(loaded: Loaded, frame: float) -> float:
    """Source frames of the bar that begins at a mark; of four beats where none does."""
    after = loaded.beats.next(2, frame + 1.0)
    return after - frame if after is not None else 4 * loaded.beats.interval(frame)


def _chop(
    loaded: Loaded,
    mark: float,
    bar: float,
    mix: Mapping[str, float],
    levels_db: Mapping[str, float],
    player: Mapping[str, Any],
) -> dict[str, Any]:
    """A piece of the track's vocals, struck again and again over a bar."""
    track = loaded.track
    others = [role for role in track.roles if role != "vocals"]
    if "vocals" not in track.roles:
        raise InvalidInput(f"{track.id} has no vocals to chop: it has {', '.join(track.roles)}", field="kind")
    silent = all(mix[role] <= OFF_DB or levels_db[role] <= OFF_DB for role in others)
    if not track.rights.vocals_solo and others and silent:
        raise InvalidInput("the rights of this track do not let vocals be heard alone", field="kind")
    start = _sung(loaded, mark)
    step = bar / CHOP_STEPS
    frames = min(int(1.5 * step), int(loaded.frames - start))
    struck = [index for index, on in enumerate(euclid(CHOP_STROKES, CHOP_STEPS)) if on]
    vocals = STEM_ROLES.index("vocals")
    return {
        "stems": [stem for stem in player["stems"] if stem["role"] == vocals],
        "slices": [[int(start), max(frames, 480)]],
        "end": mark + bar,
        "hits": [
            [mark + index * step, 0, 0.9, 0.25 * (1 if turn % 2 else -1), 0.9 * step, 1, PITCHED | BARE]
            for turn, index in enumerate(struck)
        ],
    }


def _sung(loaded: Loaded, mark: float) -> float:
    """The source frame of the strongest note that was sung not long before a mark; else of any."""
    analysis = loaded.track.analysis
    found: list[tuple[float, float]] = []
    for stem in loaded.track.playing_stems:
        if stem.role == "vocals":
            times = analysis.onsets_s.get(stem.name, ())
            strengths = analysis.onset_strengths.get(stem.name, (1.0,) * len(times))
            found += [(at_s * RATE_HZ, strong) for at_s, strong in zip(times, strengths, strict=True)]
    found = [each for each in found if each[0] < loaded.frames - RATE_HZ]
    near = [each for each in found if mark - CHOP_LOOK_FRAMES <= each[0] <= mark - RATE_HZ]
    if found:
        return max(near or found, key=lambda each: each[1])[0]
    if analysis.singing:
        spans = [span for span in analysis.singing if span.start_s * RATE_HZ < loaded.frames - RATE_HZ]
        if spans:
            return min((span.start_s * RATE_HZ for span in spans), key=lambda at: abs(at - mark))
    raise InvalidInput(f"nobody knows where somebody sings in {loaded.track.id}", field="kind")
