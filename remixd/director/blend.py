"""Blends of presets: any weights of any presets are a mix and racks. Pure.

A mix is a point of taste space, where equal distances are heard as about equal: a blend is the weighted mean
there. Racks keep their weights: each sounds beside the dry sound, which has what is left of 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remixd.director.preset import LAYERS_MAX, ORIGINAL, PLACES, Preset, Rack, merged
from remixd.effects import Chain
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, NEUTRAL, WHENS, Mix, When
from remixd.units import OFF_DB, STEM_ROLES

PRESETS_MAX: Final = 32
"""Presets of one blend."""

DIGITS: Final = 9
"""Decimals of what is computed, so that a preset by itself is what its file says."""

HEARD: Final = 1e-6
"""A weight below this, -120 dB, is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedRack:
    """A rack of a preset, as a blend has it: its share of the sound at its place."""

    preset: str
    on: str
    chain: Chain
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """What weights of presets come to.

    Attributes:
        presets: in the order of their names.
        weights: of each, above 0, at most 1 together; the rest is the artist's own mix.
        mix: loudness-matched.
        racks: at most LAYERS_MAX a place.
        left_out: what there was no room for, in sentences.
    """

    presets: tuple[Preset, ...]
    weights: Mapping[str, float]
    mix: Mix
    racks: tuple[WeightedRack, ...]
    left_out: tuple[str, ...]

    @property
    def named(self) -> frozenset[str]:
        """The dimensions that its presets speak of."""
        return frozenset(name for preset in self.presets for name in preset.mix.values_by_name)

    @property
    def when(self) -> When:
        """The latest mark that any of its presets waits for."""
        return max((preset.rules.when for preset in self.presets), key=WHENS.index, default="now")

    @property
    def explores(self) -> bool:
        """Whether each of its presets lets the director try something out."""
        return all(preset.rules.explores for preset in self.presets)

    @property
    def locked(self) -> frozenset[str]:
        """The dimensions that the director leaves alone: tempo, if most weight is on the cadence."""
        on_cadence = sum(self.weights[each.name] for each in self.presets if each.rules.cadence_lock)
        return frozenset({"tempo"} if on_cadence > 0.5 else ())

    def objection(self, roles: Collection[str], bpm: float | None) -> str:
        """Why it must not be used on a track that plays these roles; empty if it may."""
        told = (
            f"{preset.name} {why}" for preset in self.presets if (why := preset.not_for.objection(roles, bpm))
        )
        return "; ".join(told)

    def __str__(self) -> str:
        return weights_text(self.weights)


def weights_text(weights: Mapping[str, float]) -> str:
    """Weights as `parse_weights` reads them; those of none are of the artist's own mix."""
    words = (name if weight == 1.0 else f"{name}:{weight:.4g}" for name, weight in weights.items())
    return ",".join(words) or ORIGINAL


def parse_weights(text: str) -> dict[str, float]:
    """Presets and their weights, 0 to 1, of `NAME[:WEIGHT],...`. Raises InvalidInput, naming the word.

    >>> parse_weights("lo-fi:0.5,stadium")
    {'lo-fi': 0.5, 'stadium': 1.0}
    """
    weights: dict[str, float] = {}
    for word in text.split(","):
        found = re.fullmatch(r"\s*([^:\s]+)\s*(?::\s*(\S+?)\s*)?", word)
        if not found:
            raise InvalidInput(f"{word.strip()!r} is not PRESET[:WEIGHT]", field="preset")
        name, given = found.groups()
        if name in weights:
            raise InvalidInput(f"{name} is there twice", field="preset")
        try:
            weights[name] = 1.0 if given is None else float(given)
        except ValueError:
            raise InvalidInput(f"the weight of {name} is {given!r}, not a number", field="preset") from None
    return weights


def check_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights, those above 0 only; at most 1 together, and the artist's own mix is the rest.

    Raises InvalidInput, naming the preset, for one that is not within 0 to 1, or if there are too many.
    """
    if len(weights) > PRESETS_MAX:
        raise InvalidInput(f"{len(weights)} presets are too many: {PRESETS_MAX} at most", field="weights")
    for name, weight in weights.items():
        if not 0.0 <= weight <= 1.0:  # false for NaN too
            raise InvalidInput(f"the weight of {name} is {weight:g}: not within 0 to 1", field="weights")
    total = math.fsum(weights.values())
    scale = max(total, 1.0)
    return {
        name: weight / scale
        for name, weight in weights.items()
        if weight / scale > HEARD and name != ORIGINAL
    }


def blend(presets: Iterable[Preset], weights: Mapping[str, float]) -> Blend:
    """Blend presets.

    Args:
        presets: each that has a weight, at least.
        weights: 0 to 1, by the preset's name.

    Raises InvalidInput as `check_weights`. The order of presets and of weights does not matter.
    """
    share = check_weights(weights)
    there = sorted((preset for preset in presets if preset.name in share), key=lambda preset: preset.name)
    racks, left_out = _racks(there, share)
    return Blend(
        presets=tuple(there),
        weights=MappingProxyType({preset.name: share[preset.name] for preset in there}),
        mix=_mix(there, share),
        racks=racks,
        left_out=left_out,
    )


NO_PRESETS: Final = Blend(presets=(), weights=MappingProxyType({}), mix=NEUTRAL, racks=(), left_out=())
"""The artist's own mix."""


def _mix(presets: Collection[Preset], share: Mapping[str, float]) -> Mix:
    """The weighted mean in taste space; then the levels, for loudness."""
    values: dict[str, float] = {}
    for name, row in DIMENSIONS.items():
        neutral = row.to_unit(row.neutral)
        moves = (share[preset.name] * (row.to_unit(preset.mix[name]) - neutral) for preset in presets)
        unit = round(neutral + math.fsum(moves), DIGITS + 3)  # off is off: weights of a third make 1 too
        if unit != neutral:
            values[name] = row.clamp(round(row.from_unit(min(max(unit, -1.0), 1.0)), DIGITS))
    in_levels = [preset for preset in presets if not preset.has_master_rack]
    gain_db = math.fsum(share[preset.name] * preset.gain_db for preset in in_levels)
    for role in STEM_ROLES if gain_db else ():
        level_db = values.get(role, NEUTRAL[role])
        if level_db > OFF_DB:
            values[role] = DIMENSIONS[role].clamp(level_db + gain_db)
    return merged(values)


def _racks(
    presets: Collection[Preset], share: Mapping[str, float]
) -> tuple[tuple[WeightedRack, ...], tuple[str, ...]]:
    """The racks that are heard, at each place those of the greatest weight; what had no room is told."""
    kept: list[WeightedRack] = []
    left_out: list[str] = []
    for place in PLACES:
        there = [
            WeightedRack(
                preset=preset.name, on=place, chain=rack.chain, weight=share[preset.name] * rack.share
            )
            for preset in presets
            for rack in preset.matched_racks
            if rack.on == place and share[preset.name] * rack.share > HEARD
        ]
        there.sort(key=lambda rack: (-rack.weight, rack.preset))
        kept += there[:LAYERS_MAX]
        left_out += [
            f"{rack.preset} goes without its effects on {place}: {LAYERS_MAX} racks sound there at most"
            for rack in there[LAYERS_MAX:]
        ]
    return tuple(kept), tuple(left_out)


def as_preset(name: str, title: str, description: str, mix: Mapping[str, float], of: Blend) -> Preset:
    """A preset that sounds like a mix with the racks of a blend: it is as loud as that."""
    moved = {each: value for each, value in mix.items() if value != DIMENSIONS[each].neutral}
    racks = tuple(Rack(on=rack.on, chain=rack.chain, share=rack.weight) for rack in of.racks)
    return Preset(
        name=name, title=title, description=description, tags=("saved",), mix=merged(moved), racks=racks
    )
