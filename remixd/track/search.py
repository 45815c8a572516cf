"""Looking tracks up by text, tempo, key and energy."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from remixd.errors import InvalidInput
from remixd.track.camelot import camelot, compatible
from remixd.track.listing import TrackRow

Range = tuple[float, float]
"""The least and the greatest, both included; infinite where there is no bound."""

ALL: Final[Range] = (-math.inf, math.inf)
TEXT_LENGTH_MAX: Final = 200


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a track must be; everything in it must hold. The default finds all.

    Attributes:
        text: every word of it is in the title or the artist, or the beginning of the id; accents and case
            do not count.
        key: a name or Camelot code: found is what mixes with it (`camelot.compatible`).
        bpm: in beats a minute.
        energy: from 1 to 10.

    What nobody knows of a track is in no range. Raises InvalidInput, naming the field.
    """

    text: str = ""
    key: str = ""
    bpm: Range = ALL
    energy: Range = ALL

    def __post_init__(self) -> None:
        if len(self.text) > TEXT_LENGTH_MAX:
            raise InvalidInput(f"text is longer than {TEXT_LENGTH_MAX} characters", field="text")
        for name in ("bpm", "energy"):
            low, high = getattr(self, name)
            if math.isnan(low) or math.isnan(high) or low > high:
                raise InvalidInput(f"{name} goes from {low:g} to {high:g}: nothing is in there", field=name)
        if self.key:
            try:
                compatible(self.key)
            except InvalidInput as error:
                raise InvalidInput(f"key: {error}", field="key") from None

    @cached_property
    def _words(self) -> list[str]:
        return folded(self.text).split()

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(map(camelot, compatible(self.key))) if self.key else frozenset()

    def finds(self, row: TrackRow) -> bool:
        """Whether a track is what is looked for."""
        if self.key and row.camelot not in self._codes:
            return False
        if not (_within(row.bpm, self.bpm) and _within(row.energy, self.energy)):
            return False
        text = folded(f"{row.title}\n{row.artist}") if self._words else ""
        return all(word in text or row.id.startswith(word) for word in self._words)

    def of(self, rows: Iterable[TrackRow]) -> list[TrackRow]:
        """What is found among some tracks, in their order."""
        return [row for row in rows if self.finds(row)]


def parse_range(text: str) -> Range:
    """Read `120..128`, `120..` or `..128`; `128` alone is all that rounds to it.

    >>> parse_range("120..128"), parse_range("128")
    ((120.0, 128.0), (127.5, 128.5))

    Raises InvalidInput, naming the text.
    """
    first, dots, last = text.strip().partition("..")
    try:
        low = float(first) if first.strip() else -math.inf
        high = float(last) if last.strip() else math.inf
    except ValueError:
        low = high = math.nan
    if math.isnan(low) or math.isnan(high) or low > high or not (first.strip() or last.strip()):
        raise InvalidInput(f"{text[:40]!r} is no range such as 120..128, 120.. or 128")
    return (low, high) if dots else (low - 0.5, low + 0.5)


def folded(text: str) -> str:
    """A text without case, accents and differences of width, to be compared."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def _within(value: float | None, bounds: Range) -> bool:
    return bounds == ALL or (value is not None and bounds[0] <= value <= bounds[1])
