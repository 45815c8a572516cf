"""When calls and commands of one session passed through the daemon: what is kept of the newest of them.

Thread: [control].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import monotonic_ns
from typing import Final, NamedTuple

IDS_MAX: Final = 20_480
"""Ids of signals and commands that are kept: 10 s of 2,000 a second. A batch of signals is kept whole."""
COMMANDS_MAX: Final = 8192
STEPS_MAX: Final = 64


class Received(NamedTuple):
    """A call brought signals or commands, at a moment (CLOCK_MONOTONIC)."""

    at_ns: int
    ids: Sequence[str]


class Sent(NamedTuple):
    """A command went to the engine.

    Attributes:
        decided_ns, queued_ns: when the desk knew it, and when the mailbox had it.
        number: the engine's.
        ids: of the signals and commands that it stands for.
        sample: for which it was meant; below 0: at once.
    """

    decided_ns: int
    queued_ns: int
    number: int
    ids: Sequence[str]
    sample: int


class Step(NamedTuple):
    """The session is rendered more cheaply from a moment on, or no longer: how, and why."""

    at_ns: int
    told: str


class Marks:
    """What is kept of one session, never more than the newest few thousand.

    Attributes:
        lost: calls and commands that were forgotten for newer ones.
    """

    def __init__(self) -> None:
        self._received: deque[Received] = deque()
        self._ids = 0
        self._sent: deque[Sent] = deque(maxlen=COMMANDS_MAX)
        self._steps: deque[Step] = deque(maxlen=STEPS_MAX)
        self.lost = 0

    def receive(self, at_ns: int, ids: Sequence[str]) -> None:
        """A call that was seen first at `at_ns` brought these; of one that brought none nothing is kept."""
        if not ids:
            return
        self._received.append(Received(at_ns, ids))
        self._ids += len(ids)
        while self._ids > IDS_MAX and len(self._received) > 1:
            gone = self._received.popleft()
            self._ids -= len(gone.ids)
            self.lost += len(gone.ids)

    def send(self, decided_ns: int, number: int, ids: Sequence[str], sample: int) -> None:
        """A command that was known at `decided_ns` is in the mailbox now."""
        self.lost += len(self._sent) == COMMANDS_MAX
        self._sent.append(Sent(decided_ns, monotonic_ns(), number, ids, sample))

    def step(self, told: str) -> None:
        """The session's rendering was made cheaper, or as it should be again."""
        self._steps.append(Step(monotonic_ns(), told))

    def received(self, since_ns: int) -> list[Received]:
        """What came since a moment, oldest first."""
        return [each for each in self._received if each.at_ns >= since_ns]

    def sent(self, since_ns: int) -> list[Sent]:
        """What went to the engine since a moment, oldest first."""
        return [each for each in self._sent if each.queued_ns >= since_ns]

    def ids_of(self) -> dict[int, Sequence[str]]:
        """By a command's number what it stands for."""
        return {each.number: each.ids for each in self._sent if each.ids}

    def steps(self) -> list[Step]:
        """The steps that are known, oldest first: few, and of all the time that blocks are kept of."""
        return list(self._steps)
