"""Presets from TOML; whatever is wrong is told with its file, its line and its key."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final

from remixd.director.preset import (
    GAIN_DB,
    LAYERS_MAX,
    PLACES,
    NotFor,
    Preset,
    Rack,
    Rules,
    check_preset_name,
)
from remixd.effects import EFFECTS, PLUGIN
from remixd.errors import InvalidInput, nearest
from remixd.mix import DIMENSIONS, WHENS, Mix, When
from remixd.track.fields import Fields, printable
from remixd.units import STEM_ROLES

KEYS: Final = ("title", "description", "tags", "gain_db", "mix", "rack", "rules", "not_for")
BPM: Final = (20.0, 400.0)
RIGHTS: Final = ("vocals_solo",)
"""Rights that a preset may need."""

Path = tuple[str | int, ...]
"""Of a key in a document: names, and of what is in a list its index."""

_LARGEST: Final = 1e15
"""No parameter of a plug-in is greater."""

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w\s.\"'-]+?)\s*\]\]?\s*(#.*)?$")
_KEY: Final = re.compile(r"\s*([\w.-]+|\"[^\"]*\"|'[^']*')\s*=")


def read_preset(text: str, name: str, file: str) -> Preset:
    """Read one preset. Raises InvalidInput, naming the file and, as far as known, line and key."""
    check_preset_name(name)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not TOML: {printable(error)}") from None
    top = _Located(file, document, lines_of(text))
    top.check_keys(KEYS, "is nothing that a preset has")
    try:
        return Preset(
            name=name,
            title=top.text("title"),
            description=top.text("description"),
            tags=top.texts("tags"),
            gain_db=top.number("gain_db", *GAIN_DB) if top.holds("gain_db") else 0.0,
            mix=_read_mix(top.table("mix")),
            racks=_read_racks(top.tables("rack")),
            rules=_read_rules(top.table("rules", {})),
            not_for=_read_not_for(top.table("not_for", {})),
        )
    except InvalidInput as error:
        if str(error).startswith(file):
            raise
        raise top.fail("rack", f"cannot be: {error}") from None


def lines_of(text: str) -> dict[Path, int]:
    """The line of every table and key of a TOML document, as far as its layout tells: from 1, by path."""
    lines: dict[Path, int] = {}
    table: Path = ()
    arrays: Counter[Path] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = tuple(part.strip().strip("\"'") for part in header.group(2).split("."))
            if header.group(1) == "[[":
                lines.setdefault(table, number)
                arrays[table] += 1
                table = (*table, arrays[table] - 1)
            elif table[:1] in arrays:  # a table inside the newest of a list
                table = (table[0], arrays[table[:1]] - 1, *table[1:])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            path: Path = (*table, *(part.strip("\"'") for part in key.group(1).split(".")))
            for end in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:end], number)
    return lines


class _Located(Fields):
    """Fields that know where in their file they are."""

    def __init__(self, file: str, table: object, lines: Mapping[Path, int], path: Path = ()) -> None:
        self._file = file
        self._lines = lines
        self._path = path
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        self._shown = ": " + "".join(parts).removeprefix(".") if path else ""
        super().__init__(self._at() + self._shown, table)

    def _at(self, *name: str | int) -> str:
        """The file, and the line of a key or, without it, of what it is in."""
        path = (*self._path, *name)
        while path and path not in self._lines:
            path = path[:-1]
        return f"{self._file}, line {self._lines[path]}" if path else self._file

    def fail(self, name: str, problem: str) -> InvalidInput:
        """The error that `name` has `problem`."""
        key = re.sub(r"(\[\d+\])+$", "", name)
        return InvalidInput(f"{self._at(key)}{self._shown}: {printable(name)} {problem}")

    def check_keys(self, known: tuple[str, ...], problem: str) -> None:
        """Refuse what is none of these."""
        for key in self.names():
            if key not in known:
                raise self.fail(key, f"{problem}: {nearest(key, known)}")

    def word(self, name: str, known: tuple[str, ...], default: str | None = None) -> str:
        """One of some words."""
        value = self.text(name) if default is None else self.text(name, default)
        if value not in known:
            raise self.fail(name, f"is {printable(value)!r}: {nearest(value, known)}")
        return value

    def words(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Some of some words."""
        values = self.texts(name)
        for value in values:
            if value not in known:
                raise self.fail(name, f"has {printable(value)!r}: {nearest(value, known)}")
        return values

    def table(self, name: str, default: object = None) -> _Located:
        """A table inside this one."""
        value = self._table.get(name, default)
        if value is None:
            raise self.fail(name, "is missing")
        if not isinstance(value, Mapping):
            raise self.fail(name, "is not a table")
        return _Located(self._file, value, self._lines, (*self._path, name))

    def tables(self, name: str) -> list[Any]:
        """A list of tables; empty where absent."""
        values = self.items(name)
        for value in values:
            if not isinstance(value, Mapping):
                raise self.fail(name, "is not a list of tables")
        return [
            _Located(self._file, value, self._lines, (*self._path, name, index))
            for index, value in enumerate(values)
        ]

    def left(self, taken: tuple[str, ...]) -> dict[str, object]:
        """What it has beside these keys."""
        return {key: self._table[key] for key in self.names() if key not in taken}


def _read_mix(fields: _Located) -> Mix:
    values: dict[str, float] = {}
    fields.check_keys(tuple(DIMENSIONS), "is no dimension")
    for name in fields.names():
        row = DIMENSIONS[name]
        values[name] = fields.number(name, row.minimum, row.maximum)
    return Mix(MappingProxyType(values))


def _read_racks(tables: list[_Located]) -> tuple[Rack, ...]:
    chains: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    shares: dict[tuple[str, int], float] = {}
    for fields in tables:
        place = fields.word("on", PLACES)
        layer = fields.integer("layer", 1, LAYERS_MAX) if fields.holds("layer") else 1
        share = fields.number("share", 0.0, 1.0) if fields.holds("share") else 1.0
        if shares.setdefault((place, layer), share) != share:
            raise fields.fail("share", f"is {share:g}, but {shares[place, layer]:g} before in this layer")
        chains.setdefault((place, layer), []).append(_read_element(fields))
    return tuple(
        Rack(on=place, chain=tuple(chains[place, layer]), share=shares[place, layer])
        for place, layer in sorted(chains, key=lambda key: (PLACES.index(key[0]), key[1]))
    )


def _read_element(fields: _Located) -> Mapping[str, Any]:
    name = fields.word("effect", (*EFFECTS, PLUGIN))
    given = fields.left(("on", "layer", "share", "effect"))
    if name == PLUGIN:
        return _read_plugin(fields, given)
    try:
        return MappingProxyType(EFFECTS[name].element(given))
    except InvalidInput as error:
        raise fields.fail(error.field, str(error)) from None


def _read_plugin(fields: _Located, given: Mapping[str, object]) -> Mapping[str, Any]:
    for key in given:
        if key not in (known := ("path", "name", "parameters", "optional")):
            raise fields.fail(key, f"is nothing that a plug-in has: {nearest(key, known)}")
    path, name = fields.text("path", ""), fields.text("name", "")
    if not (path or name):
        raise fields.fail("path", "is missing: say which plug-in, by its path or its name")
    if path and not PurePath(path).is_absolute():
        raise fields.fail("path", f"is {printable(path)}: not a whole path")
    parameters = fields.table("parameters", {}).left(())
    for key, value in parameters.items():
        if not (isinstance(value, bool | str) or (isinstance(value, int | float) and abs(value) <= _LARGEST)):
            raise fields.fail("parameters", f"has {printable(key)}, which is no number, word, true or false")
    return MappingProxyType(
        {
            "effect": PLUGIN,
            "path": path,
            "name": name,
            "parameters": parameters,
            "optional": fields.flag("optional", False),
        }
    )


def _read_rules(fields: _Located) -> Rules:
    fields.check_keys(tuple(Rules.__slots__), "is no rule")
    whens: dict[str, When] = {when: when for when in WHENS}
    return Rules(
        when=whens[fields.word("when", WHENS, "now")],
        explores=fields.flag("explores", True),
        cadence_lock=fields.flag("cadence_lock", False),
    )


def _read_not_for(fields: _Located) -> NotFor:
    fields.check_keys(tuple(NotFor.__slots__), "is nothing that a preset is not for")
    return NotFor(
        without=fields.words("without", STEM_ROLES),
        without_rights=fields.words("without_rights", RIGHTS),
        slower_than_bpm=fields.optional_number("slower_than_bpm", *BPM),
        faster_than_bpm=fields.optional_number("faster_than_bpm", *BPM),
    )
