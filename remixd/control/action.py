"""What a hand on a deck can ask for, checked as far as can be without the deck. Thread: [control]."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from remixd.audience.arc import parse_arc
from remixd.audience.signal import check_name
from remixd.control.command import Clamp
from remixd.director.transitions import BARS_MAX, check_how
from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import When, dimension
from remixd.units import OFF_DB, STEM_ROLES

DECK_NAMES: Final = ("A", "B", "C", "D")
CUES: Final = 8
"""Hot cues of a track."""

LOOP_BEATS: Final = (1 / 8, 32.0)
JUMP_BEATS: Final = (1 / 8, 128.0)
RAMP_S: Final = 0.01
GLIDE_BARS_MAX: Final = 64
RAMP_S_MAX: Final = 120.0
STINGERS: Final = ("riser", "impact", "chop")
"""What is fired so that it lands on a mark."""

EXPIRES_S_MAX: Final = 3600.0

Verb = Literal[
    "play", "pause", "seek", "cue", "loop", "scale", "exit", "jump", "align", "sync", "lead", "level",
    "mute", "solo", "channel", "slip", "reverse", "keylock", "load", "swap", "eject", "tempo", "pitch",
    "pace", "echo", "mix", "section", "choose", "stinger", "lock", "take", "hand", "move", "arc",
]  # fmt: skip

TRANSITIONS: Final = ("mix", "section")
"""What takes its time, and begins on a mark of its own."""

AUTHORITY_VERBS: Final = ("lock", "take", "hand", "move", "arc")
"""What a DJ does to the mix that fans move."""

SESSION_VERBS: Final = ("pace", "echo", *AUTHORITY_VERBS)
"""What is done to the session, whatever its decks hold."""

TAKE_S_MAX: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter: its unit, and where it goes from, rests and goes to."""

    unit: str
    low: float
    neutral: float
    high: float

    def clamp(self, name: str, asked: float) -> tuple[float, tuple[Clamp, ...]]:
        """The value inside the range, and what was moved."""
        given = min(max(asked, self.low), self.high)
        if given == asked:
            return given, ()
        because = f"{name} goes from {self.low:g} to {self.high:g} {self.unit}".rstrip()
        return given, (Clamp(dimension=name, asked=asked, given=given, because=because),)


LEVEL: Final = Knob("dB", OFF_DB, 0.0, 6.0)
"""How loud a role of a deck is, beside what the mix gives it."""

CHANNEL_KNOBS: Final[Mapping[str, Knob]] = MappingProxyType(
    {
        "fader": LEVEL,
        "pan": Knob("", -1.0, 0.0, 1.0),
        "low": LEVEL,
        "mid": LEVEL,
        "high": LEVEL,
        "filter": Knob("", -1.0, 0.0, 1.0),
        "send": Knob("", 0.0, 0.0, 1.0),
    }
)
"""In the order of the kernel's channel parameters."""

ECHO_KNOBS: Final[Mapping[str, Knob]] = MappingProxyType(
    {
        "delay": Knob("s", 128 / 48_000, 0.5, 2.0),
        "feedback": Knob("", 0.0, 0.5, 0.9),
        "damping": Knob("Hz", 200.0, 6000.0, 20_000.0),
    }
)
PACE: Final = Knob("bpm", 20.0, 120.0, 400.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do. Valid once built, as far as that goes without the deck; numbers are finite.

    Attributes:
        verb: what.
        value: seek: seconds of the song; cue: its number, from 1; loop, jump: beats; scale: a factor; level,
            channel, echo, tempo, pitch, pace: in the unit of what moves; mix: bars, 0 for the table's;
            section: how often it is played, 0 if nobody asked; take: seconds after which it is handed back,
            0 for never; move: in the dimension's unit.
        name: level, mute, solo: a role; channel, echo: a parameter; cue: `go`, `set` or `clear`; load, swap,
            choose: a track's id; stinger: one of STINGERS; mix: how, empty for the table's choice;
            section: labels or numbers, commas
            between, or `this`, `next`, `previous`; lock, take, hand: dimensions, commas between, empty for
            all; move: a dimension; arc: as `parse_arc` reads it, empty to end it.
        on: of what is on or off; of move: False to jump there, True for soft takeover.
        start_s: where a loop or a cue begins or a track is loaded, in seconds; None for here, or its start.
        ramp_s: how long a level or a channel's parameter takes to get there.
        equal_power: whether a fader's ramp is a quarter of a sine, so that two crossing keep their power.
        other: of mix: the deck that is gone to.
        glide_bars: of mix: over how many bars that deck goes back to its own tempo; 0: it does not.
    """

    verb: Verb
    value: float = 0.0
    name: str = ""
    on: bool = True
    start_s: float | None = None
    ramp_s: float = RAMP_S
    equal_power: bool = False
    other: int = -1
    glide_bars: int = 0

    def __post_init__(self) -> None:
        for field, number in (("value", self.value), ("start_s", self.start_s), ("ramp_s", self.ramp_s)):
            if number is not None and not math.isfinite(number):
                raise InvalidInput(f"{field} of {self.verb} is not a finite number", field=field)
        if not 0.0 <= self.ramp_s <= RAMP_S_MAX:
            raise InvalidInput(f"ramp_s goes from 0 to {RAMP_S_MAX:g} s, not {self.ramp_s:g}", field="ramp_s")
        match self.verb:
            case "level" | "mute" | "solo":
                _known("role", self.name, STEM_ROLES)
            case "channel":
                _known("parameter", self.name, CHANNEL_KNOBS)
            case "echo":
                _known("parameter", self.name, ECHO_KNOBS)
            case "cue":
                self._check_cue()
            case "loop" | "jump":
                self._check_beats()
            case "stinger":
                _known("stinger", self.name, STINGERS)
            case "mix":
                self._check_mix()
            case "lock" | "take" | "hand":
                self._check_dimensions()
            case "move":
                dimension(self.name)
            case "arc":
                parse_arc(self.name)
            case "scale" if self.value <= 0.0:
                raise InvalidInput(f"a loop is scaled by more than 0, not {self.value:g}", field="value")

    def _check_mix(self) -> None:
        check_how(self.name)
        if self.value and self.value not in range(1, BARS_MAX + 1):
            raise InvalidInput(f"a mix takes 1 to {BARS_MAX} bars, not {self.value:g}", field="bars")
        if not 0 <= self.other < len(DECK_NAMES):
            raise InvalidInput("say which deck to mix into, A to D", field="other")
        if not 0 <= self.glide_bars <= GLIDE_BARS_MAX:
            raise InvalidInput(
                f"a glide takes up to {GLIDE_BARS_MAX} bars, not {self.glide_bars}", field="glide_bars"
            )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Of lock, take and hand: the dimensions named; none for all of them."""
        return tuple(self.name.split(",")) if self.name else ()

    def _check_dimensions(self) -> None:
        for name in self.dimensions:
            dimension(name)
        if len(set(self.dimensions)) != len(self.dimensions):
            raise InvalidInput(f"{self.verb} names a dimension twice: {self.name}", field="dimensions")
        if self.verb == "take" and not 0.0 <= self.value <= TAKE_S_MAX:
            raise InvalidInput(
                f"timeout_s goes from 0 to {TAKE_S_MAX:g}, not {self.value:g}", field="timeout_s"
            )

    def _check_cue(self) -> None:
        if self.value not in range(1, CUES + 1):
            raise InvalidInput(f"cues go from 1 to {CUES}: there is no cue {self.value:g}", field="number")
        _known("cue action", self.name, ("go", "set", "clear"))

    def _check_beats(self) -> None:
        least, most = LOOP_BEATS if self.verb == "loop" else JUMP_BEATS
        size = self.value if self.verb == "loop" else abs(self.value)
        if not least <= size <= most:
            raise InvalidInput(f"a {self.verb} is 1/8 to {most:g} beats, not {self.value:g}", field="beats")


def _known(kind: str, name: str, known: Mapping[str, Knob] | tuple[str, ...]) -> None:
    if name not in known:
        raise NotFound(f"there is no {kind} {name!r}: {nearest(name, known)}", kind=kind, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckCommand:
    """An action for one deck. Valid once built.

    Attributes:
        id: made by the sender, 1 to 128 characters; what becomes of it is told under it.
        deck: 0 to 3; -1 for the session.
        at: now, or the next mark.
        expires_s: how long it waits for its mark, in seconds of sound; 0 for ever.
    """

    id: str
    action: Action
    deck: int = -1
    at: When = "now"
    expires_s: float = 0.0

    def __post_init__(self) -> None:
        check_name("id", self.id)
        if not 0.0 <= self.expires_s <= EXPIRES_S_MAX:
            raise InvalidInput(
                f"expires_s goes from 0 to {EXPIRES_S_MAX:g}, not {self.expires_s:g}", field="expires_s"
            )
        if (self.deck < 0) != (self.action.verb in SESSION_VERBS):
            what = "of the session, not of a deck" if self.deck >= 0 else "of a deck: say which, A to D"
            raise InvalidInput(f"{self.action.verb} is {what}", field="deck")


def deck_index(text: str) -> int:
    """The deck of a letter or number; -1 for none. Raises NotFound for one that is none."""
    if not text:
        return -1
    if text.upper() in DECK_NAMES:
        return DECK_NAMES.index(text.upper())
    if text in ("1", "2", "3", "4"):
        return int(text) - 1
    raise NotFound(f"there is no deck {text!r}: they are A to D, or 1 to 4", kind="deck", name=text)
