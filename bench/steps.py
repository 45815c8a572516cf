"""What the latency bench changes in a session: a gain, the tempo, the pitch, the preset, the section.

Each is sent again and again, at moments that keep step with nothing. A tempo and a pitch are found by how
they leave what plays at rest, so that these are taken back, and rest awaited, between one and the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from remixd.client import Answer, Client, Console, Signal
from remixd.errors import Unavailable

from .departures import EITHER, LEVELS, LOOP_BEATS, NOISE, STARTS_S, STEADY, TEXTURE, Continuation

PRESET: Final = "bench-step"
PRESET_TOML: Final = """
title = "A step"
description = "Everything 3 dB down, from a phrase on."
tags = ["bench"]

[mix]

[[rack]]
on = "master"
effect = "gain"
gain_db = -3.0

[rules]
when = "phrase"
"""
LEVELS_DB: Final = (-6.0, 0.0)
TEMPOS: Final = (1.1, 0.9)
PITCHES: Final = (1.0, -1.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that was asked for, by the monotonic clock.

    Attributes:
        command: its id.
        sent_ns, answered_ns: when the call was begun, and when it was answered.
        planned_sample: when it is to come, on the session's clock; None where the answer did not tell.
        until_ns: until then nothing else was asked for.
    """

    command: str
    sent_ns: int
    answered_ns: int
    planned_sample: int | None
    until_ns: int


class Hands:
    """Who moves one session. Leave its `with` when done.

    Args:
        client: of the daemon.
        session: a hands-on one of the bench's song.
    """

    def __init__(self, client: Client, session: str) -> None:
        self.client = client
        self.session = session
        self._console = client.console(session)
        self._sent = 0
        self._place = ("", False)

    def __enter__(self) -> Hands:
        self._console.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._console.close()

    @property
    def console(self) -> Console:
        """Hands on its deck."""
        return self._console

    def wish(self, name: str, value: float) -> Answer:
        """Move a dimension."""
        self._sent += 1
        signal = Signal(id=f"{self.session}-{self._sent}", fan="", wishes={name: value})
        return self.client.send(self.session, [signal])[0]

    def go_to(self, section: str, *, looping: bool) -> None:
        """Play a section, and stay in it or not; nothing, if it does so."""
        if self._place == (section, looping):
            return
        self._console.exit_loop("A")
        self._console.seek("A", STARTS_S[section], wait=True)  # a jump ends a loop
        if looping:
            self._console.loop("A", LOOP_BEATS, wait=True)
        self._place = section, looping

    def leave(self) -> None:
        """Where it plays is not known any more."""
        self._place = ("", False)


Send = Callable[[Hands, int], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One kind of change.

    Attributes:
        name: what is changed.
        before: how the sound goes on before it, on the parts of the song that `looping` stays in.
        send: asks for it, for the so manieth time.
        pause_s: from its answer to what comes next.
        back: takes it back, where one can only be found from rest; not measured.
        rest_s: from there to rest.
        waits: for what it waits.
        marked: whether that is a mark of the music, which its answer names.
        error: how exactly its first sample is found.
    """

    name: str
    before: Continuation
    send: Send
    pause_s: tuple[float, float]
    looping: bool = True
    back: Callable[[Hands], Answer] | None = None
    rest_s: tuple[float, float] = (0.0, 0.0)
    waits: str = ""
    marked: bool = False
    error: str = "exact"

    def sent(self, hands: Hands, count: int, between: Callable[[], None] = lambda: None) -> Iterator[Wish]:
        """Ask for it so many times.

        Args:
            hands: whose.
            count: how many times.
            between: called now and then, while nothing is on its way.

        Raises Unavailable if one is refused.
        """
        random = np.random.default_rng(count)
        for number in range(count):
            sent_ns = time.monotonic_ns()
            answer = self.send(hands, number)
            answered_ns = time.monotonic_ns()
            _check(answer)
            time.sleep(random.uniform(*self.pause_s))
            until_ns = time.monotonic_ns()
            yield Wish(answer.id, sent_ns, answered_ns, answer.planned_sample, until_ns)
            if self.back:
                _check(self.back(hands))
                time.sleep(random.uniform(*self.rest_s))
            between()

    def prepare(self, hands: Hands) -> None:
        """Bring the session to where it can be found, and do what is slow the first time."""
        hands.go_to(self.before.section, looping=self.looping)
        if not self.looping:
            hands.leave()
        hands.wish("drums", 0.0)


def _check(answer: Answer) -> None:
    if not answer.accepted:
        raise Unavailable(f"the daemon refused what was asked for: {answer.reason}")


def _cycle(name: str, values: tuple[float, float]) -> Send:
    return lambda hands, number: hands.wish(name, values[number % 2])


AWAY_S: Final = (0.17, 0.23)
REST_S: Final = (0.65, 0.8)
"""The way there and back: a map bends 64 ms ahead, a stretcher rests .3 s after it was let go, and what was
a period before must be rest, too."""

GAIN: Final = Step(
    name="gain", before=STEADY, send=_cycle("vocals", LEVELS_DB), pause_s=(0.06, 0.11)
)  # a ramp is over by then
STEPS: Final[Mapping[str, Step]] = {
    each.name: each
    for each in (
        GAIN,
        Step(name="tempo", before=TEXTURE, send=_cycle("tempo", TEMPOS),
             back=lambda hands: hands.wish("tempo", 1.0), pause_s=AWAY_S, rest_s=REST_S,
             waits="the map's horizon"),
        Step(name="pitch", before=TEXTURE, send=_cycle("pitch", PITCHES),
             back=lambda hands: hands.wish("pitch", 0.0), pause_s=AWAY_S, rest_s=REST_S,
             waits="the map's horizon"),
        Step(name="preset", before=TEXTURE, pause_s=(1.35, 1.85), waits="a phrase", marked=True,
             send=lambda hands, number: hands.client.pick(
                 hands.session, (PRESET, "original")[number % 2], at="phrase")),
        Step(name="section", before=EITHER, looping=False, pause_s=(1.2, 1.5), waits="a bar", marked=True,
             send=lambda hands, number: hands.console.section("A", (NOISE, LEVELS)[number % 2], at="bar")),
    )
}  # fmt: skip
