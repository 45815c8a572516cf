"""The sections of a track as places to go to: each from its first downbeat to that of the next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from remixd.director.grid import Grid
from remixd.errors import InvalidInput, nearest
from remixd.track.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Part:
    """A section as one goes to it: from its first downbeat to that of the next, in seconds of the song.

    `energy` is 0 to 1, as the analysis has it.
    """

    number: int
    label: str
    start_s: float
    end_s: float
    energy: float = 0.0


CHARACTERS: Final[Mapping[str, Callable[[Sequence[Part]], Part]]] = {
    "drop": lambda of: max(of, key=lambda part: part.energy),
    "chorus": lambda of: max(of, key=lambda part: part.energy),
    "break": lambda of: min(of, key=lambda part: part.energy),
}
"""Where no section is called so, the liveliest or the calmest one stands for it, as far as they differ."""

DIFFERENT: Final = 0.1


def parts(analysis: Analysis, duration_s: float) -> tuple[Part, ...]:
    """The sections of a track, each from its first downbeat on; phrases, where none are known."""
    grid = Grid.of(analysis, duration_s)
    starts = sorted({_downbeat(grid, start) for start in grid.sections})
    ends = [*starts[1:], duration_s]
    return tuple(
        Part(number, _label(analysis, start, end), start, end, _energy(analysis, start, end))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    )


def _downbeat(grid: Grid, section_s: float) -> float:
    """The bar that begins nearest to a section, which may be said to begin with its pickup."""
    return min(grid.bars, key=lambda bar: abs(bar - section_s))


def _label(analysis: Analysis, start_s: float, end_s: float) -> str:
    middle = (start_s + end_s) / 2
    return next((s.label for s in analysis.sections if s.start_s <= middle < s.end_s), "")


def _energy(analysis: Analysis, start_s: float, end_s: float) -> float:
    seconds = analysis.energy_curve[int(start_s) : max(int(end_s), int(start_s) + 1)]
    return fmean(seconds) if seconds else 0.0


def part_at(of: Sequence[Part], position_s: float) -> Part:
    """The section in which a position lies; the first one, before it."""
    found = [part for part in of if part.start_s <= position_s]
    return found[-1] if found else of[0]


def find_part(of: Sequence[Part], name: str, here: Part) -> Part:
    """The section of a number or label, or `this`, `next`, `previous`; of several the next after `here`.

    `drop`, `chorus` and `break` are found by their energy, where no section is called so.

    Raises InvalidInput, with what there is.
    """
    index = of.index(here)
    beside = {"this": index, "next": index + 1, "previous": index - 1}
    if name in beside:
        if not 0 <= beside[name] < len(of):
            raise InvalidInput(f"section {here.number} has no {name} one", field="name")
        return of[beside[name]]
    if name.isascii() and name.isdigit():
        if not 1 <= int(name) <= len(of):
            raise InvalidInput(f"sections go from 1 to {len(of)}: there is no {name}", field="name")
        return of[int(name) - 1]
    later = [part for part in (*of[index + 1 :], *of[: index + 1]) if part.label == name]
    energies = [part.energy for part in of]
    if not later and name in CHARACTERS and max(energies) - min(energies) >= DIFFERENT:
        return CHARACTERS[name](of)
    if not later:
        labels = {part.label for part in of if part.label}
        raise InvalidInput(f"no section is called {name[:40]!r}: {nearest(name, labels)}", field="name")
    return later[0]
