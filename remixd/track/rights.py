"""What may be done to a work: the `[rights]` of `track.toml`.

    [rights]
    tempo = [0.9, 1.1]              # the least and greatest value of any dimension
    vocals_solo = false             # whether vocals may be heard alone
    never_mute = ["drums"]          # roles that always sound
    mash_ups = false                # whether its vocals may be carried by another work's band, and so on
    export = "with-credit"          # or "free"; "no": it is not rendered to a file
    territories = ["KR", "JP"]      # kept and shown; nothing acts on these yet
    languages = ["ko"]              # those that a listener may choose

What is absent is as `DEFAULT_RIGHTS` has it. Lowered to a flat clamp that the engine enforces too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from remixd.errors import nearest
from remixd.mix import DIMENSIONS
from remixd.track.fields import Fields, printable
from remixd.units import OFF_DB, STEM_ROLES, StemRole

Export = Literal["free", "with-credit", "no"]
EXPORTS: Final[tuple[Export, ...]] = ("free", "with-credit", "no")

DEFAULT_RANGES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"tempo": (0.8, 1.25), "pitch": (-3.0, 3.0)}
)
VOCALS_ABOVE_DB: Final = 12.0
"""How far vocals may stand above the loudest other stem role where they may not be isolated."""

NEVER_MUTE_DB: Final = -24.0
"""The least level of a role that may never be muted: where taste space ends (`remixd.mix`), still there."""

NAMES: Final = ("vocals_solo", "never_mute", "mash_ups", "export", "territories", "languages")
"""The keys of `[rights]` beside the dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The rights of one track.

    Attributes:
        ranges: the least and greatest value of a dimension; the table's own range where absent. The artist's
            own mix is inside.
        vocals_solo: whether vocals may be isolated. If not, they are held within `VOCALS_ABOVE_DB`
            of the loudest other role that the track has.
        never_mute: roles that never go below `NEVER_MUTE_DB`.
        mash_ups: whether its vocals may stand over the band of another work, and its band under theirs.
        export: whether what was made of it may leave the machine.
        territories, languages: where, and in which languages, it may be used; empty for all.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=lambda: DEFAULT_RANGES)
    vocals_solo: bool = False
    never_mute: tuple[StemRole, ...] = ()
    mash_ups: bool = False
    export: Export = "with-credit"
    territories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def range(self, name: str) -> tuple[float, float]:
        """The allowed values of a dimension: its rights, inside the table's own range."""
        row = DIMENSIONS[name]
        low, high = self.ranges.get(name, (row.minimum, row.maximum))
        if name in self.never_mute:
            low = max(low, NEVER_MUTE_DB)
        return max(low, row.minimum), min(high, row.maximum)

    def vocals_most_db(self, levels_db: Mapping[str, float], roles: Collection[str]) -> float:
        """The most that vocals may be, in dB, beside the other roles of a track at these levels."""
        others = [levels_db[role] for role in roles if role != "vocals"]
        if self.vocals_solo or not others:
            return DIMENSIONS["vocals"].maximum
        loudest = max(others)
        return OFF_DB if loudest <= OFF_DB else loudest + VOCALS_ABOVE_DB

    def problem(self, roles: Collection[str]) -> str:
        """Why the rights cannot be kept with the roles that a track plays; empty if they can."""
        for role in self.never_mute:
            if role not in roles:
                return f"never_mute names {role}, but the track plays {', '.join(roles)}"
        alone = self.vocals_solo or set(roles) == {"vocals"}
        if self.never_mute == ("vocals",) and not alone:
            return (
                "never_mute names vocals alone, which may not be heard alone: name another role too, "
                "or let vocals_solo be true"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """All of it in JSON's types; `ranges` has every dimension."""
        return {
            "ranges": {name: list(self.range(name)) for name in DIMENSIONS},
            "vocals_solo": self.vocals_solo,
            "never_mute": list(self.never_mute),
            "mash_ups": self.mash_ups,
            "export": self.export,
            "territories": list(self.territories),
            "languages": list(self.languages),
        }

    def to_toml(self) -> dict[str, Any]:
        """The table that `read_rights` reads: what differs from the default."""
        changed = {
            name: list(bounds) for name, bounds in self.ranges.items() if DEFAULT_RANGES.get(name) != bounds
        }
        for name in NAMES:
            value = getattr(self, name)
            if value != getattr(DEFAULT_RIGHTS, name):
                changed[name] = list(value) if isinstance(value, tuple) else value
        return changed


DEFAULT_RIGHTS: Final = Rights()


def read_rights(fields: Fields) -> Rights:
    """Read a `[rights]` table. Raises InvalidInput, naming the file and the key."""
    ranges = dict(DEFAULT_RANGES)
    for name in fields.names():
        if name in DIMENSIONS:
            ranges[name] = _range(fields, name)
        elif name not in NAMES:
            raise fields.fail(name, f"is no right: {nearest(name, (*NAMES, *DIMENSIONS))}")
    export = fields.text("export", DEFAULT_RIGHTS.export)
    if export not in EXPORTS:
        raise fields.fail("export", f"is {printable(export)!r}, not one of {', '.join(EXPORTS)}")
    never_mute = fields.texts("never_mute")
    for index, role in enumerate(never_mute):
        if role not in STEM_ROLES:
            raise fields.fail(f"never_mute[{index}]", f"is {printable(role)!r}: {nearest(role, STEM_ROLES)}")
    return Rights(
        ranges=MappingProxyType(ranges),
        vocals_solo=fields.flag("vocals_solo", DEFAULT_RIGHTS.vocals_solo),
        never_mute=tuple(role for role in STEM_ROLES if role in never_mute),
        mash_ups=fields.flag("mash_ups", DEFAULT_RIGHTS.mash_ups),
        export=export,
        territories=fields.texts("territories"),
        languages=fields.texts("languages"),
    )


def _range(fields: Fields, name: str) -> tuple[float, float]:
    row = DIMENSIONS[name]
    bounds = fields.numbers(name, row.minimum, row.maximum)
    if len(bounds) != 2:
        raise fields.fail(name, f"has {len(bounds)} numbers, not a least and a greatest")
    if not bounds[0] <= row.neutral <= bounds[1]:
        raise fields.fail(
            name,
            f"goes from {bounds[0]:g} to {bounds[1]:g}, which leaves out {row.neutral:g}, the artist's own",
        )
    return bounds[0], bounds[1]
