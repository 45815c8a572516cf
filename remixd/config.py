"""Where the daemon listens and keeps its things, from arguments and the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from remixd.errors import InvalidInput

DEFAULT_LISTEN = "127.0.0.1:7400"
DEFAULT_WEB = "127.0.0.1:7401"
DEFAULT_CACHE_MAX = "20GB"
DEFAULT_JOURNAL_MAX = "1GB"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of our processes: the threads of numpy's libraries wait for each other at full speed."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port to listen on or connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT` or `[HOST]:PORT`. Raises InvalidInput, naming the text."""
        host, separator, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise InvalidInput(f"{text!r} is not HOST:PORT")
        return cls(host, int(port))


def listen_address(given: str | None = None) -> Address:
    """The daemon's address: the argument, else REMIXD_LISTEN, else 127.0.0.1:7400."""
    return Address.parse(given or os.environ.get("REMIXD_LISTEN") or DEFAULT_LISTEN)


def web_address(named: str) -> tuple[Address | None, bool]:
    """Where the web is served, None for nowhere, and whether somebody chose that.

    127.0.0.1:7401 if nothing is named; `off` is nowhere. Raises InvalidInput, naming the text.
    """
    if named == "off":
        return None, True
    return Address.parse(named or DEFAULT_WEB), bool(named)


def expand_home(path: Path) -> Path:
    """Replace a leading `~`. Raises InvalidInput where nobody has such a home."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise InvalidInput(f"{path}: nobody knows where that home folder is; name a whole path") from None


def library_chosen(given: Path | None = None) -> Path | None:
    """The library someone named, by argument or REMIXD_LIBRARY; None if nobody did."""
    named = given or (Path(value) if (value := os.environ.get("REMIXD_LIBRARY")) else None)
    return expand_home(named).absolute() if named else None


def library_path(given: Path | None = None) -> Path:
    """The library folder: the one named, else `remixd` in the user's data folder."""
    chosen = library_chosen(given)
    return chosen or expand_home(Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")) / "remixd"


def cache_max_bytes(given: str | None = None) -> int:
    """How much a library's cache may hold: the argument, else REMIXD_CACHE_MAX, else 20 GB."""
    return parse_size(given or os.environ.get("REMIXD_CACHE_MAX") or DEFAULT_CACHE_MAX)


def parse_size(text: str) -> int:
    """Bytes of a size such as `20GB`, `1.5 TB`, `512MiB` or `4096`. Raises InvalidInput, naming the text.

    >>> parse_size("20GB")
    20000000000
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kmgt])(i?))?b?", text.strip().lower(), re.ASCII)
    if not match:
        raise InvalidInput(f"{text!r} is not a size such as 20GB or 512MiB")
    number, unit, binary = match.groups()
    scale = 1024 if binary else 1000
    return round(float(number) * float(scale ** " kmgt".index(unit or " ")))


def size_text(size_bytes: int) -> str:
    """A size as a person reads it.

    >>> size_text(20_000_000_000)
    '20 GB'
    """
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if size_bytes >= 1000**power:
            number = size_bytes / 1000**power
            return f"{number:.3g} {unit}" if number < 100 else f"{number:.0f} {unit}"
    return f"{size_bytes} bytes"


def runtime_path() -> Path:
    """The folder of the shared-memory files: `/dev/shm/remixd-UID`, or REMIXD_RUNTIME."""
    named = os.environ.get("REMIXD_RUNTIME")
    return Path(named) if named else Path(f"/dev/shm/remixd-{os.getuid()}")  # noqa: S108 (made with mode 700)


def user_state_path() -> Path:
    """The folder of what the daemon writes down: REMIXD_STATE, else `remixd` in the user's state folder.

    For who has no home, one that cannot be.
    """
    if named := os.environ.get("REMIXD_STATE"):
        return Path(named)
    try:
        return expand_home(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state")) / "remixd"
    except InvalidInput:
        return Path(os.devnull) / "remixd"


def user_presets_path() -> Path:
    """The folder of the user's own presets: REMIXD_PRESETS, else `remixd/presets` in their config folder.

    For who has no home, one that cannot be.
    """
    if named := os.environ.get("REMIXD_PRESETS"):
        return Path(named)
    try:
        return expand_home(Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")) / "remixd" / "presets"
    except InvalidInput:
        return Path(os.devnull) / "remixd"


def journal_max_bytes(given: str | None = None) -> int:
    """How much the journals of a daemon may take: the argument, else 1 GB."""
    return parse_size(given or DEFAULT_JOURNAL_MAX)


def user_cache_path() -> Path:
    """The folder for what can be made again, such as FFTW wisdom; for who has no home, one that cannot be."""
    try:
        return expand_home(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "remixd"
    except InvalidInput:
        return Path(os.devnull) / "remixd"
