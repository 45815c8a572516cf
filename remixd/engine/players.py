"""What decks play: players, and their stems, each opened once while it is played. Thread: [housekeeping]."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

_File = tuple[int, int]
"""A file by its device and inode: one that took its place under the same name is another."""


class Players:
    """The players that each session holds, and their stems.

    Equal stems are one `Stem`: where one player takes another's place, that tells the kernel what sounds on.
    """

    def __init__(self) -> None:
        self._stems: dict[_File, Stem] = {}
        self._keys: dict[int, set[int]] = {}
        self._used: dict[int, list[Stem]] = {}

    def read(self, score: dict[str, Any]) -> dict[str, Any]:
        """What the kernel's `Player` takes, its key aside, of a score as control writes it.

        Raises KeyError, TypeError or ValueError for what is no score, OSError for a stem that is not there.
        """
        words = {
            name: score[name]
            for name in (
                "loop",
                "summed",
                "low",
                "high",
                "vocals_limit_db",
                "mashable",
                "beats",
                "levels",
                "heard",
            )
        }
        words["generated"] = score.get("generated", True)  # journals of before do not say
        words["separable"] = score.get("separable", False)
        stems = [self.open(Path(each["path"])) for each in score["stems"]]
        return {"stems": stems, "roles": [int(each["role"]) for each in score["stems"]], **words}

    def open(self, path: Path) -> Stem:
        """A cache file's stem, opened once. Raises OSError or ValueError for what is none."""
        status = path.stat()
        file = (status.st_dev, status.st_ino)
        found = self._stems.get(file)
        if found is None:
            found = self._stems[file] = Stem.open(path)
        return found

    def add(self, session: Session, keys: Iterable[int]) -> None:
        """Note that a session holds these players too."""
        self._keys.setdefault(session.key, set()).update(keys)
        self._used[session.key] = session.stems  # lets go of none: an heir adds a hundred in one go

    def keys(self, session_key: int) -> list[int]:
        """The players that a session still holds."""
        return sorted(self._keys[session_key])

    def collect(self, session: Session) -> None:
        """Free what no deck of a session plays any more."""
        if gone := session.collect():
            self._keys[session.key].difference_update(gone)
            self._keep(session)

    def withdraw(self, session: Session, keys: Iterable[int]) -> None:
        """Free those of these players that lie ready; no command will load them."""
        if gone := [key for key in keys if session.withdraw(key)]:
            self._keys[session.key].difference_update(gone)
            self._keep(session)

    def forget(self, session_key: int) -> None:
        """A session is over."""
        self._keys.pop(session_key, None)
        self._used.pop(session_key, None)
        self.let_go()

    def _keep(self, session: Session) -> None:
        self._used[session.key] = session.stems
        self.let_go()

    def let_go(self) -> None:
        """Close the stems that nobody plays."""
        used = {id(stem) for stems in self._used.values() for stem in stems}
        self._stems = {file: stem for file, stem in self._stems.items() if id(stem) in used}
