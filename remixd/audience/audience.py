"""The audience of one session: what its fans express becomes tastes, and ballots, and what is wanted.

As long as one fan is there the session is theirs: what is wanted is their taste, and now and then something a
little beside it is tried. From the second fan on they are a crowd, and each has one ballot. What comes is
gathered, and counts from the next tick on, in which order it came making no difference. Pure: time is an
argument, on the session's clock. Thread: [control].
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.ma  # numpy.unique imports it at its first call, while everybody waits
from numpy.typing import NDArray

from remixd.audience.crowd import UNVERIFIED_WEIGHT, Crowd, Decision
from remixd.audience.fans import Fan, Fans
from remixd.audience.gathered import Gathered
from remixd.audience.heard import Hearing
from remixd.audience.ledger import EVENT
from remixd.audience.prior import Prior
from remixd.audience.reading import id_of, judged
from remixd.audience.signal import Signal
from remixd.audience.space import INDEX, NAMES, D, Floats, units_of
from remixd.audience.stating import EASED, state, stated_before
from remixd.audience.taste import Tastes
from remixd.audience.trial import TRIED_LEAST, aside
from remixd.audience.utility import Kind
from remixd.audience.votes import Votes
from remixd.audience.wanted import Wanted, rounded_value
from remixd.errors import Exhausted, InvalidInput, NotFound
from remixd.mix import NEUTRAL

Slots: TypeAlias = NDArray[np.integer[Any]]

KNOWN: Final = 0.05
"""Below this certainty of a dimension a fan has no opinion of it."""

IDS_KEPT: Final = 65_536
"""Signals that are known again."""

HEARD_ROWS_MAX: Final = 4096
SAME: Final = 1e-4

TASTES_MAX: Final = 5_000
"""Of more fans only what they want, not what it was learnt from, is written down for another daemon."""


class Audience:
    """Takes signals, and says what is wanted.

    Args:
        centre: the presets' mix: the artist's ballot.
        seed: of turns between halves of a crowd.
        explores: whether trying things out is allowed.
        prior: what is believed of those who said nothing yet.
    """

    def __init__(
        self,
        centre: Mapping[str, float],
        *,
        seed: int = 0,
        explores: bool = True,
        prior: Prior | None = None,
    ) -> None:
        self._seed = seed
        self._prior = prior or Prior.neutral()
        self.explores = explores
        self.fans = Fans()
        self.tastes = Tastes(self._prior)
        self.crowd = Crowd(units_of(centre), seed)
        self.is_crowd = False
        self.version = 0
        self._hearing = Hearing(self.tastes.heard)
        self._ids: dict[int, str] = {}
        self._gathered = Gathered()
        self._kept: dict[str, tuple[Floats, Floats]] = {}
        self.votes = Votes()
        self.decision: Decision | None = None

    # What comes

    def hear(self, at_s: float, mix: Mapping[str, float]) -> None:
        """From a time on this mix is heard."""
        self._hearing.note(at_s, units_of(mix))

    def _key(self, handle: str, signal_id: str) -> int:
        """What a fan's signal is known by, whatever the fan was renamed to."""
        fan = self.fans.find(handle)
        return id_of((fan and fan.ids_as) or handle, signal_id)

    def knows(self, signal: Signal) -> bool:
        """Whether a signal of this id came from this fan before."""
        return self._key(signal.fan, signal.id) in self._ids

    def check_room(self, signals: Sequence[Signal]) -> None:
        """Raise Exhausted if these come from more fans than a session takes."""
        self.fans.check_room({signal.fan for signal in signals})

    def take(self, signal: Signal, wishes: Mapping[str, float], at_s: float) -> Fan:
        """Take a signal, whose directions were made wishes; it counts from the next tick on.

        Args:
            signal: that is not known yet.
            wishes: in their units; beyond a dimension's range they are for its end.
            at_s: when it was expressed.

        Returns: the fan. Raises Exhausted for one who sends too much, InvalidInput for a reaction to nothing.
        """
        heard, before = self._judging(signal, at_s)
        fan = self._fan(signal, at_s)
        if fan.handle and not fan.may_send(at_s):
            raise Exhausted("this fan sends too many signals; those of a hand on a slider are enough")
        says = judged(signal)
        key = self._key(signal.fan, signal.id)
        if says:
            self._gathered.judge(fan.slot, key, at_s, *says, heard, before)
            fan.reacts = True
        for name, value in wishes.items():
            self._gathered.wish(fan.slot, key, at_s, name, value)
        if signal.reaction == "explore":
            fan.exploring = signal.amount >= 0.5
        fan.signals += 1
        self._ids[key] = signal.id
        if len(self._ids) > IDS_KEPT:
            del self._ids[next(iter(self._ids))]
        self.version += 1
        if self._gathered.is_much:
            self.tick(at_s + signal.age_s)
        return fan

    def _judging(self, signal: Signal, at_s: float) -> tuple[int, int]:
        """The rows of what a reaction is about, and of what was before. Raises InvalidInput for nothing."""
        heard, before = self._hearing.credited(at_s)
        if signal.reaction and heard < 0:
            raise InvalidInput("nothing was heard yet that this could be about", field="reaction")
        if signal.reaction in ("better", "worse") and heard == before:
            raise InvalidInput("nothing has changed that it could be compared with", field="reaction")
        return heard, before

    def _fan(self, signal: Signal, at_s: float) -> Fan:
        fan = self.fans.find(signal.fan)
        if fan is None:
            fan = self.fans.join(signal.fan, at_s)
            mean, variance = self._kept.pop(signal.fan, (None, None))
            self.tastes.join(fan.slot, mean, variance)
            self.is_crowd = self.is_crowd or len(self.fans) > 1
            fan.consent = signal.consent
        if signal.consent == "taste":
            fan.consent = "taste"
        fan.verified = signal.verified
        return fan

    def disown(self, signal: Signal) -> None:
        """Not know a signal that was taken, and of which nothing came: it may be sent again."""
        if self._ids.pop(self._key(signal.fan, signal.id), None) and (fan := self.fans.find(signal.fan)):
            fan.signals -= 1
        self.version += 1

    def is_alone(self, handle: str) -> bool:
        """Whether there is no other fan than this one, who may not be there yet."""
        return not self.is_crowd and all(fan.handle == handle for fan in self.fans)

    def id_text(self, key: int) -> str:
        """The id of a signal that a ledger names; empty if it is not known any more."""
        return self._ids.get(key, "")

    def stated(self, handle: str) -> dict[str, float]:
        """What a fan wished last of each dimension, in its unit, this tick's wishes included."""
        fan = self.fans.find(handle)
        if fan is None:
            return {}
        said = {NAMES[index]: it.value for index, it in fan.stated.items() if it.share > EASED}
        return said | self._gathered.stated(fan.slot)

    def unknow(self, handle: str) -> None:
        """Let nobody begin with a taste that was kept, and is no more."""
        self._kept.pop(handle, None)

    def know(self, handle: str, mean: Floats, variance: Floats) -> None:
        """Let a fan who joins begin with a taste that was kept, (D,) each."""
        self._kept[handle] = mean, variance

    # Ticks

    def tick(self, now_s: float) -> None:
        """Let what came since the last tick count."""
        if not self._gathered:
            return
        events, values = self._gathered.take()
        self.tastes.observe(events)
        state(self.fans.at, events, values)
        self._cast(np.unique(events["slot"]), now_s)
        if len(self.tastes.heard.points) > HEARD_ROWS_MAX:
            self.tastes.free_heard(self._hearing.rows())

    def _cast(self, slots: Slots, now_s: float) -> None:
        """Renew the ballots of some fans."""
        values, weights = self.positions(slots)
        weights[weights < KNOWN] = 0.0
        weights *= [[1.0 if self.fans.at(int(slot)).verified else UNVERIFIED_WEIGHT] for slot in slots]
        self.crowd.expire(now_s)
        # later than one that was cast at this very moment, which would stay if its values are greater
        self.crowd.cast(slots, values, weights, math.nextafter(now_s, math.inf))

    def positions(self, slots: Slots) -> tuple[Floats, Floats]:
        """Where fans want to be, float64 (n, D) in taste space, and how sure that is, (n, D) in [0, 1]."""
        values, sure = self.tastes.mean(slots), self.tastes.certainty(slots)
        for row, slot in enumerate(slots):
            for index, it in self.fans.at(int(slot)).stated.items():
                values[row, index] += (it.unit - values[row, index]) * it.share
                sure[row, index] = max(sure[row, index], it.share)
        return np.clip(values, -1.0, 1.0), sure

    # What is wanted

    def wanted(
        self, now_s: float, *, section: int = 0, phrase: int = 0, open_to: Collection[str] = NAMES
    ) -> dict[str, Wanted]:
        """What is wanted of each dimension; of those that are missing nobody wants anything.

        Args:
            now_s: on the session's clock.
            section: number of the section that plays: two halves of a crowd take turns by it.
            phrase: number of the phrase: what is tried changes by it.
            open_to: the dimensions in which something may be tried.
        """
        self.tick(now_s)
        if self.is_crowd:
            return self._wanted_by_crowd(now_s, section)
        fan = next(iter(self.fans), None)
        return self._wanted_by(fan, phrase, open_to) if fan else {}

    def _wanted_by(self, fan: Fan, phrase: int, open_to: Collection[str]) -> dict[str, Wanted]:
        values, sure = (rows[0] for rows in self.positions(np.array([fan.slot])))
        tried = aside(self.tastes, fan, phrase, open_to) if self._explores_for(fan) else np.zeros(D)
        wanted = {}
        for index, name in enumerate(NAMES):
            stated, beside = fan.stated.get(index), float(tried[index])
            if stated and abs(values[index] - stated.unit) < SAME:
                wanted[name] = Wanted(value=stated.value, fans=1, how="stated")
            elif sure[index] >= KNOWN or abs(beside) >= TRIED_LEAST:
                unit = float(np.clip(values[index] + beside, -1.0, 1.0))
                how = "trial" if abs(beside) >= TRIED_LEAST else "taste"
                wanted[name] = Wanted(value=rounded_value(name, unit), fans=1, how=how)
        return wanted

    def _explores_for(self, fan: Fan) -> bool:
        return fan.reacts and (self.explores if fan.exploring is None else fan.exploring)

    def _wanted_by_crowd(self, now_s: float, section: int) -> dict[str, Wanted]:
        self.crowd.expire(now_s)
        self.decision = decision = self.crowd.decide(now_s, section)
        return {
            name: Wanted(value=rounded_value(name, row.goal), fans=row.fans, how=row.how)
            for name, row in zip(NAMES, decision.standings, strict=True)
            if row.fans
        }

    def recentre(self, centre: Mapping[str, float], moved: Collection[str], now_s: float) -> None:
        """Presets have taken these dimensions elsewhere: what was wanted of them is void."""
        self.tick(now_s)
        units = units_of(centre)
        slots, rows = self.tastes.slots(), [INDEX[name] for name in sorted(moved)]
        events = np.zeros(len(rows) * len(slots), EVENT)
        events["at_s"], events["weight"], events["kind"] = now_s, 1.0, Kind.RECENTRE
        events["heard"] = events["before"] = -1
        events["slot"] = np.tile(slots, len(rows))
        events["dimension"] = np.repeat(rows, len(slots))
        events["value"] = units[events["dimension"]]
        self.tastes.observe(events)
        for fan in self.fans:
            for name in moved:
                fan.stated.pop(INDEX[name], None)
        self.crowd.recentre(units, np.array([name in moved for name in NAMES]))
        self.version += 1

    def clear(self, centre: Mapping[str, float]) -> None:
        """Forget everything but who is there: panic."""
        self._gathered.clear()
        for fan in self.fans:
            self.tastes.forget(fan.slot)
            self.tastes.join(fan.slot)
            fan.stated.clear()
            fan.reacts = False
        self.crowd = Crowd(units_of(centre), self._seed)
        self.votes = Votes()
        self.decision = None
        self.version += 1

    @property
    def live_fans(self) -> int:
        """How many fans count now."""
        return self.crowd.live_fans if self.is_crowd else len(self.fans)

    # Taken back

    def undo(self, handle: str, signal_id: str, now_s: float) -> None:
        """Be as if a signal had never come.

        Raises NotFound for a fan or a signal that is not known, InvalidInput for one that is too old.
        """
        self.tick(now_s)
        fan, key = self.fans.get(handle), self._key(handle, signal_id)
        if not self._ids.get(key):  # it never came, or was taken back
            raise NotFound(f"no signal {signal_id!r} of this fan counts", kind="signal", name=signal_id)
        ledger = self.tastes.ledger(fan.slot)
        if not self.tastes.undo(fan.slot, key):
            raise InvalidInput(
                f"signal {signal_id!r} is no longer among the fan's last ones, or said nothing of a taste",
                field="signal",
            )
        before, fan.stated = fan.stated, stated_before(fan.stated, ledger)
        state(self.fans.at, self.tastes.ledger(fan.slot), {})
        for index, it in fan.stated.items():
            if (was := before.get(index)) and was.unit == it.unit:
                it.value = was.value
        fan.signals -= 1
        self._ids[key] = ""
        self._cast(np.array([fan.slot]), now_s)
        self.version += 1

    def rename(self, handle: str, name: str) -> bool:
        """Know a fan by another handle: taste, ledger, ballot and votes stay. Whether there was such a fan.

        Who is here under both handles stays two fans: what each has said is not merged.
        """
        if name in self._kept or self.fans.find(name) is not None:
            self._kept.pop(handle, None)
        elif (kept := self._kept.pop(handle, None)) is not None:
            self._kept[name] = kept
        fan = self.fans.find(handle)
        if fan is None or self.fans.find(name) is not None:
            return False
        self.fans.rename(handle, name)
        self.version += 1
        return True

    def forget(self, handle: str) -> int:
        """Forget a fan: taste, ledger, ballot and handle. How many signals of theirs counted.

        Raises NotFound.
        """
        fan = self.fans.get(handle)
        self._gathered.drop(fan.slot)
        self.fans.leave(handle)
        self.tastes.forget(fan.slot)
        self.crowd.withdraw(np.array([fan.slot]))
        self.votes.withdraw(fan)
        self.unknow(handle)
        self.version += 1
        return fan.signals

    def copy(self, now_s: float) -> Audience:
        """Another audience that is as this one."""
        other = Audience(NEUTRAL, seed=self._seed, explores=self.explores, prior=self._prior)
        other.restore(self.to_json(now_s))
        return other

    # Papers

    def frozen(self, now_s: float) -> dict[str, Any]:
        """All that counts, as it is now, in JSON's types but for `tastes`, which are bytes.

        What is large, `tastes` and `ids`, is not made text of yet.
        """
        self.tick(now_s)
        return {
            "fans": self.fans.to_json(),
            "is_crowd": self.is_crowd,
            "tastes": self.tastes.snapshot() if len(self.fans) <= TASTES_MAX else b"",
            "crowd": self.crowd.snapshot(),
            "votes": self.votes.to_json(),
            "ids": dict(self._ids),  # as pairs: text by number
        }

    def to_json(self, now_s: float) -> dict[str, Any]:
        """All that counts, in JSON's types."""
        frozen = self.frozen(now_s)
        tastes, ids = b64encode(frozen["tastes"]).decode(), list(frozen["ids"].items())
        return {**frozen, "tastes": tastes, "ids": ids}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote, on the same clock. Raises KeyError, TypeError or ValueError."""
        self.fans.restore(plain["fans"])
        if plain["tastes"]:
            self.tastes.restore(b64decode(plain["tastes"]))
            self._hearing = Hearing(self.tastes.heard)
        for fan in self.fans:
            if fan.slot not in self.tastes:
                self.tastes.join(fan.slot)
        self.crowd.restore(plain["crowd"])
        self.votes.restore(plain["votes"])
        self.is_crowd = bool(plain["is_crowd"])
        self._ids = {int(key): str(text) for key, text in plain["ids"]}
