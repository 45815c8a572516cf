"""A signal: what one fan expressed. Pure; Thread: [control]."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import When, dimension

CHOICES: Final = ("language", "version")
"""What can be chosen beside the mix: the language sung, and `master` or `stems`."""

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
        wishes: finite values of dimensions, in the dimension's unit, by its name; one at least, or a choice.
        choices: beside the mix, in a signal of their own: one of CHOICES, and what is chosen.
        at: when they act: now, or at the next beat, bar, phrase or section.

    Raises InvalidInput or NotFound as `check_name` and `check_wish` do.
    """

    id: str
    fan: str = ""
    wishes: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    at: When = "now"

    def __post_init__(self) -> None:
        check_name("id", self.id)
        check_name("fan", self.fan, required=False)
        if not self.wishes and not self.choices:
            raise InvalidInput("wishes is empty")
        self._check_choices()
        for name, value in self.wishes.items():
            check_wish(name, value)
        object.__setattr__(self, "wishes", MappingProxyType(dict(self.wishes)))
        object.__setattr__(self, "choices", MappingProxyType(dict(self.choices)))

    def _check_choices(self) -> None:
        if len(self.choices) > 1 or (self.choices and self.wishes):
            raise InvalidInput("a choice comes in a signal of its own", field="choices")
        for name, value in self.choices.items():
            if name not in CHOICES:
                raise NotFound(
                    f"there is no choice {name!r}: {nearest(name, CHOICES)}", kind="choice", name=name
                )
            check_name(f"choices.{name}", value)
