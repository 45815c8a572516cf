"""The presets there are: those that come with remixd, and the user's own beside them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import tomli_w

from remixd.config import user_presets_path
from remixd.director.blend import Blend, blend, check_weights
from remixd.director.preset import Preset
from remixd.director.preset_reading import read_preset
from remixd.errors import AlreadyExists, InvalidInput, NotFound, RemixdError, nearest
from remixd.track.fields import printable

SUFFIX: Final = ".toml"
BYTES_MAX: Final = 1 << 18


def shipped() -> Traversable:
    """The folder of the presets that come with remixd."""
    return files("remixd.presets")


def _names_in(folder: Traversable) -> set[str]:
    try:
        there = [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise InvalidInput(f"{folder}: {error.strerror}") from None
    return {name.removesuffix(SUFFIX) for name in there if name.endswith(SUFFIX)}


def shipped_names() -> list[str]:
    """The names of the presets that come with remixd, in order."""
    return sorted(_names_in(shipped()))


def preset_names(own: Path | None = None) -> list[str]:
    """The names of all presets, in order; the user's `own` are in `user_presets_path` unless it is said."""
    return sorted(_names_in(shipped()) | _names_in(own or user_presets_path()))


def load_preset(name: str, own: Path | None = None) -> Preset:
    """Read one preset; one that comes with remixd goes before one of the user's.

    Raises NotFound with the nearest name; InvalidInput, naming the file and, where they are known, the line
    and the key, for a broken one.
    """
    own = own or user_presets_path()
    is_shipped, is_own = name in _names_in(shipped()), name in _names_in(own)
    if not (is_shipped or is_own):
        shown = printable(name)
        hint = nearest(name, preset_names(own))
        raise NotFound(f"there is no preset {shown!r}: {hint}", kind="preset", name=shown)
    file = (shipped() if is_shipped else own) / f"{name}{SUFFIX}"
    where = printable(f"{name}{SUFFIX}" if is_shipped else file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{where}: {error.strerror}") from None
    if len(content) > BYTES_MAX:
        raise InvalidInput(f"{where} has {len(content)} bytes, and no preset more than {BYTES_MAX}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{where} is not TOML: it is not UTF-8") from None
    return read_preset(text, name, where)


def load_presets(own: Path | None = None) -> tuple[list[Preset], list[str]]:
    """Every preset that can be read, in the order of their names; and what is wrong with the others."""
    own = own or user_presets_path()
    found, problems = [], []
    for name in preset_names(own):
        try:
            found.append(load_preset(name, own))
        except RemixdError as error:
            problems.append(str(error))
    for name in sorted(_names_in(own) & _names_in(shipped())):
        path = printable(own / f"{name}{SUFFIX}")
        problems.append(f"{path} is not used: a preset that comes with remixd has its name")
    return found, problems


def load_blend(weights: Mapping[str, float], own: Path | None = None) -> Blend:
    """Blend presets by their names. Raises as `load_preset` and `blend` do."""
    check_weights(weights)
    return blend([load_preset(name, own) for name in weights], weights)


def save_preset(preset: Preset, *, replace: bool = False, own: Path | None = None) -> Path:
    """Write one of the user's presets, whole or not at all. Returns its file.

    Raises AlreadyExists for a name that is taken, by one of the user's only unless it may `replace` that;
    InvalidInput where it cannot be written.
    """
    own = own or user_presets_path()
    path = own / f"{preset.name}{SUFFIX}"
    if preset.name in _names_in(shipped()):
        raise AlreadyExists(f"a preset that comes with remixd is called {preset.name}: choose another name")
    if path.exists() and not replace:
        raise AlreadyExists(f"there is a preset {preset.name} already")
    text = tomli_w.dumps(preset.to_toml())
    read_preset(text, preset.name, path.name)
    partial = ""
    try:
        own.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=own)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        Path(partial).rename(path)
    except OSError as error:
        with suppress(OSError):
            Path(partial).unlink()
        raise InvalidInput(f"{printable(path)} cannot be written: {error.strerror}") from None
    return path
