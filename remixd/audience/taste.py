"""What each fan likes, learnt from what they do: the Gaussian ideal-point filter of the kernel, by slot.

Pure: the same events in the same ticks give the same bits. Thread: [control].
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remixd._kernel import taste as kernel
from remixd.audience.heard import HeardLog
from remixd.audience.ledger import EVENT, Entry, Events, Explanation, gather
from remixd.audience.prior import Prior
from remixd.audience.space import HIGH, LOW, D, Floats, check_points
from remixd.audience.utility import (
    DRIFT_PER_S,
    EXPLORE,
    KAPPAS,
    MEANINGS,
    REACH,
    SURPRISE,
    WISH_DEVIATION,
    Kind,
)
from remixd.errors import InvalidInput, NotFound

SIZE: Final = D + 1
PACKED: Final = SIZE * (SIZE + 1) // 2
EVENTS_KEPT: Final = kernel.LEDGER_EVENTS
"""Events of a fan that can be explained and taken back one by one."""

PHRASES_A_SIGN: Final = 2
"""Phrases after which the target strays to the other side."""

KEPT_VARIANCE_MIN: Final = 0.02**2
"""A taste that was kept is no more certain than this, in squared reaches: it was of another day."""

SNAPSHOT_VERSION: Final = 1

_LOWER: Final = np.tril_indices(SIZE)
_DIAGONAL: Final = np.arange(SIZE) * (np.arange(SIZE) + 3) // 2


class Tastes:
    """The tastes of fans, each with a ledger of what they are made of.

    Args:
        prior: what is believed of those who said nothing yet.

    Attributes:
        heard: the mixes that events refer to.
    """

    def __init__(self, prior: Prior) -> None:
        self.heard = HeardLog()
        self._prior = _row(prior.mean, prior.covariance)
        self._fans = self._kernel()

    def _kernel(self) -> kernel.Fans:
        trust = np.array([MEANINGS[kind].trust for kind in Kind])
        outcome = np.array([MEANINGS[kind].outcome for kind in Kind])
        wish_variances = (WISH_DEVIATION * REACH) ** 2
        drifts_per_s = DRIFT_PER_S * np.concatenate([[1.0], REACH**2])
        return kernel.Fans(self._prior, trust, outcome, KAPPAS, wish_variances, drifts_per_s, SURPRISE)

    def __contains__(self, slot: int) -> bool:
        return self._fans.has(slot)

    def slots(self) -> NDArray[np.int32]:
        """The slots of those who are there, int32 (n,), ascending."""
        return self._fans.slots()

    def join(self, slot: int, mean: ArrayLike | None = None, variance: ArrayLike | None = None) -> None:
        """Put a fan into a free slot, with the prior or with a taste that was kept.

        Args:
            slot: at least 0, and small: memory is taken up to the greatest.
            mean: (D,) in [-1, 1].
            variance: (D,) above 0; taken into the range from `KEPT_VARIANCE_MIN` to the prior's.

        Raises InvalidInput for other values, or if somebody has the slot.
        """
        if (mean is None) != (variance is None):
            raise InvalidInput("a kept taste has a mean and a variance")
        row = None if mean is None else self._kept(np.asarray(mean, float), np.asarray(variance, float))
        try:
            self._fans.join(slot, row)
        except ValueError as error:
            raise InvalidInput(str(error)) from None

    def _kept(self, mean: Floats, variance: Floats) -> Floats:
        """The state of a fan whose taste was kept."""
        points = check_points(mean[None])[0]
        if variance.shape != (D,) or not (np.isfinite(variance).all() and (variance > 0).all()):
            raise InvalidInput("a kept taste has a variance above 0 for every dimension")
        narrow = np.clip(variance, KEPT_VARIANCE_MIN * REACH**2, self._prior[SIZE + _DIAGONAL[1:]])
        prior = Prior.about(points, np.diag(narrow))
        return _row(prior.mean, prior.covariance)

    def forget(self, slot: int) -> None:
        """Drop a fan's taste and ledger. Raises NotFound if nobody has the slot."""
        self._check_slot(slot)
        self._fans.forget(slot)

    def observe(self, events: Events | Sequence[Events]) -> None:
        """Learn from all events of one tick; in which order they are given makes no difference.

        Raises InvalidInput, and learns nothing, if one of them is of nobody, of no kind or dimension, of a
        mix that was not heard, or holds what is out of range or not finite.
        """
        gathered = gather(events)
        try:
            self._fans.observe(gathered.view(np.uint8), self.heard.points)
        except ValueError as error:
            raise InvalidInput(str(error)) from None

    def mean(self, slots: ArrayLike) -> Floats:
        """What fans like best, float64 (n, D) in taste space. Raises NotFound if nobody has a slot."""
        return self._rows(slots)[:, 1:SIZE].copy()

    def variance(self, slots: ArrayLike) -> Floats:
        """How uncertain that is, float64 (n, D). Raises NotFound if nobody has a slot."""
        return np.take(self._rows(slots), SIZE + _DIAGONAL[1:], axis=1)

    def certainty(self, slots: ArrayLike) -> Floats:
        """How much is known beyond the prior, float64 (n, D) in [0, 1]. Raises NotFound likewise."""
        known: Floats = 1.0 - self.variance(slots) / self._prior[SIZE + _DIAGONAL[1:]]
        return np.clip(known, 0.0, 1.0)

    def covariance(self, slots: ArrayLike) -> Floats:
        """Of c and the taste, float64 (n, D + 1, D + 1). Raises NotFound if nobody has a slot."""
        rows = self._rows(slots)
        full = np.empty((len(rows), SIZE, SIZE))
        full[:, _LOWER[0], _LOWER[1]] = full[:, _LOWER[1], _LOWER[0]] = rows[:, SIZE : SIZE + PACKED]
        return full

    def target(self, slot: int, phrase: int, eps: float = EXPLORE, mask: ArrayLike | None = None) -> Floats:
        """Where the mix should be in a phrase, float64 (D,): as `targets`, of one fan."""
        only: Floats = self.targets([slot], phrase, eps, mask)[0]
        return only

    def targets(
        self, slots: ArrayLike, phrase: int, eps: float = EXPLORE, mask: ArrayLike | None = None
    ) -> Floats:
        """Where the mix should be in a phrase: what each fan likes best, and a bit to the side, to learn.

        Args:
            slots: of the fans.
            phrase: its number; the side changes every two.
            eps: how many standard deviations to stray along the least certain direction; 0 to stay.
            mask: bool (D,): the dimensions that may stray; None for all.

        Returns: float64 (n, D), inside the range of every dimension. Raises NotFound if nobody has a slot.
        """
        rows = self._rows(slots)
        means = rows[:, 1:SIZE].copy()
        allowed = np.ones(D, np.bool_) if mask is None else np.asarray(mask, np.bool_)
        if eps > 0.0 and allowed.any():
            places = np.flatnonzero(allowed)
            scale = REACH[places]
            covariance = self.covariance(slots)[:, 1:, 1:][:, places][:, :, places]
            widths, directions = np.linalg.eigh(covariance / (scale[:, None] * scale))
            most = directions[:, :, -1]
            greatest = np.take_along_axis(most, np.abs(most).argmax(axis=1)[:, None], axis=1)
            side = 1.0 if phrase // PHRASES_A_SIGN % 2 == 0 else -1.0
            beyond = np.maximum(widths[:, -1] - widths.mean(axis=1), 0.0)
            stray = side * eps * np.sqrt(beyond)
            means[:, places] += stray[:, None] * most * np.sign(greatest) * scale
        inside: Floats = np.clip(means, LOW, HIGH)
        return inside

    def ledger(self, slot: int) -> Events:
        """A fan's last events, 64 at most, oldest first. Raises NotFound if nobody has the slot."""
        self._check_slot(slot)
        return np.frombuffer(self._fans.ledger(slot), EVENT)

    def explain(self, slot: int) -> Explanation:
        """What a fan's taste is made of, by replay. Raises NotFound if nobody has the slot."""
        events = self.ledger(slot)
        course = self._fans.means(slot, self.heard.points)
        prior = self._prior[1:SIZE].copy()
        entries = [
            Entry(
                kind=Kind(one["kind"]),
                id=int(one["id"]),
                at_s=float(one["at_s"]),
                dimension=int(one["dimension"]) if one["kind"] in (Kind.WISH, Kind.RECENTRE) else None,
                value=float(one["value"]),
                heard=self.heard.points[one["heard"]].copy() if one["heard"] >= 0 else None,
                change=change,
            )
            for one, change in zip(events, np.diff(course, axis=0), strict=True)
        ]
        return Explanation(prior=prior, older=course[0] - prior, entries=tuple(entries))

    def undo(self, slot: int, id: int) -> bool:  # noqa: A002 - the field's name
        """Take an id back, and let the wish count that its own had superseded, as if it had never come.

        Wishes that another one of their moment superseded are in the ledger with weight 0. Returns whether
        the ledger still had the id. Raises NotFound if nobody has the slot.
        """
        events = self.ledger(slot).copy()
        keep = np.ones(len(events), np.bool_)
        for place in np.flatnonzero(events["id"] == np.uint64(id)):
            keep[place] = False
            before = _superseded(events, int(place))
            if before is not None:
                events["weight"][before] = 1.0
        if keep.all():
            return False
        for last in reversed(range(len(events))):
            self._fans.undo(slot, last, self.heard.points)
        for place in np.flatnonzero(keep):  # in the order they had, which is not that of their times
            self.observe(events[place : place + 1])
        return True

    def free_heard(self, keep: Iterable[int] = ()) -> int:
        """Free the rows of mixes heard that no ledger refers to, nor `keep`; how many are free now."""
        used = np.zeros(len(self.heard.points), np.uint8)
        self._fans.mark(used)
        used[[row for row in keep if row >= 0]] = True
        return self.heard.free_all_but(used.astype(np.bool_))

    def snapshot(self) -> bytes:
        """Everything, in a form that `restore` reads: bytes of an uncompressed .npz without pickles."""
        slots = self.slots()
        ledgers = [self._fans.ledger(int(slot)) for slot in slots]
        used = np.zeros(len(self.heard.points), np.uint8)
        self._fans.mark(used)
        rows = np.flatnonzero(used).astype(np.int32)
        file = io.BytesIO()
        np.savez(
            file, allow_pickle=False, version=np.array(SNAPSHOT_VERSION), prior=self._prior, slots=slots,
            folded=self._fans.folded(slots), lengths=np.array([len(each) for each in ledgers], np.int64),
            events=np.frombuffer(b"".join(ledgers), np.uint8), rows=rows, points=self.heard.points[rows],
        )  # fmt: skip
        return file.getvalue()

    def restore(self, snapshot: bytes) -> None:
        """Be as when `snapshot` was taken, to the bit, whatever was there; what is heard has the same rows.

        Raises InvalidInput, and changes nothing, for what is no snapshot of this version and dimensions.
        """
        try:
            with np.load(io.BytesIO(snapshot), allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
            other = Tastes.__new__(Tastes)
            other._read(arrays)
        except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise InvalidInput(f"these are no tastes: {error}") from None
        self.heard, self._prior, self._fans = other.heard, other._prior, other._fans

    def _read(self, arrays: dict[str, Any]) -> None:
        """Take the arrays of a snapshot. Raises KeyError, TypeError, ValueError or InvalidInput."""
        if int(arrays["version"]) != SNAPSHOT_VERSION:
            raise ValueError(f"they have version {int(arrays['version'])}")
        self._prior = _checked_row(arrays["prior"])
        self._fans = self._kernel()
        self.heard = HeardLog()
        self.heard.load(arrays["rows"].astype(np.int32), arrays["points"])
        ends = np.cumsum(arrays["lengths"])
        events = np.ascontiguousarray(arrays["events"], np.uint8)
        if len(events) != (ends[-1] if len(ends) else 0) or (arrays["lengths"] % EVENT.itemsize).any():
            raise ValueError("their ledgers have another length")
        cut = np.split(events, ends[:-1])
        for slot, row, ledger in zip(arrays["slots"], arrays["folded"], cut, strict=bool(len(ends))):
            self._fans.restore(int(slot), _checked_row(row), ledger, self.heard.points)

    def _rows(self, slots: ArrayLike) -> Floats:
        chosen = np.ascontiguousarray(slots, np.int32).reshape(-1)
        try:
            return self._fans.rows(chosen)
        except ValueError as error:
            raise NotFound(str(error), kind="slot") from None

    def _check_slot(self, slot: int) -> None:
        if slot not in self:
            raise NotFound(f"nobody has slot {slot}", kind="slot", name=str(slot))


def _superseded(events: Events, place: int) -> int | None:
    """The wish that one in a ledger superseded; None if it is none, or counts for nothing, or did not."""
    one = events[place]
    if one["kind"] != Kind.WISH or one["weight"] == 0.0:
        return None
    same = (events["kind"] == Kind.WISH) & (events["dimension"] == one["dimension"])
    before = np.flatnonzero(same[:place])
    return int(before[-1]) if len(before) and events["weight"][before[-1]] == 0.0 else None


def _row(mean: Floats, covariance: Floats) -> Floats:
    """A state as the kernel has it: mean, packed covariance, and no time yet."""
    return np.concatenate([mean, covariance[_LOWER], [np.nan]])


def _checked_row(row: Floats) -> Floats:
    """Return a state as it is. Raises InvalidInput if it is none."""
    row = np.ascontiguousarray(row, np.float64)
    if row.shape != (SIZE + PACKED + 1,):
        raise InvalidInput("a state has another shape")
    covariance = np.empty((SIZE, SIZE))
    covariance[_LOWER] = covariance.T[_LOWER] = row[SIZE : SIZE + PACKED]
    Prior(row[:SIZE], covariance)
    return row
