"""Plans of presets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from remixd.client import _convert as convert
from remixd.client import _preset_convert
from remixd.client._preset_types import Preset
from remixd.client._steps import Ask, Plan
from remixd.client._types import Answer
from remixd.client._watching import DIRECTED_TIMEOUT_S, WatchingPlans, outcome
from remixd.director.blend import parse_weights
from remixd.mix import When
from remixd.v1 import presets_pb2

PAGE_SIZE: Final = 500


def weights_of(presets: str | Mapping[str, float]) -> dict[str, float]:
    """Weights by name, of a text as `NAME[:WEIGHT],...` too. Raises InvalidInput for another form."""
    return parse_weights(presets) if isinstance(presets, str) else dict(presets)


class PresetPlans(WatchingPlans):
    """Those of presets."""

    __slots__ = ()

    def presets(self) -> Plan[list[Preset]]:
        """The presets that the daemon can read, in the order of their names."""
        found: list[Preset] = []
        request = presets_pb2.ListPresetsRequest(page_size=PAGE_SIZE)
        while True:
            response = yield Ask("Presets", "ListPresets", request, self.timeout_s)
            found += [_preset_convert.preset(message) for message in response.presets]
            if not response.next_page_token:
                return found
            request.page_token = response.next_page_token

    def preset(self, name: str) -> Plan[Preset]:
        """One preset. Raises NotFound with the nearest; InvalidInput, naming line and key, if broken."""
        request = presets_pb2.GetPresetRequest(preset=name)
        response = yield Ask("Presets", "GetPreset", request, self.timeout_s)
        return _preset_convert.preset(response.preset)

    def pick(
        self,
        session: str,
        presets: str | Mapping[str, float],
        *,
        over_bars: float | None = None,
        at: When | None = None,
        wait: bool = False,
    ) -> Plan[Answer]:
        """Go to other presets in a session, and with `wait` stay until they are in the sound.

        Args:
            session: its id.
            presets: a name, "NAME[:WEIGHT],...", or weights by name, 0 to 1. Above 1 together they are scaled
                down; what is left of 1 is the artist's own mix.
            over_bars: how long the way takes; None for at once, in a directed session for a bar.
            at: when it begins; None for when the presets would have it. Directed it is the next phrase.
            wait: whether to stay.

        Raises NotFound for an unknown preset; Unavailable as `signal` does.
        """
        request = presets_pb2.PickPresetsRequest(
            session=session, id=uuid.uuid4().hex, weights=weights_of(presets), over_bars=over_bars,
            at=None if at is None else convert.when_to_proto(at),
        )  # fmt: skip
        events = (yield self._waiting(session, max(self.timeout_s, DIRECTED_TIMEOUT_S))) if wait else None
        response = yield Ask("Presets", "PickPresets", request, self.timeout_s)
        answer = convert.answer(response.answer)
        return (yield from outcome(events, answer)) if wait and answer.accepted else answer

    def save_preset(
        self, session: str, name: str, *, title: str = "", description: str = "", replace: bool = False
    ) -> Plan[Preset]:
        """Save what a session sounds like now as a preset of the user's own.

        Raises InvalidInput for a name that is none, AlreadyExists for one that is taken, unless it is one of
        the user's own that it may `replace`.
        """
        request = presets_pb2.SavePresetRequest(
            session=session, name=name, title=title, description=description, replace=replace,
            request_id=uuid.uuid4().hex,
        )  # fmt: skip
        response = yield Ask("Presets", "SavePreset", request, self.timeout_s)
        return _preset_convert.preset(response.preset)

    def delete_preset(self, name: str) -> Plan[None]:
        """Delete a preset of the user's own; sessions that stand in it go on as they are.

        Raises NotFound with the nearest, InvalidInput for one that comes with remixd.
        """
        request = presets_pb2.DeletePresetRequest(preset=name)
        yield Ask("Presets", "DeletePreset", request, self.timeout_s)
