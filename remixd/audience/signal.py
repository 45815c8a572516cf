"""A signal: what one fan expressed. Pure; Thread: [control]."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remixd.errors import InvalidInput
from remixd.mix import When, dimension

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What one fan expressed at one moment. Valid once built.

    Attributes:
        id: made by the sender, 1 to 128 characters; what becomes of the signal is told under it.
        fan: who expressed it, at most 128 characters; empty if that is not to be known.
        wishes: finite values of at least one dimension, in the dimension's unit, by its name.
        at: when they act: now, or at the next beat, bar, phrase or section.

    Raises InvalidInput or NotFound as `check_name` and `check_wish` do.
    """

    id: str
    fan: str = ""
    wishes: Mapping[str, float]
    at: When = "now"

    def __post_init__(self) -> None:
        check_name("id", self.id)
        check_name("fan", self.fan, required=False)
        if not self.wishes:
            raise InvalidInput("wishes is empty")
        for name, value in self.wishes.items():
            check_wish(name, value)
        object.__setattr__(self, "wishes", MappingProxyType(dict(self.wishes)))
