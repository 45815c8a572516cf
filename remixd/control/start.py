"""How a session begins. Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remixd.control.command import Clamp, lower
from remixd.control.decks import OPEN
from remixd.control.sink import Sink
from remixd.director.preset import Preset
from remixd.errors import InvalidInput
from remixd.mix import NEUTRAL
from remixd.track.package import Track
from remixd.units import STEM_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a session begins.

    Attributes:
        track: what plays at once on deck A; None for empty decks.
        mix: the preset's, as far as rights and roles allow, by dimension.
        clamps: what they did not allow.
    """

    track: Track | None
    sink: Sink
    is_directed: bool
    preset: str
    mix: Mapping[str, float]
    clamps: tuple[Clamp, ...]

    @classmethod
    def of(cls, track: Track | None, preset: Preset, sink: Sink, *, is_directed: bool) -> Start:
        """Start a track, or empty decks, from a preset. Raises InvalidInput if there is nothing to direct."""
        if track is None and is_directed:
            raise InvalidInput("a directed session needs a track", field="track")
        rights, roles = (track.rights, track.roles) if track else (OPEN, STEM_ROLES)
        lowered = lower(preset.mix.values_by_name, NEUTRAL, rights, roles)
        mix = {**NEUTRAL, **lowered.values}
        return cls(track=track, sink=sink, is_directed=is_directed, preset=preset.name, mix=mix,
                   clamps=lowered.clamps)  # fmt: skip
