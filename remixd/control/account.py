"""An account of a session: what was commanded, when it was heard, and what became of it, from its journal.

Thread: any but [render].
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from remixd._kernel.mailbox import APPLIED, EJECT, ENDED, EXPIRED, LOAD, REFUSED, SWAP, UNDERRUN
from remixd.control.order import EVERY_DECK, Order, reason_of
from remixd.control.recording import Recording, Segment
from remixd.track.analysis import BarBeat
from remixd.units import RATE_HZ
from remixd.v1.journal_pb2 import JournalOrder, JournalReport

_HAPPENED: Final = {APPLIED: "applied", REFUSED: "refused", EXPIRED: "expired"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        at_s: on the session's clock.
        bar_beat: where in the music of its deck; empty where that is not known.
        deck: A to D; empty for all of them.
        what: in a word, such as `tempo`, `play`, `underrun`.
        became: `applied`, `refused`, ...
        told: of a refusal, its reason; of the director, its own.
        signals: that asked for it.
    """

    sample: int
    at_s: float
    bar_beat: str
    deck: str
    what: str
    value: float | None
    became: str
    late_frames: int
    told: str
    signals: tuple[str, ...]


class _Beats:
    """Bars and beats of a player, as its score has them."""

    def __init__(self, score: dict[str, Any]) -> None:
        self._frames: list[float] = list(score["beats"]) if score["heard"] else []
        starts = [level > 1 for level in score["levels"]]
        self._bars = list(accumulate(starts))
        self._first = [index for index, is_start in enumerate(starts) if is_start]

    def place(self, frame: int) -> str:
        """Of a source frame, rounded down."""
        index = bisect_right(self._frames, frame + 1) - 1
        if index < 0 or len(self._frames) < 2 or not self._bars[index]:
            return ""
        here = self._frames[min(index, len(self._frames) - 2)]
        after = self._frames[min(index + 1, len(self._frames) - 1)]
        part = (frame + 1 - self._frames[index]) / (after - here)
        bar = self._bars[index]
        return str(BarBeat(bar, index - self._first[bar - 1] + 1 + part))


def account(recording: Recording) -> Iterator[Event]:
    """Everything that happened, in the order in which the engine told it.

    Raises LookupError, ValueError or TypeError where the recording makes no sense.
    """
    beats = {key: _Beats(score) for key, score in recording.players.items()}
    first = recording.score["player"]
    loaded = {} if first is None else {0: int(first["key"])}
    for number, segment in enumerate(recording.segments):
        if number:
            yield _bare(segment.start, "resumed", f"by another engine, {len(segment.again)} commands again")
        yield from _of(segment, beats, loaded)
    if recording.how:
        yield _bare(recording.end, "end", recording.how)


def _of(segment: Segment, beats: dict[int, _Beats], loaded: dict[int, int]) -> Iterator[Event]:
    accepted = {each.order.id: each for each in segment.accepted}
    again = {order.id: order for order in segment.again}
    for report in segment.told:
        found = accepted.get(report.id)
        order = found.order if found else again.get(report.id)
        if report.kind == UNDERRUN:
            yield _bare(report.sample, "underrun", f"{report.late_frames / RATE_HZ * 1000:.1f} ms late")
        elif report.kind == ENDED:
            yield _event(report, "end of the music", None, _place(report, beats, loaded))
        elif report.kind in _HAPPENED and order is not None:
            flat = _order(order)
            if report.kind == APPLIED and order.kind in (LOAD, SWAP):
                loaded[order.deck] = int(order.extra)
            elif report.kind == APPLIED and order.kind == EJECT:
                loaded.pop(order.deck, None)
            told = (found.because if found else "") if report.kind == APPLIED else ""
            yield _event(
                report, flat.name, report.value, _place(report, beats, loaded),
                told=told or (reason_of(report.kind, report.reason, flat) if report.kind != APPLIED else ""),
                signals=tuple(found.signals) if found else (),
            )  # fmt: skip


def _order(order: JournalOrder) -> Order:
    return Order(
        value=order.value, kind=order.kind, dimension=order.dimension, deck=order.deck, when=order.when
    )


def _place(report: JournalReport, beats: dict[int, _Beats], loaded: dict[int, int]) -> str:
    deck = min(loaded, default=EVERY_DECK) if report.deck == EVERY_DECK else report.deck
    found = beats.get(loaded.get(deck, -1))
    return found.place(report.position) if found else ""


def _event(
    report: JournalReport, what: str, value: float | None, place: str, *, told: str = "",
    signals: tuple[str, ...] = (),
) -> Event:  # fmt: skip
    return Event(
        sample=report.sample, at_s=report.sample / RATE_HZ, bar_beat=place,
        deck="" if report.deck == EVERY_DECK else "ABCD"[report.deck % 4], what=what, value=value,
        became=_HAPPENED.get(report.kind, "") + (", superseded" if report.superseded else ""),
        late_frames=report.late_frames, told=told, signals=signals,
    )  # fmt: skip


def _bare(sample: int, what: str, told: str) -> Event:
    return Event(
        sample=sample, at_s=sample / RATE_HZ, bar_beat="", deck="", what=what, value=None, became="",
        late_frames=0, told=told, signals=(),
    )  # fmt: skip
