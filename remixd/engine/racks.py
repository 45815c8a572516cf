"""The racks that sessions of this engine hold: built, laid down, and closed when they are no longer used.

Thread: [housekeeping].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remixd._kernel.rack import Rack
from remixd._kernel.session import Session
from remixd.engine.hosted import BLOCKS_BETWEEN, Hosted
from remixd.engine.rack import Built, build, rebuild


class Racks:
    """By session and key.

    Args:
        live: whether they play as time goes by; else the plug-ins in them are waited for.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._news: dict[int, list[str]] = {}
        self._built: dict[int, dict[int, Built]] = {}

    def build(self, score: dict[str, Any]) -> tuple[Rack, Built]:
        """Make a rack of a score as control writes it: `{"key": number, "chain": [element, ...]}`.

        With `delay_frames` and `owed_frames` in it, as told when it was built first, nothing is measured.
        `blocks_between` is for plug-ins; journals of before do not say.
        Raises ValueError as `rack.build`, KeyError or TypeError for what is no score.
        """
        chain = [dict(element) for element in score["chain"]]
        between = int(score.get("blocks_between", BLOCKS_BETWEEN))
        if "delay_frames" in score:
            delay_frames, owed_frames = int(score["delay_frames"]), int(score["owed_frames"])
            built = rebuild(chain, delay_frames, owed_frames, blocks_between=between, live=self._live)
        else:
            built = build(chain, between)
        words = {"delay_frames": built.delay_frames, "owed_frames": built.owed_frames}
        try:
            return Rack(built.chain, int(score["key"]), **words), built
        except BaseException:
            built.chain.close()
            raise

    def put(self, session: Session, rack: Rack, built: Built) -> None:
        """Lay a rack down for a command to use. Raises ValueError if there is no room."""
        try:
            session.racks.put(rack)
        except BaseException:
            built.chain.close()
            raise
        self._built.setdefault(session.key, {})[rack.key] = built
        if self._live and built.chain.hosted:
            built.chain.hosted.go_live()

    def keys(self, session_key: int) -> list[int]:
        """The racks that a session still holds."""
        return sorted(self._built.get(session_key, ()))

    def tick(self, session_key: int, frames_together: int) -> None:
        """Look after the plug-ins of a session, of which so many frames are rendered in one go now."""
        for _, hosted in self._hosted(session_key):
            hosted.tick(frames_together)
            self._news.setdefault(session_key, []).extend(hosted.news())

    def plugins(self, session_key: int) -> dict[str, Any]:
        """`states`: how the plug-ins of each rack are, by its key; `news`: what became of them since."""
        states = [[key, hosted.state] for key, hosted in self._hosted(session_key)]
        return {"states": states, "news": self._news.pop(session_key, [])}

    def _hosted(self, session_key: int) -> Iterator[tuple[int, Hosted]]:
        for key, built in self._built.get(session_key, {}).items():
            if built.chain.hosted:
                yield key, built.chain.hosted

    def collect(self, session: Session) -> None:
        """Free what a session no longer uses."""
        self._free(session.key, session.racks.collect())

    def withdraw(self, session: Session, keys: Iterable[int]) -> None:
        """Free those of these racks that lie ready; no command will use them."""
        self._free(session.key, [key for key in keys if session.racks.withdraw(key)])

    def forget(self, session_key: int) -> None:
        """A session is over."""
        self._free(session_key, self.keys(session_key))
        self._built.pop(session_key, None)
        self._news.pop(session_key, None)

    def _free(self, session_key: int, keys: Iterable[int]) -> None:
        for key in keys:
            self._built[session_key].pop(key).chain.close()
