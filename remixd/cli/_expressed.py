"""What a fan expressed, of the words of a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from remixd.audience.signal import AMOUNTS, CHOICES, REACTIONS
from remixd.audience.vocabulary import EMOJI
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, dimension, parse_wishes

EXAMPLES: Final = 'drums=-6, vocals+2, like, dwell=12, preset=NAME, "more dreamy"'
_DIRECTION: Final = re.compile(r"([^\W\d]+)([+-])(\d*\.?\d*)")
_VARIATIONS: Final = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def parse_expressed(words: Iterable[str]) -> list[Mapping[str, Any]]:
    """What words express: for each signal, the arguments that `Client.signal` takes.

    Wishes and directions go together; each choice, reaction, emoji and text is a signal of its own, in the
    order of the words.

    Raises InvalidInput or NotFound for a word that is none of them.
    """
    together: dict[str, dict[str, float]] = {"wishes": {}, "directions": {}}
    alone: list[Mapping[str, Any]] = []
    for word in words:
        text = word.strip()
        name, equals, value = (part.strip() for part in text.partition("="))
        turned = _DIRECTION.fullmatch(text)
        if turned:
            _put(together["directions"], dimension(turned[1]).name, _steps(turned[2], turned[3]))
        elif equals and name in AMOUNTS:
            alone.append({"reaction": name, "amount": _number(text, value)})
        elif equals and " " not in name and (name in CHOICES or _is_vote(name, value)):
            alone.append({"choices": {name: value}})
        elif equals:
            for name_, value_ in parse_wishes([text]).items():
                _put(together["wishes"], name_, value_)
        elif text in AMOUNTS:
            raise InvalidInput(f"{text}: say {text}=AMOUNT, in {AMOUNTS[text][0]}")
        elif text in REACTIONS:
            alone.append({"reaction": text})
        elif text in DIMENSIONS:
            raise InvalidInput(f"{text}: say {text}=VALUE, {text}+ or {text}-")
        elif _VARIATIONS.sub("", text) in EMOJI:
            alone.append({"emoji": text})
        else:
            alone.append({"text": text})
    first = [MappingProxyType(together)] if any(together.values()) else []
    return [*first, *alone]


def _put(values: dict[str, float], name: str, value: float) -> None:
    if name in values:
        raise InvalidInput(f"{name} is wished twice")
    values[name] = value


def _steps(sign: str, digits: str) -> float:
    try:
        return float(f"{sign}{digits or 1}")
    except ValueError:
        raise InvalidInput(f"{sign}{digits} is no number of steps") from None


def _number(word: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InvalidInput(f"{word}: {value!r} is not a number") from None


def _is_vote(name: str, value: str) -> bool:
    """Whether it is an option of a poll: no number of any dimension."""
    if name in DIMENSIONS or not name:
        return False
    try:
        float(value)
    except ValueError:
        return bool(value)
    return False
