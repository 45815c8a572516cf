"""Everybody who hears or follows one session: what they get is made once, and kept affordable.

To send a message costs the same whatever it holds. So a large crowd gets fewer and larger messages: packets
are joined, statuses come less often. A crowd is also served in turns, some of it at a time, so that others
never wait behind all of it. Thread: [control].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from remixd.control.command import Applied, Refused
from remixd.control.streams import Listener, Packet, SessionStatus, Watcher
from remixd.control.timeline import Timeline
from remixd.units import PACKET_FRAMES

SERVED_AT_ONCE: Final = 50
"""Up to so many listeners get every packet by itself; up to so many watchers get every status."""

TURNS_MAX: Final = 10
"""Turns a crowd is served in at most: packets are joined up to 100 ms, statuses come 2.5 times a second."""

STATUS_EVERY_S: Final = 0.04


def _turns(count: int, most: int = TURNS_MAX) -> int:
    """In how many turns a crowd is served."""
    return min(max(-(-count // SERVED_AT_ONCE), 1), most)


@dataclass(slots=True)
class _Row:
    """Listeners who are served together, and what waits for their turn."""

    listeners: set[Listener] = field(default_factory=set)
    waiting: list[Packet] = field(default_factory=list)


class Listeners:
    """The listeners of one session. For a crowd, packets are joined: 200 get 40 ms at a time.

    Attributes:
        on_gap: called with the frames that a slow one has skipped.
        packet_frames: of each packet that is put.
    """

    def __init__(self) -> None:
        self._rows = [_Row() for _ in range(TURNS_MAX)]
        self._count = 0
        self._packets = 0
        self.packet_frames = PACKET_FRAMES
        self.on_gap: Callable[[int], None] = lambda _: None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Listener]:
        return (listener for row in self._rows for listener in row.listeners)

    def join(self) -> Listener:
        """Let one more listen. It hears what is put from now on, and leaves when it is closed."""
        row = min(self._rows, key=lambda row: len(row.listeners))
        listener = Listener(partial(self._let_go, row), self.on_gap)
        row.listeners.add(listener)
        self._count += 1
        return listener

    def _let_go(self, row: _Row, listener: Listener) -> None:
        if listener in row.listeners:  # closing twice is no more than closing once
            row.listeners.remove(listener)
            self._count -= 1

    def put(self, packet: Packet) -> None:
        """Hand a packet to everybody: at once, or with those that follow it when their turn comes."""
        self._packets += 1
        turns = _turns(self._count, TURNS_MAX * PACKET_FRAMES // self.packet_frames)
        joined: dict[int, Packet] = {}
        for number, row in enumerate(self._rows):
            if not row.listeners:
                row.waiting.clear()
                continue
            if row.waiting and packet.sample != row.waiting[-1].sample + row.waiting[-1].frames:
                _serve(row, {})
            row.waiting.append(packet)
            if (self._packets + number) % turns == 0:
                _serve(row, joined)

    def close(self) -> None:
        """End everybody's iteration, once what waits is taken."""
        for listener in self._leave():
            listener.close()

    def lose(self, reason: str) -> None:
        """End everybody's iteration with Unavailable, once what waits is taken."""
        for listener in self._leave():
            listener.lose(reason)

    def _leave(self) -> list[Listener]:
        joined: dict[int, Packet] = {}
        for row in self._rows:
            _serve(row, joined)
        return [listener for row in self._rows for listener in row.listeners]


def _serve(row: _Row, joined: dict[int, Packet]) -> None:
    """Hand out what waits for a row. `joined` keeps it, by its first sample, for other rows of this turn."""
    if not row.waiting:
        return
    first, *rest = row.waiting
    row.waiting.clear()
    packet = joined.setdefault(first.sample, first.joined(rest) if rest else first)
    for listener in row.listeners:
        listener.put(packet)


class Watchers:
    """The watchers of one session: 25 statuses a second for up to 50, down to 2.5 for very many."""

    def __init__(self) -> None:
        self._rows: list[set[Watcher]] = [set() for _ in range(TURNS_MAX)]
        self._due_s = 0.0
        self._turn = 0

    def __len__(self) -> int:
        return sum(len(row) for row in self._rows)

    def __iter__(self) -> Iterator[Watcher]:
        return (watcher for row in self._rows for watcher in row)

    @property
    def want_timeline(self) -> bool:
        """Whether anybody asked for timelines."""
        return any(watcher.wants_timeline for row in self._rows for watcher in row)

    def join(self, status: SessionStatus, only: set[str] | None = None, *, timeline: bool = False) -> Watcher:
        """Let one more watch, from `status` on. It leaves when it is closed."""
        row = min(self._rows, key=len)
        watcher = Watcher(status, row.discard, only, timeline=timeline)
        row.add(watcher)
        return watcher

    def want_status(self, now_s: float) -> bool:
        """Whether somebody's next status is due. `now_s` is monotonic."""
        if now_s < self._due_s or not len(self):
            return False
        on_time_s = self._due_s + STATUS_EVERY_S
        self._due_s = on_time_s if on_time_s > now_s else now_s + STATUS_EVERY_S
        self._turn += 1
        return True

    def put_status(self, status: SessionStatus) -> None:
        """Let those whose turn it is know how the session stands."""
        turns = _turns(len(self))
        for row in self._rows[self._turn % turns :: turns]:
            for watcher in row:  # a status ends nobody
                watcher.put_status(status)

    def put_timeline(self, timeline: Timeline) -> None:
        """Let those who asked for it know what comes, all of them at once: it is for now."""
        for watcher in self._everybody():
            watcher.put_timeline(timeline)

    def put_answer(self, answer: Applied | Refused) -> None:
        """Let everybody know what became of a signal."""
        for watcher in self._everybody():
            watcher.put_answer(answer)

    def put_missed(self, answers: int) -> None:
        """Let everybody know that answers were lost."""
        for watcher in self._everybody():
            watcher.put_missed(answers)

    def close(self) -> None:
        """End everybody's iteration, once the answers that wait are taken."""
        for watcher in self._everybody():
            watcher.close()

    def lose(self, reason: str) -> None:
        """Tell everybody that the engine is lost, and end."""
        for watcher in self._everybody():
            watcher.lose(reason)

    def _everybody(self) -> list[Watcher]:
        """Who watches now: some leave as they are told."""
        return [watcher for row in self._rows for watcher in row]
