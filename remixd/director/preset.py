"""Presets: a mix, effects and musical rules under one name, one TOML each.

title = "Slowed + reverb"
description = "Slower and lower, in a large room."
tags = ["slow", "calm"]
gain_db = 1.5               # what makes it as loud as the artist's own mix

[mix]                       # by dimension; what is absent stays as the artist left it
tempo = 0.85
pitch = -2.0

[[rack]]                    # effects, in a row at each place: master, deck, or a role of stems
on = "master"
effect = "reverb"           # of `remixd.effects`, with its parameters; beats as "3/16" of a whole note
room_size = 0.8

[rules]
when = "phrase"             # it comes at the next such mark, where nobody says when
explores = false            # the director tries nothing out
cadence_lock = true         # tempo is the listener's steps, not the fans' wish

[not_for]                   # what it must not be used on
without = ["vocals"]        # tracks that play no such role
without_rights = ["vocals_solo"]  # where rights do not allow it, it is held to what they do, and told
slower_than_bpm = 60
faster_than_bpm = 150

A rack may have up to four `layer`s at a place, each with its `share` of the sound; what is left of 1 is dry.
A plug-in is `effect = "vst3"`, with its `path` or `name`, `parameters` and whether it is `optional`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from remixd.effects import CHAIN_MAX, EFFECTS, PLUGIN, Chain, beats_text
from remixd.errors import InvalidInput
from remixd.mix import NEUTRAL, Mix, When
from remixd.track.fields import printable
from remixd.units import STEM_ROLES

ORIGINAL: Final = "original"
"""The preset that is the artist's own mix: a session starts from it unless told otherwise."""

MASTER: Final = "master"
DECK: Final = "deck"
PLACES: Final = (MASTER, DECK, *STEM_ROLES)
"""Where a rack may be: on all that sounds, on each deck, or on the stems of a role of each deck."""

LAYERS_MAX: Final = 4
"""Racks that a place of the engine holds."""

REQUIRED: Final = ("title", "description", "tags", "mix")
"""Keys that a preset's file always has."""

GAIN_DB: Final = (-24.0, 12.0)
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """Effects in a row at a place, and their share of the sound there, 0 to 1."""

    on: str
    chain: Chain
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a preset is to be used.

    Attributes:
        when: the mark at which it comes, unless it is said when.
        explores: whether the director may try something else out.
        cadence_lock: whether the tempo is the listener's steps: the director leaves it alone.
    """

    when: When = "now"
    explores: bool = True
    cadence_lock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFor:
    """What a preset must not be used on.

    Attributes:
        without: roles that a track must play.
        without_rights: rights that it must have; else it is held to what those there are allow.
        slower_than_bpm, faster_than_bpm: None for no limit.
    """

    without: tuple[str, ...] = ()
    without_rights: tuple[str, ...] = ()
    slower_than_bpm: float | None = None
    faster_than_bpm: float | None = None

    def objection(self, roles: Collection[str], bpm: float | None) -> str:
        """Why it must not be used on a track that plays these roles; empty if it may."""
        for role in self.without:
            if role not in roles:
                return f"is not for a track without {role}: this one has {', '.join(roles)}"
        if bpm is not None and self.slower_than_bpm is not None and bpm < self.slower_than_bpm:
            return f"is not for a track slower than {self.slower_than_bpm:g} bpm: this one has {bpm:.4g}"
        if bpm is not None and self.faster_than_bpm is not None and bpm > self.faster_than_bpm:
            return f"is not for a track faster than {self.faster_than_bpm:g} bpm: this one has {bpm:.4g}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A mix, effects and rules under one name, which is its file's, of a-z, 0-9 and single hyphens.

    Attributes:
        racks: those of one place are its layers, in order.
        gain_db: beside all that, so that it is as loud as the artist's own mix.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...] = ()
    mix: Mix = NEUTRAL
    racks: tuple[Rack, ...] = ()
    rules: Rules = Rules()
    not_for: NotFor = NotFor()
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        check_preset_name(self.name)
        for rack in self.matched_racks:
            if len(rack.chain) > CHAIN_MAX:
                gain = ", its gain among them" if self.gain_db and rack.on == MASTER else ""
                raise InvalidInput(
                    f"{len(rack.chain)} effects in a row on {rack.on}{gain}: at most {CHAIN_MAX} are played"
                )
        for place in PLACES:
            layers = [rack.share for rack in self.racks if rack.on == place]
            if len(layers) > LAYERS_MAX:
                raise InvalidInput(f"{len(layers)} racks on {place}: at most {LAYERS_MAX} are held")
            if sum(layers) > 1.0 + 1e-9:
                raise InvalidInput(
                    f"the shares of the racks on {place} are {sum(layers):g} together, above 1"
                )

    @property
    def has_master_rack(self) -> bool:
        """Whether any of its effects is on all that sounds: then its gain is the last of them."""
        return any(rack.on == MASTER for rack in self.racks)

    @property
    def matched_racks(self) -> tuple[Rack, ...]:
        """Its racks, the gain in them if it has any on the master."""
        if not self.gain_db:
            return self.racks
        gain = EFFECTS["gain"].element({"gain_db": self.gain_db})
        return tuple(
            Rack(on=rack.on, chain=(*rack.chain, gain), share=rack.share) if rack.on == MASTER else rack
            for rack in self.racks
        )

    def to_json(self) -> dict[str, Any]:
        """All of it in JSON's types; `mix` has what differs from the artist's own."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "gain_db": self.gain_db,
            "mix": dict(self.mix.values_by_name),
            "racks": [
                {"on": rack.on, "share": rack.share, "chain": [dict(element) for element in rack.chain]}
                for rack in self.racks
            ],
            "rules": {name: getattr(self.rules, name) for name in Rules.__slots__},
            "not_for": {
                name: list(value) if isinstance(value, tuple) else value
                for name in NotFor.__slots__
                if (value := getattr(self.not_for, name)) not in ((), None)
            },
        }

    def to_toml(self) -> dict[str, Any]:
        """The document that `read_preset` reads; without its name, which is the file's."""
        plain = self.to_json()
        document = {key: plain[key] for key in ("title", "description", "tags", "gain_db", "mix")}
        document["rack"] = [
            {"on": rack.on, **_layer(number, rack.share), **_element_to_toml(element)}
            for place in PLACES
            for number, rack in enumerate((rack for rack in self.racks if rack.on == place), start=1)
            for element in rack.chain
        ]
        document["rules"] = plain["rules"]
        document["not_for"] = plain["not_for"]
        return {key: value for key, value in document.items() if value or key in REQUIRED}


def check_preset_name(name: str) -> str:
    """The name as it is. Raises InvalidInput for one that no file of a preset has."""
    if not _NAME.fullmatch(name) or len(name) > 64:
        shown = printable(name[:80])
        raise InvalidInput(f"{shown!r} is not a preset's name: a-z, 0-9 and hyphens", field="name")
    return name


def _layer(number: int, share: float) -> dict[str, Any]:
    return {"layer": number, "share": share} if number > 1 or share < 1.0 else {}


def _element_to_toml(element: Mapping[str, Any]) -> dict[str, Any]:
    if element["effect"] == PLUGIN:
        return {key: value for key, value in element.items() if value not in ("", {})}
    return {key: beats_text(value) if key == "beats" else value for key, value in element.items()}


def merged(values: Mapping[str, float]) -> Mix:
    """The mix of these values."""
    return Mix(MappingProxyType(dict(values)))
