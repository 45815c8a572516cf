"""Presets: named points of the mix table, one TOML each.

title = "Karaoke"
description = "The band without the voice, for whoever sings along."
tags = ["sing along"]

[mix]                # by dimension; what is absent stays as the artist left it
vocals = -60.0
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final

from remixd.errors import InvalidInput, NotFound, nearest
from remixd.mix import DIMENSIONS, Mix
from remixd.track.fields import Fields, printable

ORIGINAL: Final = "original"
"""The preset that is the artist's own mix: a session starts from it unless told otherwise."""

KEYS: Final = ("title", "description", "tags", "mix")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named point of the mix table. `name` is its file's, of a-z, 0-9 and single hyphens."""

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    mix: Mix

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"{printable(self.name)!r} is not a preset's name: a-z, 0-9 and hyphens")

    def to_json(self) -> dict[str, Any]:
        """All of it in JSON's types; `mix` has what differs from the artist's own."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "mix": dict(self.mix.values_by_name),
        }


def shipped() -> Traversable:
    """The folder of the presets that come with remixd."""
    return files("remixd.presets")


def preset_names(folder: Traversable | None = None) -> list[str]:
    """The names of the presets in `folder` (those that come with remixd if None), in order."""
    there = (entry.name for entry in (folder or shipped()).iterdir())
    return sorted(name.removesuffix(".toml") for name in there if name.endswith(".toml"))


def load_preset(name: str, folder: Traversable | None = None) -> Preset:
    """Read one preset.

    Raises NotFound with the nearest name; InvalidInput, naming the file and the key, for a broken one.
    """
    names = preset_names(folder)
    if name not in names:
        shown = printable(name)
        raise NotFound(f"there is no preset {shown!r}: {nearest(name, names)}", kind="preset", name=shown)
    file = (folder or shipped()) / f"{name}.toml"
    where = f"{name}.toml"
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{where}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where} is not TOML: {printable(error)}") from None
    fields = Fields(where, document)
    for key in fields.names():
        if key not in KEYS:
            raise fields.fail(key, f"is nothing that a preset has: {nearest(key, KEYS)}")
    return Preset(
        name=name,
        title=fields.text("title"),
        description=fields.text("description"),
        tags=fields.texts("tags"),
        mix=_read_mix(fields.table("mix")),
    )


def _read_mix(fields: Fields) -> Mix:
    values: dict[str, float] = {}
    for name in fields.names():
        if name not in DIMENSIONS:
            raise fields.fail(name, f"is no dimension: {nearest(name, DIMENSIONS)}")
        row = DIMENSIONS[name]
        values[name] = fields.number(name, row.minimum, row.maximum)
    return Mix(MappingProxyType(values))
