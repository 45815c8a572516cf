"""The one door from wishes to the engine: they are clamped by rights and lowered to flat commands.

Thread: [control].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remixd.mix import DIMENSIONS, TONES
from remixd.track.rights import Rights
from remixd.units import STEM_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """A wish that was not given as it was asked, and why."""

    dimension: str
    asked: float
    given: float
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first answer to a signal, at once.

    `planned_sample` is on the session clock; `because` is how the director will go about it; `duplicate`
    tells that the fan's signal of this id came before, and is not counted again.
    """

    id: str
    accepted: bool
    reason: str = ""
    clamps: tuple[Clamp, ...] = ()
    planned_sample: int | None = None
    because: str = ""
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMove:
    """One dimension that moved: from `sample` on it changes, from `settled_sample` on it is there.

    `superseded` if another move of the dimension took its place at the same sample.
    """

    dimension: str
    value: float
    sample: int
    settled_sample: int
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The second answer to a signal: what the engine did, and when, on the session clock.

    `sample` and `settled_sample` are those of its latest move; `late_frames` is how long after the sample
    that was asked for. There are no moves if the mix was there already; `because` is the director's.
    """

    id: str
    sample: int
    settled_sample: int
    bar_beat: str
    late_frames: int
    moves: tuple[AppliedMove, ...]
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The second answer to a signal that the engine could not take after all."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """What a signal comes to: the value each dimension is given, and what was not given as asked."""

    values: Mapping[str, float]
    clamps: tuple[Clamp, ...]

    def refusal(self, signal_id: str) -> Answer | None:
        """The answer to a signal of which nothing can be given; None if something can."""
        if self.values:
            return None
        reason = "; ".join(dict.fromkeys(clamp.because for clamp in self.clamps))
        return Answer(id=signal_id, accepted=False, reason=reason, clamps=self.clamps)


def lower(
    wishes: Mapping[str, float], mix: Mapping[str, float], rights: Rights, roles: tuple[str, ...]
) -> Lowered:
    """Clamp wishes to what this engine, this track and its rights allow.

    Args:
        wishes: by dimension.
        mix: what is given now, by dimension.
        rights: of the track.
        roles: that the track plays.
    """
    values: dict[str, float] = {}
    clamps: list[Clamp] = []
    for name, asked in wishes.items():
        if refusal := _refusal(name, roles):
            clamps.append(Clamp(dimension=name, asked=asked, given=mix[name], because=refusal))
            continue
        given, because = _clamp(name, asked, rights)
        if because:
            clamps.append(Clamp(dimension=name, asked=asked, given=given, because=because))
        values[name] = given
    after = {**mix, **values}
    most_db = rights.vocals_most_db(after, roles)
    if "vocals" in roles and after["vocals"] > most_db:
        clamps.append(
            Clamp(
                dimension="vocals",
                asked=after["vocals"],
                given=most_db,
                because="the rights of this track do not let vocals be heard alone",
            )
        )
    return Lowered(values=MappingProxyType(values), clamps=tuple(clamps))


def heard(mix: Mapping[str, float], rights: Rights, roles: tuple[str, ...]) -> dict[str, float]:
    """The mix as it is heard: what was given, with vocals and tone held as rights demand."""
    held = dict(mix)
    for name in TONES:
        low, high = rights.range(name)
        held[name] = min(max(mix[name], low), high)
    if "vocals" in roles:
        held["vocals"] = min(mix["vocals"], rights.vocals_most_db(mix, roles))
    return held


def _refusal(name: str, roles: tuple[str, ...]) -> str:
    """Why a dimension cannot move at all; empty if it can."""
    if name in STEM_ROLES and name not in roles:
        return f"this track has no {name}: it has {', '.join(roles)}"
    return ""


def _clamp(name: str, asked: float, rights: Rights) -> tuple[float, str]:
    """What a wish is given, and why if that is not what was asked."""
    row = DIMENSIONS[name]
    low, high = rights.range(name)
    in_table = row.clamp(asked)
    given = min(max(in_table, low), high)
    if given != in_table:
        never = f", and never mute {name}" if name in rights.never_mute else ""
        return given, f"the rights of this track allow {low:g} to {high:g} {row.unit}{never}"
    if given != asked:
        return given, f"{name} goes from {row.minimum:g} to {row.maximum:g} {row.unit}"
    return given, ""
