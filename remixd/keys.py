"""One thing that can be set: what its values are, and how a file or a person writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from remixd.config import Address, expand_home, parse_size
from remixd.errors import InvalidInput, nearest

TEXT_LENGTH_MAX: Final = 4096

Kind = Literal["text", "address", "size", "path", "number", "count", "choice"]
"""What a value is; a size is written as `20GB`, and `address` as HOST:PORT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One thing that can be set.

    Attributes:
        kind: what its values are.
        default: in the form in which a file has it; None where there is none.
        told: what it does, for a person.
        least, most: the range of a number, a count or a size in bytes.
        choices: of a choice.
        env: the variable that sets it too; empty if there is none.
    """

    kind: Kind
    default: Any
    told: str
    least: float = 0.0
    most: float = float(1 << 53)
    choices: tuple[str, ...] = ()
    env: str = ""

    def read(self, value: Any, base: Path | None = None) -> Any:
        """A value as the daemon uses it; a relative path is one from `base`. Raises InvalidInput."""
        if self.kind in ("number", "count"):
            return self._number(value)
        if not isinstance(value, str):
            raise InvalidInput(f"it is a text, not {kind_of(value)}")
        if len(value) > TEXT_LENGTH_MAX or not value.isprintable():
            raise InvalidInput(f"it is a text of at most {TEXT_LENGTH_MAX} printable characters")
        if self.kind == "address":
            return Address.parse(value)
        if self.kind == "size":
            size = parse_size(value)
            if not self.least <= size <= self.most:
                raise InvalidInput(f"{value} is not within {self.least:.0f} to {self.most:.0f} bytes")
            return size
        if self.kind == "choice" and value not in self.choices:
            raise InvalidInput(f"there is no {value!r}: {nearest(value, self.choices)}")
        if self.kind == "path":
            return (base or Path.cwd()) / expand_home(Path(value)) if value else None
        return value

    def _number(self, value: Any) -> float | int:
        if isinstance(value, str):  # from the environment
            try:
                value = int(value) if self.kind == "count" else float(value)
            except ValueError:
                raise InvalidInput(f"{value!r} is not a number") from None
        wanted = (int,) if self.kind == "count" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            noun = "a whole number" if self.kind == "count" else "a number"
            raise InvalidInput(f"it is {noun}, not {kind_of(value)}")
        if not self.least <= value <= self.most:
            raise InvalidInput(f"{value} is not within {self.least:g} to {self.most:g}")
        return value if self.kind == "count" else float(value)


def kind_of(value: Any) -> str:
    """What a value of TOML is, for a person."""
    names = {bool: "true or false", str: "a text", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else f"{value!r}"[:40])


def setting(kind: Kind, default: Any, told: str, **more: Any) -> Any:
    """The field of a dataclass that holds what is set; its key is in the field's metadata."""
    key = Key(kind=kind, default=default, told=told, **more)
    used = None if default is None or (kind == "path" and not default) else key.read(default)
    return field(default=used, metadata={"key": key})
