"""The four decks of a session, as control knows them: what is on each, and what hands have done to it.

What is loaded comes and goes with the engine's reports; places and loops are read from its packets; knobs,
mutes and cues are kept here, as they were given last. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final, Self

from remixd._kernel.mailbox import APPLIED, EJECT, LOAD, SWAP, ReportEntry
from remixd._kernel.ring import DeckEntry
from remixd.control.action import CHANNEL_KNOBS, CUES, DECK_NAMES
from remixd.control.order import EVERY_DECK, Order
from remixd.control.score import Beats
from remixd.control.streams import DeckStatus
from remixd.mix import TONES, WHENS, When
from remixd.track.package import Track
from remixd.track.rights import Rights
from remixd.units import OFF_DB, RATE_HZ, STEM_ROLES

OPEN: Final = Rights(ranges={}, vocals_solo=True)
"""Where nothing is loaded, nothing is forbidden."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A track on a deck, or on its way there, under its key in the engine."""

    key: int
    track: Track
    beats: Beats
    loops: bool = False

    @property
    def frames(self) -> int:
        """Its length at the engine's rate, to within a frame."""
        return int(self.track.duration_s * RATE_HZ)

    def bar_beat(self, frame: float) -> str:
        """Bar and beat of a source frame; empty where the track has no beats."""
        return str(self.track.analysis.bar_beat(frame / RATE_HZ) or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What hands have done to a deck, as it was given last."""

    levels_db: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(STEM_ROLES, 0.0))
    )
    muted: frozenset[str] = frozenset()
    soloed: frozenset[str] = frozenset()
    channel: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({name: row.neutral for name, row in CHANNEL_KNOBS.items()})
    )
    tempo: float = 1.0
    pitch: float = 0.0
    slipping: bool = False
    backwards: bool = False
    looping: bool = False

    def to_json(self) -> dict[str, Any]:
        """The same in JSON's types."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        words: dict[str, Any] = {name: _frozen(value) for name, value in plain.items()}
        return cls(**words)

    def level_db(self, role: str) -> float:
        """How loud a role comes through mutes and solos, beside what the mix gives it."""
        if role in self.muted or (self.soloed and role not in self.soloed):
            return OFF_DB
        return self.levels_db[role]

    def levels(self, roles: Sequence[str]) -> dict[str, float]:
        """The same of several roles."""
        return {role: self.level_db(role) for role in roles}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, frozenset) else value


def _frozen(plain: Any) -> Any:
    if isinstance(plain, dict):
        return MappingProxyType(plain)
    return frozenset(plain) if isinstance(plain, list) else plain


NEUTRAL_KNOBS: Final = Knobs()


class Deck:
    """One deck.

    Attributes:
        loaded: what is on it.
        entry: how it stood at the end of the newest packet.
        awaited: the id of the command that loads it next; empty if none does.
        awaited_track: the id of the track that comes with it.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.name = DECK_NAMES[index]
        self.loaded: Loaded | None = None
        self.entry: DeckEntry | None = None
        self.knobs = NEUTRAL_KNOBS
        self.awaited = ""
        self.awaited_track = ""

    @property
    def is_playing(self) -> bool:
        """Whether it sounds."""
        return self.entry is not None and self.entry.playing

    @property
    def frame(self) -> float:
        """The source frame at the end of the newest packet."""
        return self.entry.position if self.entry else 0.0

    @property
    def has_beats(self) -> bool:
        """Whether the music on it has beats."""
        return self.loaded is not None and self.loaded.beats.heard

    @property
    def counts(self) -> bool:
        """Whether its marks can be waited for."""
        return self.entry is not None and self.entry.playing and not self.entry.backwards

    @property
    def is_silent(self) -> bool:
        """Whether hands have taken all of it away: by its fader, or role by role."""
        roles = self.loaded.track.roles if self.loaded else ()
        is_down = self.knobs.channel["fader"] <= OFF_DB
        return is_down or all(self.knobs.level_db(role) <= OFF_DB for role in roles)

    def is_leading(self) -> bool:
        """Whether others follow its beat."""
        return self.entry is not None and self.entry.leading


def _narrowest(rights: Sequence[Rights], name: str) -> tuple[float, float]:
    """The values of a dimension that all allow: the artist's own is always among them."""
    lows, highs = zip(*(each.range(name) for each in rights), strict=True)
    return max(lows), min(highs)


def _at_the_start(loaded: Loaded, tempo: float) -> DeckEntry:
    """How what a session begins with stands before its first packet."""
    return DeckEntry(
        player=loaded.key, playing=True, ended=False, looping=False, slipping=False, backwards=False,
        varispeed=False, following=False, leading=False, position=0.0, tempo=tempo, loop_start=0, loop_end=0,
    )  # fmt: skip


class Decks:
    """The decks of one session.

    Args:
        loaded: what plays on the first one from the start; None if all are empty.
        mix: what the session begins with, by dimension.

    Attributes:
        cues: the source frame of every hot cue, by the id of the track.
        aside: players that lie ready for nobody knows when.
    """

    def __init__(self, loaded: Loaded | None, mix: Mapping[str, float]) -> None:
        self.all = tuple(Deck(index) for index in range(len(DECK_NAMES)))
        self.all[0].loaded = loaded
        if loaded:
            self.all[0].entry = _at_the_start(loaded, mix["tempo"])
        self._coming: dict[int, tuple[int, Loaded]] = {}
        self.aside: set[int] = set()
        self.cues: dict[str, tuple[int | None, ...]] = {}
        self.sample = 0
        self.set_every("tempo", mix["tempo"])
        self.set_every("pitch", mix["pitch"])

    def set_every(self, name: str, value: float) -> None:
        """Note that tempo or pitch was given to every deck."""
        for deck in self.all:
            knobs = deck.knobs
            deck.knobs = replace(knobs, tempo=value) if name == "tempo" else replace(knobs, pitch=value)

    @property
    def shown(self) -> Deck:
        """The deck that stands for the session: what leads, else the first that plays, else the first."""
        playing = [deck for deck in self.all if deck.is_playing]
        return next((deck for deck in playing if deck.is_leading()), playing[0] if playing else self.all[0])

    @property
    def rights(self) -> Rights:
        """What a wish for the whole session is held to; the engine holds every deck to its own.

        Decks share one tone, which is held to the narrowest range of all that play.
        """
        loaded = self.shown.loaded
        rights = loaded.track.rights if loaded else OPEN
        playing = [deck.loaded.track.rights for deck in self.all if deck.is_playing and deck.loaded]
        ranges = {name: _narrowest([rights, *playing], name) for name in TONES}
        if all(ranges[name] == rights.range(name) for name in TONES):
            return rights
        return replace(rights, ranges={**rights.ranges, **ranges})

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that any deck plays; all, where none is loaded."""
        there = {role for deck in self.all if deck.loaded for role in deck.loaded.track.roles}
        return tuple(role for role in STEM_ROLES if role in there) or STEM_ROLES

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way to any of them."""
        return not self._coming and not any(deck.awaited for deck in self.all)

    def is_deck_settled(self, deck: Deck) -> bool:
        """Whether nothing is on its way to a deck."""
        return not deck.awaited and not any(at in (deck.index, EVERY_DECK) for at, _ in self._coming.values())

    @property
    def keys(self) -> set[int]:
        """The players that are loaded, on their way, or laid aside."""
        return self.aside | set(self._coming) | {deck.loaded.key for deck in self.all if deck.loaded}

    def take(self, sample: int, entries: Sequence[DeckEntry]) -> None:
        """Take how the decks stood at a sample."""
        self.sample = sample
        for deck, entry in zip(self.all, entries, strict=True):
            deck.entry = entry
            if entry.player in self._coming:
                self._put(deck, entry.player)

    def expect(self, loaded: Loaded, index: int = EVERY_DECK) -> None:
        """Await a player that lies in the engine, ready to be loaded on a deck, or on any."""
        self._coming[loaded.key] = index, loaded

    def note(self, order: Order, report: ReportEntry) -> None:
        """Take what became of an order that changes what is on a deck."""
        if order.kind in (LOAD, SWAP):
            key = int(order.extra)
            if report.kind == APPLIED:
                self._put(self.all[order.deck], key)
            else:
                self._coming.pop(key, None)
        elif order.kind == EJECT and report.kind == APPLIED:
            self.all[order.deck].loaded = None

    def _put(self, deck: Deck, key: int) -> None:
        if key in self._coming:
            _, deck.loaded = self._coming.pop(key)

    def loaded_of(self, key: int) -> Loaded | None:
        """What is loaded, or on its way, under a player's key."""
        there = [deck.loaded for deck in self.all if deck.loaded]
        there += [loaded for _, loaded in self._coming.values()]
        return next((loaded for loaded in there if loaded.key == key), None)

    def place(self, index: int, frame: int) -> str:
        """Bar and beat of a source frame, rounded down, on a deck or, of EVERY_DECK, on the one shown."""
        loaded = (self.shown if index == EVERY_DECK else self.all[index]).loaded
        return loaded.bar_beat(frame + 1) if loaded else ""

    @property
    def places(self) -> list[tuple[int, int]]:
        """The cues of what is loaded: players and source frames."""
        there = ((deck.loaded, cue) for deck in self.all for cue in self.cues_of(deck.loaded))
        return [(loaded.key, cue) for loaded, cue in there if loaded is not None and cue is not None]

    def cues_of(self, loaded: Loaded | None) -> tuple[int | None, ...]:
        """The source frame of every hot cue of a track."""
        return self.cues.get(loaded.track.id, (None,) * CUES) if loaded else (None,) * CUES

    def reference(self, index: int) -> Deck | None:
        """The deck whose marks are waited for by a command for a deck, or -1; None if nothing plays."""
        playing = [deck for deck in self.all if deck.counts and deck.loaded]
        own = [deck for deck in playing if deck.index == index]
        leading = [deck for deck in playing if deck.is_leading()]
        return next(iter(leading + own + playing), None)

    def sample_of(self, at: When, index: int) -> int | None:
        """About when the next mark comes, on the session clock; None where that cannot be told."""
        deck = self.reference(index)
        if deck is None or deck.loaded is None or deck.entry is None or not self.sample:
            return None
        mark = deck.loaded.beats.next(WHENS.index(at), deck.frame)
        if mark is None or (deck.entry.looping and mark >= deck.entry.loop_end) or deck.entry.tempo <= 0.0:
            return None
        return self.sample + round((mark - deck.frame) / deck.entry.tempo)

    def statuses(self) -> tuple[DeckStatus, ...]:
        """How each stands."""
        return tuple(self._status(deck) for deck in self.all)

    def _status(self, deck: Deck) -> DeckStatus:
        loaded, entry, knobs = deck.loaded, deck.entry, deck.knobs
        empty = DeckStatus(deck=deck.name, loading=deck.awaited_track, channel=knobs.channel)
        if loaded is None or entry is None:
            return empty
        frame = deck.frame % loaded.frames if loaded.loops else deck.frame
        looping = (entry.loop_start / RATE_HZ, entry.loop_end / RATE_HZ) if entry.looping else None
        beat_s = loaded.beats.interval(frame) / RATE_HZ
        return replace(
            empty,
            state="playing" if entry.playing else "ended" if entry.ended else "resting",
            track_id=loaded.track.id,
            title=loaded.track.title,
            position_s=frame / RATE_HZ,
            duration_s=loaded.track.duration_s,
            bar_beat=loaded.bar_beat(frame) or None,
            has_beats=loaded.beats.heard,
            tempo=entry.tempo,
            bpm=60.0 / beat_s * entry.tempo if loaded.beats.heard else None,
            pitch_semitones=knobs.pitch,
            loop_s=looping,
            slipping=entry.slipping,
            backwards=entry.backwards,
            key_locked=not entry.varispeed,
            synced=entry.following,
            leading=entry.leading,
            cues_s=tuple(None if cue is None else cue / RATE_HZ for cue in self.cues_of(loaded)),
            levels_db={role: knobs.levels_db[role] for role in loaded.track.roles},
            muted=tuple(role for role in STEM_ROLES if role in knobs.muted),
            soloed=tuple(role for role in STEM_ROLES if role in knobs.soloed),
        )
