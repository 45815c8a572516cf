"""What a daemon is told: one table of keys, from options, the environment, a TOML file and defaults.

An option comes before the environment, that before the file, and the file before the default. Secrets are
never in the file: it names files that hold them, which not everybody may read.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from remixd.config import (
    DEFAULT_CACHE_MAX,
    DEFAULT_JOURNAL_MAX,
    DEFAULT_LISTEN,
    Address,
    expand_home,
)
from remixd.errors import InvalidInput, nearest
from remixd.keys import Key, kind_of, setting

FILE_BYTES_MAX: Final = 1 << 20
SECRET_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """What is served, and how. The attributes are told in their keys, here and below."""

    listen: Address = setting(
        "address", DEFAULT_LISTEN, "Where to listen, HOST:PORT; port 0 chooses one.", env="REMIXD_LISTEN"
    )
    library: Path | None = setting("path", None, "The library; remixd's in the user's data folder if none.",
                                env="REMIXD_LIBRARY")  # fmt: skip
    sink: str = setting(
        "text", "stream", "Where sessions play: stream, device, device:NAME, file:PATH, null."
    )
    block: int = setting("count", 128, "Frames that a sound device asks for at once.", least=32, most=1024)
    engines: int | None = setting(
        "count", None, "Processes that render; one less than there are cores if none.", least=1, most=64
    )
    cache_max: int = setting("size", DEFAULT_CACHE_MAX, "How much engine-rate audio to keep.",
                          env="REMIXD_CACHE_MAX")  # fmt: skip
    journal_max: int = setting("size", DEFAULT_JOURNAL_MAX, "How much the journals of sessions may take.")
    web: str = setting(
        "text", "", "Where JSON, health and metrics are, HOST:PORT, or off; 127.0.0.1:7401 if that is free.",
        env="REMIXD_WEB",
    )  # fmt: skip
    web_origins: str = setting("text", "", "Sites whose pages may call it too, with commas between.")
    drain: float = setting(
        "number",
        4.0,
        "On SIGTERM what is heard fades out over a bar, in at most so many seconds.",
        most=600.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Encryption of gRPC."""

    certificate: Path | None = setting("path", None, "The server's certificate chain, PEM.")
    key: Path | None = setting("path", None, "Its private key, PEM, not for everybody to read.")
    client_ca: Path | None = setting("path", None, "Who signs clients' certificates, PEM: clients need one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who may call: JSON Web Tokens."""

    hs256_secret_file: Path | None = setting(
        "path", None, "A secret of 32 bytes up, that signs tokens with HS256. Not for everybody to read.",
        env="REMIXD_HS256_SECRET_FILE",
    )  # fmt: skip
    jwks_file: Path | None = setting(
        "path", None, "Public keys that sign tokens with RS256, ES256 or EdDSA: a JSON Web Key Set."
    )
    audience: str = setting("text", "", "What tokens must name as `aud`; empty: they need not.")
    issuer: str = setting("text", "", "What tokens must name as `iss`; empty: they need not.")
    leeway_s: float = setting("number", 5.0, "By how much clocks may differ, in seconds.", most=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one token, and all together, may have."""

    calls_per_s: float = setting("number", 100.0, "Calls a token may make a second.", least=0.1, most=1e6)
    calls_burst: int = setting("count", 400, "Calls it may make at once.", least=1, most=1_000_000)
    signals_per_s: float = setting(
        "number", 5_000.0, "Signals a token may send a second.", least=0.1, most=1e7
    )
    signals_burst: int = setting("count", 20_000, "Signals it may send at once.", least=1024, most=10_000_000)
    streams_per_token: int = setting("count", 32, "Streams a token may have open.", least=1, most=100_000)
    sessions_per_token: int = setting("count", 16, "Sessions that a token made.", least=1, most=10_000)
    streams_max: int = setting("count", 4_096, "Streams open in all.", least=1, most=1_000_000)
    calls_max: int = setting("count", 8_192, "Calls answered at a time.", least=16, most=1_000_000)
    streams_per_connection: int = setting("count", 1_024, "Calls on one connection.", least=1, most=1_000_000)
    message_max: int = setting("size", "1MiB", "How long a request may be.", least=1 << 16, most=1 << 26)
    keepalive_s: float = setting(
        "number",
        30.0,
        "A connection silent for so long is asked if it lives.",
        least=1.0,
        most=7200.0,
    )
    keepalive_timeout_s: float = setting(
        "number", 10.0, "One that does not answer so long is closed.", least=1.0, most=600.0
    )
    idle_s: float = setting(
        "number", 900.0, "A connection without a call for so long is closed.", least=1.0, most=86_400.0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FansKeys:
    """The keys that fans' handles are hashed with."""

    key_file: Path | None = setting(
        "path", None, "The keys, not for others to read; fan-keys.json in the state folder if none."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is told on stderr."""

    format: str = setting("choice", "console", "How: lines for people, or one JSON object a line.",
                       choices=("console", "json"), env="REMIXD_LOG_FORMAT")  # fmt: skip
    level: str = setting("choice", "info", "From which level on.",
                      choices=("debug", "info", "warning", "error"), env="REMIXD_LOG_LEVEL")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFile:
    """Who controlled what."""

    file: Path | None = setting("path", None, "The audit log; audit.jsonl in the state folder if none.")
    max: int = setting("size", "64MB", "How much it may take, with the one before it.", least=1 << 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set. Valid once loaded by `load`."""

    serve: Serve = field(default_factory=Serve)
    tls: Tls = field(default_factory=Tls)
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
    fans: FansKeys = field(default_factory=FansKeys)
    log: Log = field(default_factory=Log)
    audit: AuditFile = field(default_factory=AuditFile)

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls.certificate is not None

    @property
    def has_tokens(self) -> bool:
        """Whether callers need tokens."""
        return self.auth.hs256_secret_file is not None or self.auth.jwks_file is not None

    @property
    def is_secure(self) -> bool:
        """Whether it may be reached from beyond this machine."""
        return self.has_tls and self.has_tokens


def _default_of(row: Any) -> Any:
    made: Callable[[], Any] = row.default_factory
    return made()


TABLES: Final[Mapping[str, Any]] = {row.name: type(_default_of(row)) for row in fields(Settings)}
"""The class of each table, by its name."""

KEYS: Final[Mapping[str, Key]] = {
    f"{table}.{row.name}": row.metadata["key"] for table, made in TABLES.items() for row in fields(made)
}
"""Every key, by `table.key`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file. `line` counts from 1; 0 where there is none."""

    where: str
    line: int
    told: str

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.told}" if self.where else f"{place}{self.told}"


def faults_of(text: str, base: Path | None = None) -> tuple[dict[str, Any], list[Fault]]:
    """What a file sets, by `table.key`, and everything that is wrong with it.

    Args:
        text: of the file.
        base: the folder from which its relative paths are.
    """
    try:
        plain = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return {}, [Fault("", 0, f"it is no TOML: {error}")]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for table, entries in plain.items():
        if table not in TABLES:
            faults.append(
                Fault(table, _line(text, table), f"there is no such table: {nearest(table, TABLES)}")
            )
        elif not isinstance(entries, dict):
            faults.append(Fault(table, _line(text, table), f"it is a table, not {kind_of(entries)}"))
        else:
            _read_table(table, entries, base, text, values, faults)
    return values, sorted(faults, key=lambda fault: fault.line)


def _read_table(
    table: str,
    entries: Mapping[str, Any],
    base: Path | None,
    text: str,
    values: dict[str, Any],
    faults: list[Fault],
) -> None:
    known = [row.name for row in fields(TABLES[table])]
    for name, value in entries.items():
        where = f"{table}.{name}"
        if where not in KEYS:
            faults.append(
                Fault(where, _line(text, table, name), f"there is no such key: {nearest(name, known)}")
            )
            continue
        try:
            values[where] = KEYS[where].read(value, base)
        except InvalidInput as error:
            faults.append(Fault(where, _line(text, table, name), str(error)))


def _line(text: str, table: str, name: str = "") -> int:
    """The line on which a table or a key of it stands; 0 if it is written in some other way."""
    within = ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#", 1)[0].strip()
        if bare.startswith("["):
            within = bare.strip("[] \t")
            if within == table and not name:
                return number
        left = bare.partition("=")[0].strip().strip("\"'") if "=" in bare else ""
        if left and left in (
            (name,) if within == table and name else (f"{table}.{name}" if name else table,)
        ):
            return number
    return 0


def default_path() -> Path | None:
    """The file that is read where none is named: REMIXD_CONFIG, else the user's if it is there."""
    if named := os.environ.get("REMIXD_CONFIG"):
        return Path(named)
    try:
        folder = expand_home(Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config"))
    except InvalidInput:
        return None
    path = folder / "remixd" / "config.toml"
    return path if path.exists() else None


def read_text(path: Path) -> str:
    """A file of settings. Raises InvalidInput if it cannot be read."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InvalidInput(f"{path} is larger than settings are")
        return path.read_text("utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no text in UTF-8") from None


def load(path: Path | None = None, options: Mapping[str, Any] | None = None) -> Settings:
    """Everything that is set.

    Args:
        path: of the file; None for `default_path`.
        options: by `table.key`, as a file has them; those that are None are not given.

    Raises InvalidInput, naming the first fault, and how many there are.
    """
    path = path or default_path()
    values: dict[str, Any] = {}
    if path is not None:
        values, faults = faults_of(read_text(path), path.absolute().parent)
        if faults:
            more = f" (and {len(faults) - 1} more: remixd config check)" if len(faults) > 1 else ""
            raise InvalidInput(f"{path}: {faults[0]}{more}")
    for name, key in KEYS.items():
        if key.env and (given := os.environ.get(key.env)):
            values[name] = _from_environment(key, given)
    for name, value in (options or {}).items():
        if value is not None:
            values[name] = KEYS[name].read(str(value) if isinstance(value, Path) else value)
    return checked(
        Settings(
            **{
                table: made(**{row.name: values[f"{table}.{row.name}"] for row in fields(made)
                               if f"{table}.{row.name}" in values})
                for table, made in TABLES.items()
            }
        )
    )  # fmt: skip


def _from_environment(key: Key, given: str) -> Any:
    try:
        return key.read(given)
    except InvalidInput as error:
        raise InvalidInput(f"{key.env}: {error}") from None


def checked(settings: Settings) -> Settings:
    """The same settings. Raises InvalidInput, in a sentence, where they do not go together."""
    tls = settings.tls
    if (tls.certificate is None) != (tls.key is None):
        raise InvalidInput("tls.certificate and tls.key go together: one of them is missing")
    if tls.client_ca is not None and tls.certificate is None:
        raise InvalidInput("tls.client_ca is there without tls.certificate: clients are known over TLS only")
    for name in ("audience", "issuer"):
        if getattr(settings.auth, name) and not settings.has_tokens:
            raise InvalidInput(
                f"auth.{name} is there, but no key that signs tokens: "
                "auth.hs256_secret_file or auth.jwks_file"
            )
    return settings


def read_secret(path: Path, *, is_secret: bool = True) -> bytes:
    """What a file of keys holds. Raises InvalidInput if it cannot be read, or everybody may read a secret."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{path} is no file")
        if is_secret and status.st_mode & 0o007:
            raise InvalidInput(f"{path} is a secret, and everybody may read it: chmod 600 {path}")
        if status.st_size > SECRET_BYTES_MAX:
            raise InvalidInput(f"{path} is larger than keys are")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from None


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """Everything that is set, by table and key, in JSON's types. There is no secret in it."""
    return {
        table: {row.name: _plain(getattr(getattr(settings, table), row.name)) for row in fields(made)}
        for table, made in TABLES.items()
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path | Address) else value


def example() -> str:
    """A file that sets nothing, and tells everything: every key, commented out, at its default."""
    lines: list[str] = ["# Settings of `remixd serve`. Options and the environment come before them."]
    for table, made in TABLES.items():
        lines += ["", f"# {(made.__doc__ or '').splitlines()[0]}", f"[{table}]"]
        for row in fields(made):
            key: Key = row.metadata["key"]
            lines += [f"# {line}" for line in _told(key)]
            lines.append(f"#{row.name} = {_toml(key)}")
    return "\n".join(lines) + "\n"


def _told(key: Key) -> Sequence[str]:
    more = []
    if key.kind in ("number", "count"):
        more.append(f"{key.least:g} to {key.most:g}")
    if key.choices:
        more.append(" or ".join(key.choices))
    if key.env:
        more.append(key.env)
    return [f"{key.told} ({'; '.join(more)})" if more else key.told]


def _toml(key: Key) -> str:
    if isinstance(key.default, str):
        return f'"{key.default}"'
    if key.default is None:
        return '""' if key.kind != "count" else f"{key.least:g}"
    return f"{key.default}"
