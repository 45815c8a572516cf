"""The effects that a rack may have: one table, as `mix` has one of dimensions.

Names of parameters, but for those of `delay` and `tremolo`, are those of pedalboard's built-in effects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from remixd.errors import InvalidInput, NotFound, nearest

CHAIN_MAX: Final = 16
"""Effects in a row, at the most."""

BEATS_A_WHOLE: Final = 4
"""Beats of a whole note, of which synced times are fractions."""

Chain = tuple[Mapping[str, Any], ...]
"""Effects in a row, each `{"effect": NAME, PARAMETER: VALUE, ...}` in JSON's types, with every parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: its unit and range; or, of a word, the `choices`, of which the first is usual."""

    unit: str = ""
    minimum: float = 0.0
    default: float = 0.0
    maximum: float = 1.0
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> float | str:
        """The value, if it can be had. Raises InvalidInput with what is wrong with it: `is ...`."""
        if self.choices:
            if value not in self.choices:
                raise InvalidInput(f"is {value!r}: not one of {', '.join(self.choices)}")
            return str(value)
        number = beats_of(value) if self.unit == "beats" and isinstance(value, str) else value
        if not isinstance(number, int | float) or isinstance(number, bool) or number != number:
            raise InvalidInput("is not a number")
        if not self.minimum <= number <= self.maximum:
            unit = f" {self.unit}" if self.unit else ""
            raise InvalidInput(
                f"is {_told(value, number)}: not within {self.minimum:g} to {self.maximum:g}{unit}"
            )
        return float(number)

    @property
    def usual(self) -> float | str:
        """What it is where nothing is said."""
        return self.choices[0] if self.choices else self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One row of the table.

    Attributes:
        parameters: by name, in order.
        either: names of which one at most is given; none given, it is the first.
    """

    name: str
    parameters: Mapping[str, Parameter]
    either: tuple[str, ...] = ()

    def element(self, given: Mapping[str, object]) -> dict[str, Any]:
        """The element of a chain that these parameters make; what is not given is as usual.

        Raises InvalidInput, whose `field` is the parameter.
        """
        chosen = [name for name in self.either if name in given] or list(self.either[:1])
        if len(chosen) > 1:
            raise InvalidInput(f"cannot be beside {chosen[0]}", field=chosen[1])
        left_out = set(self.either) - set(chosen)
        element: dict[str, Any] = {"effect": self.name}
        for name in given:
            if name not in self.parameters:
                hint = nearest(name, self.parameters)
                raise InvalidInput(f"is no parameter of {self.name}: {hint}", field=name)
        for name, row in self.parameters.items():
            if name in left_out:
                continue
            try:
                element[name] = row.check(given[name]) if name in given else row.usual
            except InvalidInput as error:
                raise InvalidInput(str(error), field=name) from None
        return element


def beats_of(text: str) -> float:
    """Beats of a time such as `3/16` of a whole note. Raises InvalidInput for another form.

    >>> beats_of("3/16")
    0.75
    """
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text.strip(), re.ASCII)
    if not found or not int(found.group(2)):
        raise InvalidInput(f"is {text!r}: not a fraction of a whole note, such as 3/16")
    return float(Fraction(int(found.group(1)), int(found.group(2))) * BEATS_A_WHOLE)


def beats_text(beats: float) -> str | float:
    """The fraction of a whole note that so many beats are; the number itself where it is none of notes.

    >>> beats_text(0.75)
    '3/16'
    """
    whole = (Fraction(beats) / BEATS_A_WHOLE).limit_denominator(64)
    return f"{whole.numerator}/{whole.denominator}" if float(whole * BEATS_A_WHOLE) == beats else beats


def _told(value: object, number: float) -> str:
    if isinstance(number, int) and abs(number) >= 10**15:
        return "a number of many digits"
    return value if isinstance(value, str) else f"{number:g}"


def _number(unit: str, minimum: float, default: float, maximum: float) -> Parameter:
    return Parameter(unit=unit, minimum=minimum, default=default, maximum=maximum)


def _frequency(default_hz: float) -> Parameter:
    return _number("Hz", 20.0, default_hz, 20_000.0)


def _share(default: float, maximum: float = 1.0) -> Parameter:
    return _number("", 0.0, default, maximum)


def _effect(name: str, *either: str, **parameters: Parameter) -> Effect:
    return Effect(name=name, parameters=MappingProxyType(parameters), either=either)


def _band(name: str, default_hz: float) -> Effect:
    return _effect(
        name,
        cutoff_frequency_hz=_frequency(default_hz),
        gain_db=_number("dB", -24.0, 0.0, 24.0),
        q=_number("", 0.1, math.sqrt(0.5), 10.0),
    )


def _dynamics(name: str, threshold: Parameter, ratio: Parameter) -> Effect:
    return _effect(
        name,
        threshold_db=threshold,
        ratio=ratio,
        attack_ms=_number("ms", 0.1, 10.0, 500.0),
        release_ms=_number("ms", 1.0, 150.0, 3000.0),
    )


_FEEDBACK: Final = _number("", -0.9, 0.0, 0.9)
_RATE: Final = _number("Hz", 0.01, 1.0, 20.0)
_LADDERS: Final = ("LPF12", "HPF12", "BPF12", "LPF24", "HPF24", "BPF24")

_ROWS: Final = (
    _effect("highpass", cutoff_frequency_hz=_frequency(80.0)),
    _effect("lowpass", cutoff_frequency_hz=_frequency(8000.0)),
    _band("low_shelf", 120.0),
    _band("high_shelf", 8000.0),
    _band("peak", 1000.0),
    _dynamics("compressor", _number("dB", -60.0, -18.0, 0.0), _number("", 1.0, 2.0, 20.0)),
    _effect("distortion", drive_db=_number("dB", 0.0, 12.0, 48.0)),
    _effect(
        "chorus", rate_hz=_RATE, depth=_share(0.25), centre_delay_ms=_number("ms", 1.0, 7.0, 100.0),
        feedback=_FEEDBACK, mix=_share(0.5),
    ),
    _effect(
        "phaser", rate_hz=_RATE, depth=_share(0.5), centre_frequency_hz=_frequency(1300.0),
        feedback=_FEEDBACK, mix=_share(0.5),
    ),
    _effect(
        "reverb", room_size=_share(0.5), damping=_share(0.5), wet_level=_share(0.33), dry_level=_share(0.4),
        width=_share(1.0),
    ),
    _effect("bitcrush", bit_depth=_number("bits", 2.0, 12.0, 24.0)),
    _effect(
        "ladder", mode=Parameter(choices=_LADDERS), cutoff_hz=_frequency(2000.0), resonance=_share(0.0, 0.95),
        drive=_number("", 1.0, 1.0, 10.0),
    ),
    _effect("pitch_shift", semitones=_number("semitones", -12.0, 0.0, 12.0)),
    _effect("clipping", threshold_db=_number("dB", -48.0, -6.0, 0.0)),
    _effect("gain", gain_db=_number("dB", -24.0, 0.0, 24.0)),
    _dynamics("noise_gate", _number("dB", -100.0, -60.0, 0.0), _number("", 1.0, 10.0, 100.0)),
    _effect(
        "delay", "beats", "delay_seconds", beats=_number("beats", 0.125, 0.75, 2.0),
        delay_seconds=_number("s", 0.01, 0.375, 2.0), feedback=_share(0.4, 0.9), mix=_share(0.3),
    ),
    _effect("tremolo", beats=_number("beats", 0.125, 1.0, 8.0), depth=_share(0.5)),
)  # fmt: skip

EFFECTS: Final[Mapping[str, Effect]] = MappingProxyType({row.name: row for row in _ROWS})
"""The table, by name."""

PLUGIN: Final = "vst3"
"""The effect that is a plug-in of somebody else: by `path` or `name`, with `parameters` of its own."""


def effect(name: str) -> Effect:
    """Look an effect up. Raises NotFound with the nearest name."""
    found = EFFECTS.get(name)
    if found is None:
        hint = nearest(name, (*EFFECTS, PLUGIN))
        raise NotFound(f"there is no effect {name!r}: {hint}", kind="effect", name=name)
    return found
