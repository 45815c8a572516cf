"""Typed fields of a document that somebody else may have written; every error names the field."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Final

from remixd.errors import InvalidInput

_MISSING = object()


def printable(name: object) -> str:
    """A file's name or another foreign text as one line that can be printed and stored as UTF-8."""
    text = str(name).encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


LINE_LENGTH_MAX: Final = 300
"""The most characters of a title or a name."""


def one_line(text: str, longest: int = LINE_LENGTH_MAX) -> str:
    """A title as people typed it: control characters and runs of spaces become one space."""
    clean = text.encode("utf-8", "replace").decode()
    spaced = "".join(c if c.isprintable() else " " for c in clean)
    return " ".join(spaced.split())[:longest].rstrip()


class Fields:
    """One table of a document. Raises InvalidInput, naming the document and the field.

    Thread: any; holds no state but the table.
    """

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, Mapping):
            raise InvalidInput(f"{where} is not a table of fields")
        self._where = where
        self._table: Mapping[str, object] = table

    def fail(self, name: str, problem: str) -> InvalidInput:
        """The error that `name` has `problem`."""
        return InvalidInput(f"{self._where}: {printable(name)} {problem}")

    def _get(self, name: str, default: object) -> object:
        value = self._table.get(name, default)
        if value is _MISSING:
            raise self.fail(name, "is missing")
        return value

    def text(self, name: str, default: object = _MISSING) -> str:
        """A text of valid Unicode."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.fail(name, "is not a text")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self.fail(name, "is not valid Unicode")
        return value

    def holds(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._table.get(name) is not None

    def optional_text(self, name: str) -> str | None:
        """A text, or None where it is null or absent."""
        return None if self._table.get(name) is None else self.text(name)

    def flag(self, name: str, default: object = _MISSING) -> bool:
        """True or false."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self.fail(name, "is neither true nor false")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number of `low` to `high`, both included."""
        value = self._get(name, _MISSING)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(name, "is not a whole number")
        if not low <= value <= high:
            raise self.fail(name, f"is {_short(value)}: not within {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """A finite number of `low` to `high`, both included."""
        return self._number(name, self._get(name, _MISSING), low, high)

    def optional_number(self, name: str, low: float, high: float) -> float | None:
        """A number, or None where it is null or absent."""
        return None if self._table.get(name) is None else self.number(name, low, high)

    def _number(self, name: str, value: object, low: float, high: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.fail(name, "is not a number")
        if not low <= value <= high:  # false for NaN too
            raise self.fail(name, f"is {_short(value)}: not within {low:g} to {high:g}")
        return float(value)

    def numbers(self, name: str, low: float, high: float) -> tuple[float, ...]:
        """A list of finite numbers of `low` to `high`, both included; empty where absent."""
        values = self.items(name)
        return tuple(self._number(f"{name}[{i}]", value, low, high) for i, value in enumerate(values))

    def times(self, name: str, end_s: float) -> tuple[float, ...]:
        """Strictly rising times in seconds, none before 0 or after `end_s`; empty where absent."""
        values = self.items(name)
        times = tuple(self._number(f"{name}[{i}]", value, 0.0, end_s) for i, value in enumerate(values))
        for index, (before, after) in enumerate(itertools.pairwise(times), start=1):
            if after <= before:
                raise self.fail(f"{name}[{index}]", f"is {after:g}: not after the {before:g} before it")
        return times

    def items(self, name: str) -> list[object]:
        """A list of anything; empty where absent."""
        value = self._get(name, [])
        if not isinstance(value, list):
            raise self.fail(name, "is not a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where absent."""
        values = self.items(name)
        return tuple(
            Fields(self._where, {f"{name}[{i}]": v}).text(f"{name}[{i}]") for i, v in enumerate(values)
        )

    def names(self) -> list[str]:
        """The names of the fields that are there."""
        return [self._checked_name(name) for name in self._table]

    def table(self, name: str, default: object = _MISSING) -> Fields:
        """A table inside this one."""
        return Fields(f"{self._where}: {name}", self._get(name, default))

    def tables(self, name: str) -> list[Fields]:
        """A list of tables; empty where absent."""
        return [Fields(f"{self._where}: {name}[{i}]", value) for i, value in enumerate(self.items(name))]

    def named_tables(self, name: str) -> tuple[list[str], Fields]:
        """The field names of a table inside this one, and the table; empty where absent."""
        value = self._get(name, {})
        inner = Fields(f"{self._where}: {name}", value)
        return inner.names(), inner

    def _checked_name(self, name: object) -> str:
        return Fields(self._where, {"a field's name": name}).text("a field's name")


def check_format(fields: Fields, family: str, version: int, oldest: int | None = None) -> None:
    """Refuse a document that is not `family-version`, nor an older one from `oldest` on.

    A newer one is refused with a sentence that says so.
    """
    given = fields.text("format")
    if given in (f"{family}-{number}" for number in range(oldest or version, version + 1)):
        return
    head, _, tail = given.rpartition("-")
    if head == family and tail.isascii() and tail.isdigit() and int(tail[:9]) > version:
        raise fields.fail("format", f"is {printable(given)}: made by a newer remixd than this one")
    raise fields.fail("format", f"is {printable(given)!r}, not {family}-{version}")


def _short(value: float) -> str:
    if isinstance(value, int) and abs(value) >= 10**15:
        return "a number of many digits"
    return "not a number" if math.isnan(value) else f"{value:g}"
