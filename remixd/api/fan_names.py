"""Between the handles that apps give their fans and the names that are known behind the API.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from remixd.api.auth import calling
from remixd.audience.signal import check_name
from remixd.control.audiences import Audiences
from remixd.control.fan_keys import FanKeys, KeySet
from remixd.errors import NotFound
from remixd.logs import hide

MOVED_MAX: Final = 1_000_000


class FanNames:
    """Names fans, as far as whoever calls may speak for them, and moves those who come again after a new key.

    Args:
        keys: that names are made with.
        audiences: where fans may be known by older names.
    """

    def __init__(self, keys: FanKeys, audiences: Audiences) -> None:
        self._keys = keys
        self._audiences = audiences
        self._moved: set[str] = set()
        self._moved_to: KeySet | None = None

    def own(self, handle: str, *, required: bool = True) -> str:
        """The handle of the fan that is meant. Raises Forbidden for one that the caller may not speak for."""
        return check_name("fan", calling().fan(handle), required=required)

    def name(self, handle: str) -> str:
        """A fan's name; empty for who is not known. Raises Forbidden as `own`, InvalidInput for no handle."""
        handle = self.own(handle, required=False)
        hide(handle)
        name, *before = self._keys.names(handle)
        if before:
            self._move(name, before)
        return name

    def _move(self, name: str, before: list[str]) -> None:
        if self._moved_to is not self._keys.keys or len(self._moved) >= MOVED_MAX:
            self._moved.clear()
            self._moved_to = self._keys.keys
        if name not in self._moved:
            self._audiences.rename(before, name)
            self._moved.add(name)

    def forget(self, handle: str) -> tuple[str, ...]:
        """All names of a fan, the one that counts first; its handle is not remembered any more."""
        handle = self.own(handle)
        hide(handle)
        names = self._keys.names(handle)
        self._keys.forget(handle)
        return names


@contextmanager
def telling_of(handle: str) -> Iterator[None]:
    """Let an error tell the handle of its fan, and no name."""
    try:
        yield
    except NotFound as error:
        if error.kind != "fan":
            raise
        raise NotFound(f"nothing is known of fan {handle!r}", kind="fan", name=handle) from None
