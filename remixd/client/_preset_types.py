"""What the client answers with about presets: frozen and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """Effects in a row at a place.

    Attributes:
        on: "master", "deck" (each), or a role of stems.
        share: of the sound there, 0 to 1; the rest is dry, or of other racks.
        chain: each effect: its name under "effect", and its parameters, with the unit in the name.
    """

    on: str
    share: float
    chain: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A mix, effects and rules under one name.

    Attributes:
        mix: the dimensions in which it is not the artist's own mix, in their units.
        gain_db: what makes it as loud as that.
        when: the mark at which it comes, where nobody says when.
        explores: whether the director may try something else out.
        cadence_lock: whether the tempo is the listener's steps.
        not_for: what it must not be used on: `without` roles, `without_rights`, `slower_than_bpm`,
            `faster_than_bpm`.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    mix: Mapping[str, float]
    racks: tuple[Rack, ...]
    gain_db: float
    when: str
    explores: bool
    cadence_lock: bool
    not_for: Mapping[str, Any]
