"""The Presets service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic_ns
from typing import Any

from google.protobuf.struct_pb2 import Struct

from remixd.api import audience_convert
from remixd.api.auth import calling
from remixd.api.decks import ROLE_TO_PROTO, when_from_proto
from remixd.api.masks import check_mask, masked
from remixd.api.pages import cut_page
from remixd.api.repeats import Repeats
from remixd.api.status import Context
from remixd.audience.signal import check_name
from remixd.control.presets import Pick
from remixd.control.sessions import Sessions as Registry
from remixd.director.preset import Preset
from remixd.director.preset_files import delete_preset, load_preset, load_presets, preset_names
from remixd.v1 import common_pb2, presets_pb2_grpc
from remixd.v1 import presets_pb2 as pb


def preset_to_proto(preset: Preset) -> pb.Preset:
    """A preset in full."""
    rules, not_for = preset.rules, preset.not_for
    return pb.Preset(
        name=preset.name,
        title=preset.title,
        description=preset.description,
        tags=preset.tags,
        mix=dict(preset.mix.values_by_name),
        racks=[
            pb.Rack(on=rack.on, share=rack.share, effects=[_effect_to_proto(each) for each in rack.chain])
            for rack in preset.racks
        ],
        gain_db=preset.gain_db,
        rules=pb.PresetRules(
            when=f"WHEN_{rules.when.upper()}", explores=rules.explores, cadence_lock=rules.cadence_lock
        ),
        not_for=pb.PresetNotFor(
            without=[number for role, number in ROLE_TO_PROTO.items() if role in not_for.without],
            without_rights=not_for.without_rights,
            slower_than_bpm=not_for.slower_than_bpm,
            faster_than_bpm=not_for.faster_than_bpm,
        ),
    )


def _effect_to_proto(element: Mapping[str, Any]) -> pb.RackEffect:
    parameters = Struct()
    parameters.update({name: value for name, value in element.items() if name != "effect"})
    return pb.RackEffect(effect=element["effect"], parameters=parameters)


class PresetsServicer(presets_pb2_grpc.PresetsServicer):
    """Translates between the wire, the presets and the sessions. Thread: [control]."""

    def __init__(self, sessions: Registry) -> None:
        self._sessions = sessions
        self._repeats = Repeats[pb.SavePresetResponse]()

    async def ListPresets(  # noqa: N802 (the proto's name)
        self, request: pb.ListPresetsRequest, _context: Context
    ) -> pb.ListPresetsResponse:
        """List the presets in the order of their names; other calls are answered meanwhile."""
        mask = check_mask(request.read_mask, pb.Preset)
        names = await asyncio.to_thread(preset_names)
        page, token = cut_page(names, lambda name: (name,), request.page_size, request.page_token)
        found, problems = await asyncio.to_thread(load_presets, names=page)
        told = [masked(preset_to_proto(preset), mask) for preset in found]
        return pb.ListPresetsResponse(presets=told, next_page_token=token, problems=problems)

    async def GetPreset(  # noqa: N802
        self, request: pb.GetPresetRequest, _context: Context
    ) -> pb.GetPresetResponse:
        """Tell one preset in full."""
        mask = check_mask(request.read_mask, pb.Preset)
        preset = load_preset(check_name("preset", request.preset))
        return pb.GetPresetResponse(preset=masked(preset_to_proto(preset), mask))

    async def PickPresets(  # noqa: N802
        self, request: pb.PickPresetsRequest, _context: Context
    ) -> pb.PickPresetsResponse:
        """Go to a blend of presets."""
        came_ns = monotonic_ns()
        session = self._sessions.get(check_name("session", request.session))
        pick = Pick(
            id=request.id,
            weights={check_name("weights", name): value for name, value in request.weights.items()},
            over_bars=request.over_bars if request.HasField("over_bars") else None,
            at=when_from_proto("at", request.at) if request.at != common_pb2.WHEN_UNSPECIFIED else None,
        )
        answer = self._sessions.pick(session, pick)
        if answer.accepted:
            session.flight.marks.receive(came_ns, [answer.id])
        return pb.PickPresetsResponse(answer=audience_convert.answer_to_proto(answer))

    async def SavePreset(  # noqa: N802
        self, request: pb.SavePresetRequest, _context: Context
    ) -> pb.SavePresetResponse:
        """Save what a session sounds like."""
        return await self._repeats.once(request, calling().sub or "", lambda: self._save(request))

    async def _save(self, request: pb.SavePresetRequest) -> pb.SavePresetResponse:
        session = self._sessions.get(check_name("session", request.session))
        preset, path = self._sessions.picking.save(
            session,
            request.name,
            title=request.title,
            description=request.description,
            replace=request.replace,
        )
        return pb.SavePresetResponse(preset=preset_to_proto(preset), path=str(path))

    async def DeletePreset(  # noqa: N802
        self, request: pb.DeletePresetRequest, _context: Context
    ) -> pb.DeletePresetResponse:
        """Delete a preset of the user's own."""
        delete_preset(check_name("preset", request.preset))
        return pb.DeletePresetResponse()
