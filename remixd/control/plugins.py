"""The plug-ins of this machine: found in the usual folders, looked at in a process each, remembered.

Thread: [control]. A plug-in that crashes whoever looks at it, or hangs, is remembered too, and not tried
again until its file changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from remixd.config import ONE_THREAD, expand_home, user_cache_path
from remixd.errors import InvalidInput, NotFound, Unavailable, nearest
from remixd.units import RATE_HZ

VERSION: Final = 1
SCAN_S: Final = 20.0
"""A plug-in that has not told what it is by then would hold up a session as well."""
FOLDERS: Final = ("/usr/lib/vst3", "/usr/local/lib/vst3", "~/.vst3")
SUFFIX: Final = ".vst3"
EFFECT: Final = "vst3"
"""By which an element of a rack is a plug-in."""
_TOLD_BYTES: Final = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What can be set of a plug-in.

    Attributes:
        name: by which a rack sets it; `title` is the plug-in's own.
        kind: `number`, `choice` or `switch`.
        unit: as the plug-in tells it, such as Hz; often empty.
        default: a number, one of the choices, or whether it is on.
        least, most: of a number; `step` where it moves in steps.
        choices: of a choice.
    """

    name: str
    title: str
    kind: str
    unit: str
    default: float | str | bool
    least: float | None = None
    most: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plug-in, or a file that should hold one.

    Attributes:
        path: of the file or bundle.
        channels: 2, or 1 for one that runs twice, once a channel; 0 for an instrument, which no rack takes.
        latency_frames: at 48 kHz, as it was loaded.
        cost_ns: of a block of 64 frames on this machine, as it was loaded.
        fault: why it cannot be used, a sentence; empty if it can. The rest is empty then.
    """

    path: str
    name: str
    vendor: str = ""
    category: str = ""
    version: str = ""
    is_instrument: bool = False
    channels: int = 0
    latency_frames: int = 0
    cost_ns: int = 0
    parameters: tuple[Parameter, ...] = ()
    fault: str = ""

    @property
    def latency_ms(self) -> float:
        """The latency in milliseconds."""
        return self.latency_frames * 1000 / RATE_HZ


def folders() -> list[Path]:
    """Where plug-ins are looked for: REMIXD_VST3_PATH, folders with `:` between them, and the usual ones."""
    named = [each for each in os.environ.get("REMIXD_VST3_PATH", "").split(":") if each]
    found = []
    for each in (*named, *FOLDERS):
        with contextlib.suppress(InvalidInput):  # who has no home has no plug-ins there
            found.append(expand_home(Path(each)))
    return list(dict.fromkeys(found))


def find_files() -> list[Path]:
    """Every file or bundle in those folders that should hold plug-ins."""
    return sorted({path for folder in folders() for path in _below(folder)})


def _below(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.suffix.lower() == SUFFIX:
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _below(path)


def scan(
    *,
    again: bool = False,
    files: Iterable[Path] | None = None,
    on_look: Callable[[int, int, str], None] | None = None,
) -> list[Plugin]:
    """Look at every plug-in that is new or has changed, one after the other, and remember them all.

    Args:
        again: look at those too that are known, or known not to work.
        files: look at these only, in place of all there are; the others are still remembered.
        on_look: told how many are done, of how many, and which is next.

    Raises Unavailable if they cannot be remembered.
    """
    known = _read()
    wanted = find_files() if files is None else [path.absolute() for path in files]
    stamps = {str(path): _stamp(path) for path in wanted}
    old = [path for path, stamp in stamps.items() if again or known.get(path, {}).get("stamp") != stamp]
    for done, path in enumerate(old):
        if on_look:
            on_look(done, len(old), Path(path).name)
        known[path] = {"stamp": stamps[path], "plugins": _describe(path)}
        _write(known)
    return [plugin for path in stamps for plugin in _plugins(path, known[path])]


def known_plugins() -> list[Plugin]:
    """Those that were found when they were last looked for, and are still there."""
    return [
        plugin
        for path, entry in sorted(_read().items())
        if Path(path).exists()
        for plugin in _plugins(path, entry)
    ]


def find_plugin(name: str, plugins: Iterable[Plugin]) -> Plugin:
    """The plug-in of this name, in any case, or at this path. Raises NotFound."""
    there = list(plugins)
    for plugin in there:
        if name.lower() == plugin.name.lower() or name == plugin.path:
            return plugin
    hint = nearest(name, [plugin.name for plugin in there])
    raise NotFound(f"there is no plug-in {name!r}: {hint}", kind="plug-in", name=name)


def locate(
    chain: Iterable[Mapping[str, Any]], plugins: Iterable[Plugin]
) -> tuple[list[dict[str, Any]], list[str]]:
    """A rack's elements as an engine takes them: those of the effect `vst3` by `path`.

    Plug-ins that this machine has not, or that cannot be used, are left out; each of these is told in a
    sentence. An element names one by `path`, `name` or both.
    """
    there = list(plugins)
    located, notes = [], []
    for element in chain:
        if element.get("effect") == EFFECT:
            found, fault = _locate(element, there)
            if found is None:
                notes.append(fault)
                continue
            element = {**element, "path": found.path, "name": found.name}
        located.append(dict(element))
    return located, notes


def _locate(element: Mapping[str, Any], there: Iterable[Plugin]) -> tuple[Plugin | None, str]:
    """The plug-in that an element means, or why there is none."""
    name, path = element.get("name"), element.get("path")
    found = [
        plugin
        for plugin in there
        if (not name or plugin.name.lower() == name.lower()) and (not path or plugin.path == path)
    ]
    usable = [plugin for plugin in found if not plugin.fault and not plugin.is_instrument]
    if usable and (name or path):
        return usable[0], ""
    said = next((plugin.fault for plugin in found if plugin.fault), "it is not on this machine")
    return None, f"the plug-in {name or path or 'without a name'} is left out: {said}"


def _plugins(path: str, entry: Mapping[str, Any]) -> Iterator[Plugin]:
    for told in entry["plugins"]:
        parameters = tuple(
            Parameter(**{**each, "choices": tuple(each.get("choices", ()))})
            for each in told.get("parameters", ())
        )
        yield Plugin(**{**told, "path": path, "parameters": parameters})


def _stamp(path: Path) -> int:
    """When the newest file of a bundle changed, ns; 0 if it is gone."""
    times = [0]
    for each in (path, *(path.rglob("*") if path.is_dir() else ())):
        with contextlib.suppress(OSError):
            times.append(each.stat().st_mtime_ns)
    return max(times)


def _describe(path: str) -> list[dict[str, Any]]:
    """What a process of its own finds out about a file; a fault in a sentence, if it does not."""
    told = _ask(path)
    if isinstance(told, str):
        return [{"name": Path(path).stem, "fault": told}]
    return told


def _ask(path: str) -> list[dict[str, Any]] | str:
    with tempfile.TemporaryFile() as out:  # a pipe would be held open by whatever a plug-in starts
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "remixd.pluginhost", "describe", path],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **ONE_THREAD},
        )
        try:
            status = child.wait(SCAN_S)
        except subprocess.TimeoutExpired:
            return f"it did not say what it is within {SCAN_S:g} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        lines = out.read(_TOLD_BYTES).splitlines()
    if status < 0:
        return f"it crashed ({signal.Signals(-status).name})"
    try:
        told = json.loads(lines[-1])
        return list(map(_checked, told["plugins"])) if "plugins" in told else str(told["error"])
    except (LookupError, ValueError, TypeError):
        return f"it ended (status {status}) before it said what it is"


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    """A description that is one. Raises TypeError, ValueError or LookupError."""
    [plugin] = _plugins("", {"plugins": [told]})
    return {name: value for name, value in asdict(plugin).items() if name != "path"}


def _cache() -> Path:
    return user_cache_path() / "plugins.json"


def _read() -> dict[str, dict[str, Any]]:
    """What is remembered, by path; nothing if it cannot be read."""
    try:
        kept = json.loads(_cache().read_text("utf-8"))
        entries = kept["plugins"] if kept["version"] == VERSION else {}
        return {
            path: entry for path, entry in entries.items() if list(_plugins(path, entry)) and entry["stamp"]
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _write(known: Mapping[str, Any]) -> None:
    path = _cache()
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"version": VERSION, "plugins": known}), "utf-8")
        part.replace(path)
    except OSError as error:
        raise Unavailable(f"{path}: what was found cannot be remembered: {error.strerror}") from None
