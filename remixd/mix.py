"""The mix vector: the one table of what a listener hears and what everyone speaks about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from remixd.errors import InvalidInput, NotFound, nearest
from remixd.units import OFF_DB

Boundary = Literal["bar", "phrase", "section"]
BOUNDARIES: Final[tuple[Boundary, ...]] = ("bar", "phrase", "section")

When = Literal["now", "beat", "bar", "phrase", "section"]
WHENS: Final[tuple[When, ...]] = ("now", "beat", "bar", "phrase", "section")
"""When a move acts: now, or at the next such mark; in the order of the kernel's marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slew:
    """How fast the director moves a dimension: at most `step` at the start of each `every`.

    Attributes:
        step: in the dimension's unit; of a ratio, the share of what it is now.
        total: how far from the preset's centre in all, likewise; None for no limit.
        is_ratio: whether steps multiply rather than add.
    """

    every: Boundary
    step: float
    total: float | None = None
    is_ratio: bool = False

    def reach(self, centre: float, distance: float) -> tuple[float, float]:
        """The least and greatest value at most `distance` from `centre`."""
        if self.is_ratio:
            return centre * (1.0 - distance), centre * (1.0 + distance)
        return centre - distance, centre + distance

    def towards(self, now: float, goal: float) -> float:
        """Where one step from `now` leads."""
        low, high = self.reach(now, self.step)
        return min(max(goal, low), high)

    def told(self, unit: str) -> str:
        """For a person, as in `3 dB a bar`."""
        step = f"{self.step * 100:g} %" if self.is_ratio else f"{self.step:g} {unit}"
        return f"{step} a {self.every}"

    def steps(self, now: float, goal: float) -> int:
        """How many steps lead from `now` to `goal`."""
        if self.is_ratio:
            one = math.log1p(self.step) if goal > now else -math.log1p(-self.step)
            return math.ceil(abs(math.log(goal / now)) / one - 1e-9)
        return math.ceil(abs(goal - now) / self.step - 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One row of the table. Values are in `unit`; `to_unit` maps them to taste space, [-1, 1]."""

    name: str
    unit: str
    minimum: float
    neutral: float
    maximum: float
    slew: Slew
    to_unit: Callable[[float], float]
    from_unit: Callable[[float], float]

    def clamp(self, value: float) -> float:
        """The value of the range nearest to `value`. Raises InvalidInput if it is not a number."""
        if math.isnan(value):
            raise InvalidInput(f"{self.name} is not a number")
        return min(max(value, self.minimum), self.maximum)


def _linear(minimum: float, maximum: float) -> dict[str, Callable[[float], float]]:
    centre, half = (minimum + maximum) / 2, (maximum - minimum) / 2
    return {
        "to_unit": lambda value: (value - centre) / half,
        "from_unit": lambda unit: centre + half * unit,
    }


def _identity() -> dict[str, Callable[[float], float]]:
    return {"to_unit": lambda value: value, "from_unit": lambda unit: unit}


def _level_to_unit(level_db: float) -> float:
    return max(level_db / 24.0, -1.0) if level_db <= 0.0 else level_db / 6.0


def _level_from_unit(unit: float) -> float:
    if unit <= -1.0:
        return OFF_DB
    return unit * 24.0 if unit <= 0.0 else unit * 6.0


def _level(name: str) -> Dimension:
    return Dimension(
        name=name, unit="dB", minimum=OFF_DB, neutral=0.0, maximum=6.0,
        slew=Slew(every="bar", step=3.0), to_unit=_level_to_unit, from_unit=_level_from_unit,
    )  # fmt: skip


_ROWS: Final = (
    Dimension(
        name="tempo", unit="ratio", minimum=0.5, neutral=1.0, maximum=2.0,
        slew=Slew(every="phrase", step=0.02, total=0.08, is_ratio=True),
        to_unit=math.log2, from_unit=lambda unit: 2.0**unit,
    ),
    Dimension(
        name="pitch", unit="semitones", minimum=-12.0, neutral=0.0, maximum=12.0,
        slew=Slew(every="section", step=2.0), **_linear(-12.0, 12.0),
    ),
    _level("vocals"),
    _level("drums"),
    _level("bass"),
    _level("other"),
    Dimension(
        name="brightness", unit="tilt dB", minimum=-12.0, neutral=0.0, maximum=12.0,
        slew=Slew(every="bar", step=3.0), **_linear(-12.0, 12.0),
    ),
    Dimension(
        name="space", unit="reverb send", minimum=0.0, neutral=0.0, maximum=1.0,
        slew=Slew(every="bar", step=0.1), **_identity(),
    ),
    Dimension(
        name="drive", unit="amount", minimum=0.0, neutral=0.0, maximum=1.0,
        slew=Slew(every="bar", step=0.1), **_identity(),
    ),
    Dimension(
        name="density", unit="layers", minimum=-1.0, neutral=0.0, maximum=1.0,
        slew=Slew(every="phrase", step=2.0), **_identity(),
    ),
)  # fmt: skip

DIMENSIONS: Final[Mapping[str, Dimension]] = MappingProxyType({row.name: row for row in _ROWS})
"""The table, by name, in order."""

TONES: Final = ("brightness", "space", "drive")
"""The dimensions of the whole mix, whatever decks it comes from."""

LAYERED: Final = ("density",)
"""The dimensions that control lowers to others, and to what is generated: the engine knows none of them."""

PLAYABLE: Final = ("tempo", "pitch", "vocals", "drums", "bass", "other", *TONES)
"""The dimensions that this engine turns into sound. A wish for another is refused, and told."""


def dimension(name: str) -> Dimension:
    """Look a dimension up. Raises NotFound with the nearest name."""
    found = DIMENSIONS.get(name)
    if found is None:
        raise NotFound(
            f"there is no dimension {name!r}: {nearest(name, DIMENSIONS)}", kind="dimension", name=name
        )
    return found


@dataclass(frozen=True, slots=True)
class Mix(Mapping[str, float]):
    """A point of the mix space: a value for every dimension, each inside its range."""

    values_by_name: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, value in self.values_by_name.items():
            if dimension(name).clamp(value) != value:
                raise InvalidInput(f"{name}={value:g} is outside its range")

    def __getitem__(self, name: str) -> float:
        return self.values_by_name.get(name, dimension(name).neutral)

    def __iter__(self) -> Iterator[str]:
        return iter(DIMENSIONS)

    def __len__(self) -> int:
        return len(DIMENSIONS)

    def moved(self, **values: float) -> Mix:
        """The same mix with some dimensions at other values."""
        return Mix(MappingProxyType({**self.values_by_name, **values}))


NEUTRAL: Final = Mix(MappingProxyType({}))
"""The artist's own mix."""


def parse_wishes(texts: Iterator[str] | list[str] | tuple[str, ...]) -> dict[str, float]:
    """Read `NAME=VALUE` words, as the command line takes them.

    Raises InvalidInput for a word of another form, NotFound for an unknown dimension.
    """
    wishes: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"{text!r} is not DIMENSION=VALUE")
        name = dimension(name.strip()).name
        try:
            number = float(value)
        except ValueError:
            raise InvalidInput(f"{name}={value}: {value!r} is not a number") from None
        if math.isnan(number):
            raise InvalidInput(f"{name}={value}: not a number")
        if name in wishes:
            raise InvalidInput(f"{name} is wished twice")
        wishes[name] = number
    return wishes
