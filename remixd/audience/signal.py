"""A signal: what one fan expressed. Pure; Thread: [control]."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import When, dimension

CHOICES: Final = ("language", "version", "preset", "section")
"""What can be chosen beside the mix: the language sung, `master` or `stems`, a preset, where it goes on."""

Reaction = Literal[
    "like", "love", "dislike", "skip", "replay", "better", "worse", "dwell", "volume", "cadence", "explore"
]  # fmt: skip
REACTIONS: Final[tuple[Reaction, ...]] = get_args(Reaction)
"""What is expressed without naming a dimension. `better` and `worse`: than before the mix last moved."""

AMOUNTS: Final[Mapping[str, tuple[str, float, float]]] = MappingProxyType(
    {
        "dwell": ("s listened on", 0.0, 3600.0),
        "volume": ("dB that the fan turned it up", -96.0, 96.0),
        "cadence": ("steps a minute", 40.0, 240.0),
        "explore": ("0 for off, 1 for on", 0.0, 1.0),
    }
)
"""The reactions that have an amount: its unit, the least and the greatest."""

Consent = Literal["session", "taste"]
CONSENTS: Final[tuple[Consent, ...]] = get_args(Consent)
"""What may be kept: nothing beyond the session, or the fan's taste for other sessions too."""

STEPS_MAX: Final = 8.0
"""Steps that one direction may go."""

PAST_S: Final = 60.0
FUTURE_S: Final = 5.0
"""How far from the moment it comes the moment at which a signal says it was expressed may lie."""

ID_LENGTH_MAX: Final = 128
"""Characters that an id or the name of a fan may have."""


def check_name(field: str, text: str, *, required: bool = True) -> str:
    """Return an id or a fan's name as it is.

    Raises InvalidInput, naming the field, if it is empty though required, longer than
    `ID_LENGTH_MAX` characters, or holds what cannot be printed.
    """
    if required and not text:
        raise InvalidInput(f"{field} is empty", field=field)
    if len(text) > ID_LENGTH_MAX:
        raise InvalidInput(
            f"{field} has {len(text)} characters; at most {ID_LENGTH_MAX} are taken", field=field
        )
    if not text.isprintable():
        raise InvalidInput(f"{field} holds characters that cannot be printed", field=field)
    return text


def check_wish(name: str, value: float) -> float:
    """Return a wished value as it is; it may lie outside the dimension's range, which clamps it later.

    Raises NotFound for an unknown dimension, with the nearest one; InvalidInput for a value that is
    not finite.
    """
    dimension(name)
    if math.isnan(value):
        raise InvalidInput(f"{name} is not a number")
    if math.isinf(value):
        raise InvalidInput(f"{name} is infinite")
    return value


def parse_choices(words: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Take the choices, `NAME=VALUE`, out of the words of a wish; the words that are left."""
    words = list(words)
    pairs = [word.partition("=") for word in words]
    chosen = {name.strip(): value.strip() for name, _, value in pairs if name.strip() in CHOICES}
    left = [word for word in words if word.partition("=")[0].strip() not in CHOICES]
    return chosen, left


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What one fan expressed at one moment. Valid once built.

    Attributes:
        id: made by the sender, 1 to 128 characters; what becomes of the signal is told under it.
        fan: who expressed it, at most 128 characters; empty if that is not to be known.
        wishes: finite values of dimensions, in the dimension's unit, by its name.
        directions: how many steps more (or, below 0, less) of a dimension is wished than is heard, up to
            STEPS_MAX; no dimension is in both.
        choices: beside the mix, in a signal of their own: one of CHOICES, and what is chosen; or the name of
            a poll, and an option.
        reaction: in a signal of its own: one of REACTIONS, or empty.
        amount: of a reaction in AMOUNTS, in its range; 0 of the others.
        at: when wishes act: now, or at the next beat, bar, phrase or section.
        age_s: how long ago it was expressed; below 0: it says that it comes from the future.
        consent: what may be kept of it.
        verified: whether the sender vouches for the fan being one person.
        understood: of a text or an emoji: what it was taken for, in words.

    Raises InvalidInput or NotFound as `check_name` and `check_wish` do.
    """

    id: str
    fan: str = ""
    wishes: Mapping[str, float] = field(default_factory=dict)
    directions: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    reaction: Reaction | Literal[""] = ""
    amount: float = 0.0
    at: When = "now"
    age_s: float = 0.0
    consent: Consent = "session"
    verified: bool = False
    understood: str = ""

    def __post_init__(self) -> None:
        check_name("id", self.id)
        check_name("fan", self.fan, required=False)
        if not (self.wishes or self.directions or self.choices or self.reaction):
            raise InvalidInput("wishes is empty, and so is everything else that could be expressed")
        if bool(self.wishes or self.directions) + bool(self.choices) + bool(self.reaction) > 1:
            raise InvalidInput("a choice or a reaction comes in a signal of its own", field="choices")
        self._check_choices()
        self._check_reaction()
        for name, value in self.wishes.items():
            check_wish(name, value)
        for name, steps in self.directions.items():
            self._check_direction(name, check_wish(name, steps))
        if not -FUTURE_S <= self.age_s <= PAST_S:
            when = "comes from the future" if self.age_s < 0.0 else "is too old"
            raise InvalidInput(f"time: it {when}, by {abs(self.age_s):.4g} s", field="time")
        for each in ("wishes", "directions", "choices"):
            object.__setattr__(self, each, MappingProxyType(dict(getattr(self, each))))

    def _check_choices(self) -> None:
        if len(self.choices) > 1:
            raise InvalidInput("a choice comes in a signal of its own", field="choices")
        for name, value in self.choices.items():
            check_name("choices", name)
            check_name(f"choices.{name}", value)

    def _check_reaction(self) -> None:
        if self.reaction and self.reaction not in REACTIONS:
            raise NotFound(
                f"there is no reaction {self.reaction!r}: {nearest(self.reaction, REACTIONS)}",
                kind="reaction", name=self.reaction,
            )  # fmt: skip
        if self.consent not in CONSENTS:
            raise InvalidInput(f"consent is {' or '.join(CONSENTS)}", field="consent")
        unit, least, most = AMOUNTS.get(self.reaction, ("", 0.0, 0.0))
        if not least <= self.amount <= most:
            raise InvalidInput(f"amount of {self.reaction} is {least:g} to {most:g} {unit}", field="amount")

    def _check_direction(self, name: str, steps: float) -> None:
        if name in self.wishes:
            raise InvalidInput(f"{name} is wished twice", field="directions")
        if not 0.0 < abs(steps) <= STEPS_MAX:
            raise InvalidInput(f"{name}: steps go up to {STEPS_MAX:g} either way", field="directions")
