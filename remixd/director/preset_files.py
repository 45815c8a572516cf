"""The presets there are: those that come with remixd, and the user's own beside them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
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
from remixd.errors import AlreadyExists, Exhausted, InvalidInput, NotFound, RemixdError, nearest
from remixd.track.fields import printable

SUFFIX: Final = ".toml"
BYTES_MAX: Final = 1 << 18
OWN_MAX: Final = 1000
"""Presets of the user's own that are saved; more may be put into their folder by hand."""


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


def _own_file(name: str, own: Path) -> Path | None:
    """The file of one of the user's presets; None if there is none."""
    path = own / f"{name}{SUFFIX}"
    return path if path.parent == own and os.path.lexists(path) else None


def _read_own(path: Path) -> bytes:
    """A file's content, no more than it may have and one byte; never waited for. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(BYTES_MAX + 1)


def load_preset(name: str, own: Path | None = None) -> Preset:
    """Read one preset; one that comes with remixd goes before one of the user's.

    Raises NotFound with the nearest name; InvalidInput, naming the file and, where they are known, the line
    and the key, for a broken one.
    """
    own = own or user_presets_path()
    if name in _names_in(shipped()):
        where = f"{name}{SUFFIX}"
        return read_preset((shipped() / where).read_text("utf-8"), name, where)
    path = _own_file(name, own)
    if path is None:
        raise _not_found(name, own)
    where = printable(path)
    try:
        content = _read_own(path)
    except OSError as error:
        raise InvalidInput(f"{where}: {error.strerror}") from None
    if len(content) > BYTES_MAX:
        raise InvalidInput(f"{where} has more than {BYTES_MAX} bytes, as no preset does")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{where} is not TOML: it is not UTF-8") from None
    return read_preset(text, name, where)


def _not_found(name: str, own: Path) -> NotFound:
    shown = printable(name)
    hint = nearest(name, preset_names(own))
    return NotFound(f"there is no preset {shown!r}: {hint}", kind="preset", name=shown)


def load_presets(
    own: Path | None = None, names: Sequence[str] | None = None
) -> tuple[list[Preset], list[str]]:
    """Every preset that can be read, in the order of their names; and what is wrong with the others.

    With `names`, those of these.
    """
    own = own or user_presets_path()
    both = shipped_names()
    found, problems = [], []
    for name in preset_names(own) if names is None else names:
        try:
            found.append(load_preset(name, own))
        except RemixdError as error:
            problems.append(str(error))
        if name in both and (path := _own_file(name, own)):
            problems.append(f"{printable(path)} is not used: a preset that comes with remixd has its name")
    return found, problems


def load_blend(weights: Mapping[str, float], own: Path | None = None) -> Blend:
    """Blend presets by their names. Raises as `load_preset` and `blend` do."""
    check_weights(weights)
    return blend([load_preset(name, own) for name in weights], weights)


def save_preset(preset: Preset, *, replace: bool = False, own: Path | None = None) -> Path:
    """Write one of the user's presets, whole or not at all. Returns its file.

    Raises AlreadyExists for a name that is taken, by one of the user's only unless it may `replace` that;
    Exhausted where there are too many; InvalidInput where it cannot be written.
    """
    own = own or user_presets_path()
    path = own / f"{preset.name}{SUFFIX}"
    if preset.name in _names_in(shipped()):
        raise AlreadyExists(f"a preset that comes with remixd is called {preset.name}: choose another name")
    is_there = os.path.lexists(path)
    if is_there and not replace:
        raise AlreadyExists(f"there is a preset {preset.name} already")
    if not is_there and len(_names_in(own)) >= OWN_MAX:
        raise Exhausted(f"there are {OWN_MAX} presets of your own, and no more are kept: delete some")
    text = tomli_w.dumps(preset.to_toml())
    if len(text.encode()) > BYTES_MAX:
        raise InvalidInput(f"{preset.name} would have more than {BYTES_MAX} bytes, as no preset does")
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


def delete_preset(name: str, own: Path | None = None) -> None:
    """Delete one of the user's presets. Sessions that stand in it go on as they are.

    Raises NotFound with the nearest name; InvalidInput for one that comes with remixd, or that cannot be
    deleted.
    """
    own = own or user_presets_path()
    path = _own_file(name, own)
    if path is None:
        if name in _names_in(shipped()):
            raise InvalidInput(f"{name} comes with remixd: only presets of your own can be deleted")
        raise _not_found(name, own)
    try:
        path.unlink()
    except OSError as error:
        raise InvalidInput(f"{printable(path)} cannot be deleted: {error.strerror}") from None
