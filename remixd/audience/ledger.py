"""Events as the tastes learn from them, and what each of them did. Pure; Thread: [control]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remixd.audience.space import Floats
from remixd.audience.utility import Kind

EVENT: Final = np.dtype(
    [
        ("id", np.uint64),
        ("at_s", np.float64),
        ("value", np.float64),
        ("weight", np.float32),
        ("slot", np.int32),
        ("heard", np.int32),
        ("before", np.int32),
        ("kind", np.uint8),
        ("dimension", np.uint8),
    ],
    align=True,
)
"""One event, 48 bytes.

id: a hash of the signal's id, or 0 for what nobody sent. at_s: on the clock of the session. value: of a wish
or a recentre, in taste space. weight: how far the sender is believed, in [0, 1]; the trust in the kind comes
on top. heard, before: rows of the heard log, of the mix that is judged, and of the one it is compared with.
dimension: index in the table, of a wish or a recentre.
"""

Events: TypeAlias = NDArray[Any]
"""A structured array of EVENT, (n,)."""


def event(
    kind: Kind,
    *,
    slot: int,
    at_s: float,
    id: int = 0,  # noqa: A002 - the field's name
    dimension: int = 0,
    value: float = 0.0,
    weight: float = 1.0,
    heard: int = -1,
    before: int = -1,
) -> Events:
    """One event, (1,): what its kind does not need may be left out."""
    one = np.zeros(1, EVENT)
    one["id"], one["at_s"], one["value"], one["weight"] = id, at_s, value, weight
    one["slot"], one["heard"], one["before"] = slot, heard, before
    one["kind"], one["dimension"] = kind, dimension
    return one


def gather(events: Events | Sequence[Events]) -> Events:
    """Events as one array of their own; an empty one of none."""
    if isinstance(events, np.ndarray):
        return np.array(events, EVENT).reshape(-1)
    return np.concatenate([np.zeros(0, EVENT), *events])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One event of a fan's ledger.

    Attributes:
        kind, id, at_s: what happened when; see EVENT.
        dimension: index of what was wished or recentred; None of what judges.
        value: of a wish or a recentre, in taste space.
        heard: float64 (D,): what is judged; None of a wish or a recentre.
        change: float64 (D,): by how much it moved the taste, in taste space.
    """

    kind: Kind
    id: int
    at_s: float
    dimension: int | None
    value: float
    heard: Floats | None
    change: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Why a fan's taste is held to be what it is: `prior + older + every entry's change`, to the rounding.

    Attributes:
        prior: float64 (D,): what is believed of everybody.
        older: float64 (D,): what an earlier visit and the events folded away came to.
        entries: the last events, oldest first.
    """

    prior: Floats
    older: Floats
    entries: tuple[Entry, ...]
