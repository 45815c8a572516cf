"""Fans by names that tell nothing: `KEYID.` and an HMAC-SHA256 of the app's handle, under a key that rotates.

Everything behind the API knows fans by these names only. Keys of before are kept, so that a fan who comes
again is found, until they are dropped. Thread: [control].
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from remixd.errors import InvalidInput
from remixd.settings import read_secret

log = logging.getLogger(__name__)

FILE: Final = "fan-keys.json"
KEY_BYTES: Final = 32
ID_BYTES: Final = 4
NAME_HEX: Final = 32
"""128 bits: among a million fans two of one name come once in 10^26 daemons."""
KEYS_MAX: Final = 32
CACHE_MAX: Final = 16_384
_NAME: Final = re.compile(r"([0-9a-f]{8})\.[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by id, the newest first, and the ids of those that were dropped."""

    keys: tuple[tuple[str, bytes], ...]
    dropped: tuple[str, ...] = ()

    @classmethod
    def make(cls) -> KeySet:
        """One new key."""
        return cls((_new_key(),))

    @property
    def current(self) -> str:
        """The id of the key that names are made with."""
        return self.keys[0][0]

    def rotated(self) -> KeySet:
        """With a new key before the others. Raises InvalidInput if there are too many."""
        if len(self.keys) >= KEYS_MAX:
            raise InvalidInput(f"there are {KEYS_MAX} keys: drop the old ones first")
        return KeySet((_new_key(), *self.keys), self.dropped)

    def without_old(self) -> KeySet:
        """With the newest key alone."""
        return KeySet(self.keys[:1], (*self.dropped, *(key_id for key_id, _ in self.keys[1:])))

    def names(self, handle: str) -> tuple[str, ...]:
        """A fan's name under every key, the newest first."""
        raw = handle.encode("utf-8", "surrogatepass")
        return tuple(
            f"{key_id}.{hmac.digest(key, raw, 'sha256').hex()[:NAME_HEX]}" for key_id, key in self.keys
        )


def _new_key() -> tuple[str, bytes]:
    return secrets.token_hex(ID_BYTES), secrets.token_bytes(KEY_BYTES)


def key_id_of(name: str) -> str:
    """The id of the key that a name was made with; empty for what is no such name."""
    match = _NAME.fullmatch(name)
    return match[1] if match else ""


class FanKeys:
    """The names of fans.

    Args:
        path: of the keys, made if it is not there; None for keys that are gone with this process.

    Raises InvalidInput for a file that holds no keys, or that everybody may read; OSError where it cannot be
    made.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._cache: dict[str, tuple[str, ...]] = {}
        self._stamp = (0, 0)
        self._fault = ""
        self.keys = self._load()

    def _load(self) -> KeySet:
        if self._path is None:
            return KeySet.make()
        with _locked(self._path):
            if not self._path.exists():
                _write(self._path, KeySet.make())
            keys = _read(self._path)
            self._stamp = _stamp(self._path)
        return keys

    def reload(self) -> bool:
        """Read the keys again if their file has changed; whether others count now.

        If they cannot be used, that is logged, and those of before stay.
        """
        if self._path is None:
            return False
        try:
            if _stamp(self._path) == self._stamp:
                return False
            keys, self._stamp = _read(self._path), _stamp(self._path)
        except (InvalidInput, OSError) as error:
            if str(error) != self._fault:  # it is looked at once a second
                self._fault = str(error)
                log.error("the keys of fans stay as they were: %s", error)
            return False
        self._fault = ""
        is_new, self.keys = keys != self.keys, keys
        self._cache.clear()
        return is_new

    def names(self, handle: str) -> tuple[str, ...]:
        """A fan's names, the one that counts first, and those under older keys. Who is not known has none."""
        if not handle:
            return ("",)
        found = self._cache.get(handle)
        if found is None:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            found = self._cache[handle] = self.keys.names(handle)
        return found

    def name(self, handle: str) -> str:
        """A fan's name; empty for who is not known."""
        return self.names(handle)[0]

    def forget(self, handle: str) -> None:
        """Remember nothing of a handle."""
        self._cache.pop(handle, None)

    def rotate(self) -> KeySet:
        """Make a new key, under which fans are known from now on."""
        return self._change(KeySet.rotated)

    def drop_old(self) -> KeySet:
        """Drop every key but the newest: who has not come since it was made is not known again."""
        return self._change(KeySet.without_old)

    def _change(self, change: Any) -> KeySet:
        if self._path is None:
            self.keys = change(self.keys)
        else:
            with _locked(self._path):
                self.keys = change(_read(self._path))
                _write(self._path, self.keys)
                self._stamp = _stamp(self._path)
        self._cache.clear()
        return self.keys


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of keys: two who make or change it come one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


def _read(path: Path) -> KeySet:
    raw = read_secret(path)
    try:
        plain = json.loads(raw)
        keys = tuple((str(entry["id"]), bytes.fromhex(entry["secret"])) for entry in plain["keys"])
        dropped = tuple(map(str, plain["dropped"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(f"{path} holds no keys of fans") from None
    if not keys or any(
        len(key) < KEY_BYTES or not re.fullmatch("[0-9a-f]{8}", key_id) for key_id, key in keys
    ):
        raise InvalidInput(f"{path} holds no keys of fans, or short ones")
    return KeySet(keys, dropped)


def _write(path: Path, keys: KeySet) -> None:
    plain = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "keys": [{"id": key_id, "secret": key.hex()} for key_id, key in keys.keys],
        "dropped": list(keys.dropped),
    }
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(plain, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
