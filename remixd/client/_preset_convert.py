"""Presets from the wire to the client's types."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict

from remixd.client import _preset_types as types
from remixd.client._convert import AT, ROLES
from remixd.mix import DIMENSIONS
from remixd.v1 import presets_pb2


def preset(message: presets_pb2.Preset) -> types.Preset:
    """A preset in full."""
    return types.Preset(
        name=message.name,
        title=message.title,
        description=message.description,
        tags=tuple(message.tags),
        mix={name: message.mix[name] for name in DIMENSIONS if name in message.mix},
        racks=tuple(_rack(rack) for rack in message.racks),
        gain_db=message.gain_db,
        when=next((word for word, when in AT.items() if when == message.rules.when), "now"),
        explores=message.rules.explores,
        cadence_lock=message.rules.cadence_lock,
        not_for=_not_for(message.not_for),
    )


def _rack(message: presets_pb2.Rack) -> types.Rack:
    return types.Rack(
        on=message.on,
        share=message.share,
        chain=tuple({"effect": each.effect, **MessageToDict(each.parameters)} for each in message.effects),
    )


def _not_for(message: presets_pb2.PresetNotFor) -> dict[str, Any]:
    told: dict[str, Any] = {
        "without": tuple(role for role, number in ROLES.items() if number in message.without),
        "without_rights": tuple(message.without_rights),
    }
    for name in ("slower_than_bpm", "faster_than_bpm"):
        told[name] = getattr(message, name) if message.HasField(name) else None
    return {name: value for name, value in told.items() if value not in ((), None)}
