"""How a session begins. Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from remixd.audience.arc import Arc
from remixd.control.admission import Kind
from remixd.control.command import Clamp, lower
from remixd.control.decks import OPEN
from remixd.control.preset_plugins import with_plugins
from remixd.control.sink import Sink
from remixd.director.blend import NO_PRESETS, Blend
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, NEUTRAL
from remixd.track.package import Track
from remixd.track.rights import VOCALS_ABOVE_DB, Rights
from remixd.units import OFF_DB, STEM_ROLES

ALONE: Final = "the rights of this track do not let vocals be heard alone: the band stays with them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a blend comes to on a track.

    Attributes:
        mix: the value of every dimension.
        clamps: what of its presets the track, its rights or this engine do not allow.
    """

    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]


def allowed(of: Blend, rights: Rights, roles: tuple[str, ...]) -> Allowed:
    """Hold a blend to what a track allows.

    Where vocals may not be heard alone, the loudest of the band stays as near to them as rights demand; else
    they would go with it, and a cappella be silence.
    """
    wanted = of.mix.values_by_name
    known = {*roles, *of.named} | set(DIMENSIONS) - set(STEM_ROLES)
    speaks_of = {name: value for name, value in wanted.items() if name in known}
    band = [role for role in roles if role != "vocals"]
    clamps: list[Clamp] = []
    if "vocals" in roles and band and not rights.vocals_solo:
        least_db = of.mix["vocals"] - VOCALS_ABOVE_DB
        loudest_db = max(of.mix[role] for role in band)
        if of.mix["vocals"] > OFF_DB and loudest_db < least_db:
            for role in (role for role in band if of.mix[role] == loudest_db):
                speaks_of[role] = least_db
                clamps.append(Clamp(dimension=role, asked=loudest_db, given=least_db, because=ALONE))
    lowered = lower(speaks_of, NEUTRAL, rights, roles)
    return Allowed(mix={**NEUTRAL, **lowered.values}, clamps=(*clamps, *lowered.clamps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a session begins.

    Attributes:
        track: what plays at once on deck A; None for empty decks.
        blend: its presets.
        mix: that of these, as far as rights and roles allow, by dimension.
        clamps: what they did not allow.
        notes: what else of the presets is not as they have it, in sentences.
        arc: how lively a directed session is to be over time; none: as its fans wish.
        exploring: whether a directed session may try out what the fans might like.
        apart: whether its stems are handed out one by one.
    """

    track: Track | None
    sink: Sink
    is_directed: bool
    mix: Mapping[str, float]
    blend: Blend = NO_PRESETS
    clamps: tuple[Clamp, ...] = ()
    notes: tuple[str, ...] = ()
    arc: Arc = ()
    exploring: bool = True
    apart: bool = False

    @property
    def kind(self) -> Kind:
        """Whether its stems may be summed in the spectrum, as they are where nobody has a hand on them."""
        return "summed" if self.is_directed and not self.apart else "apart"

    @property
    def explores(self) -> bool:
        """Whether its presets allow that too."""
        return self.exploring and self.blend.explores

    @classmethod
    def of(
        cls, track: Track | None, of: Blend, sink: Sink, *, is_directed: bool, arc: Arc = (),
        exploring: bool | None = None, apart: bool = False,
    ) -> Start:  # fmt: skip
        """Start a track, or empty decks, from a blend of presets.

        Raises InvalidInput if there is nothing to direct, the presets must not be used on the track, or its
        stems not be handed out; Unsupported if they need a plug-in that is not there.
        """
        for name, given in (("arc", bool(arc)), ("exploring", exploring is not None)):
            if given and not is_directed:
                raise InvalidInput(f"{name} is for a directed session", field=name)
        if track is None and is_directed:
            raise InvalidInput("a directed session needs a track", field="track")
        if track and apart:
            track.check_separable()
        if track and (objection := of.objection(track.roles, track.analysis.bpm)):
            raise InvalidInput(objection, field="preset")
        of, notes = with_plugins(of)
        rights, roles = (track.rights, track.roles) if track else (OPEN, STEM_ROLES)
        there = allowed(of, rights, roles)
        return cls(
            track=track, sink=sink, is_directed=is_directed, blend=of, mix=there.mix, clamps=there.clamps,
            notes=(*of.left_out, *notes), arc=arc, exploring=exploring is not False,
            apart=apart,
        )  # fmt: skip
