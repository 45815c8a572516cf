"""Plans of audiences."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from remixd.audience.signal import Consent, Reaction, Signal
from remixd.client import _audience_convert as convert
from remixd.client._audience_types import Crowd, Explanation, Forgotten, PlannedMove, Said, Taste
from remixd.client._convert import answer as answer_from_proto
from remixd.client._preset_plans import PresetPlans
from remixd.client._steps import Ask, Plan
from remixd.client._types import Answer
from remixd.client._watching import DIRECTED_TIMEOUT_S, outcome
from remixd.errors import InvalidInput
from remixd.mix import When
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import sessions_pb2

NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class AudiencePlans(PresetPlans):
    """Those of audiences."""

    __slots__ = ()

    def send(self, session: str, signals: Iterable[Signal | Said]) -> Plan[list[Answer]]:
        """Send a batch of at most 1024 signals; one answer each, in their order."""
        request = pb.SendSignalsRequest(session=session, signals=map(convert.signal_to_proto, signals))
        response = yield Ask("Audience", "SendSignals", request, self.timeout_s)
        return [answer_from_proto(message) for message in response.answers]

    def signal(
        self,
        session: str,
        wishes: Mapping[str, float] = NONE,
        *,
        directions: Mapping[str, float] = NONE,
        choices: Mapping[str, str] = NONE,
        reaction: Reaction | Literal[""] = "",
        amount: float = 0.0,
        text: str = "",
        emoji: str = "",
        fan: str = "",
        consent: Consent = "session",
        verified: bool = False,
        at: When = "now",
        wait: bool = False,
    ) -> Plan[Answer]:
        """Send one signal, and with `wait` stay until it is in the sound.

        It holds wishes and directions; or else one choice, one reaction, one text or one emoji.

        Args:
            session: its id.
            wishes: values of dimensions, in their units.
            directions: steps more, or below 0 less, of dimensions than is heard.
            choices: `language`, `version` (master or stems), `preset`, `section`, or an option of a poll.
            reaction: `like`, `love`, `dislike`, `skip`, `replay`, `better`, `worse`; or, with an amount,
                `dwell` (s), `volume` (dB), `cadence` (steps a minute), `explore` (0 or 1).
            amount: of such a reaction.
            text: such as "more dreamy, less drums", in English or Korean.
            emoji: one of the table in the README.
            fan: who it comes from.
            consent: what may be kept of it: "session" or "taste".
            verified: whether you vouch for the fan being one person.
            at: now or, in a hands-on session, the next beat, bar, phrase or section.
            wait: whether to stay.

        Raises NotFound for an unknown dimension or reaction, InvalidInput for a value that is not finite;
        Unavailable if an accepted signal is not heard of again within the client's `timeout_s` or, where it
        waits for the music, within `DIRECTED_TIMEOUT_S`, and if answers were missed meanwhile.
        """
        signal: Signal | Said
        if text or emoji:
            if wishes or directions or choices or reaction:
                raise InvalidInput("a text or an emoji comes in a signal of its own", field="text")
            signal = Said(
                id=uuid.uuid4().hex, fan=fan, text=text, emoji=emoji, at=at, consent=consent,
                verified=verified,
            )  # fmt: skip
        else:
            signal = Signal(
                id=uuid.uuid4().hex, fan=fan, wishes=wishes, directions=directions, choices=choices,
                reaction=reaction, amount=amount, at=at, consent=consent, verified=verified,
            )  # fmt: skip
        convert.signal_to_proto(signal)
        if not wait:
            return (yield from self.send(session, [signal]))[0]
        is_slow = at != "now" or choices or (yield from self._is_directed(session))
        patience_s = max(self.timeout_s, DIRECTED_TIMEOUT_S) if is_slow else self.timeout_s
        events = yield self._waiting(session, patience_s)
        answer = (yield from self.send(session, [signal]))[0]
        return (yield from outcome(events, answer)) if answer.accepted else answer

    def _is_directed(self, session: str) -> Plan[bool]:
        request = sessions_pb2.GetSessionRequest(session=session)
        response = yield Ask("Sessions", "GetSession", request, self.timeout_s)
        return bool(response.session.mode == sessions_pb2.SESSION_MODE_DIRECTED)

    def taste(self, session: str, fan: str) -> Plan[Taste]:
        """What is believed of one fan. Raises NotFound for one of whom nothing is known."""
        request = pb.GetTasteRequest(session=session, fan=fan)
        return convert.taste((yield Ask("Audience", "GetTaste", request, self.timeout_s)).taste)

    def explain(self, session: str, fan: str = "") -> Plan[list[Explanation]]:
        """Why each dimension of the mix is as it is; for one fan, or for all together."""
        request = pb.ExplainMixRequest(session=session, fan=fan)
        response = yield Ask("Audience", "ExplainMix", request, self.timeout_s)
        return convert.explanations(response.explanations)

    def undo(self, session: str, fan: str, signal: str) -> Plan[list[Explanation]]:
        """Take a signal back, as if it had never come; why the mix is as it is then.

        Raises NotFound if the fan sent none of this id, InvalidInput if it is too old.
        """
        request = pb.UndoSignalRequest(session=session, fan=fan, signal=signal)
        response = yield Ask("Audience", "UndoSignal", request, self.timeout_s)
        return convert.explanations(response.explanations)

    def forget_fan(self, fan: str) -> Plan[Forgotten]:
        """Forget a fan in every session of the daemon, and the taste that was kept."""
        request = pb.ForgetFanRequest(fan=fan)
        return convert.forgotten((yield Ask("Audience", "ForgetFan", request, self.timeout_s)))

    def crowd(self, session: str) -> Plan[Crowd]:
        """What the crowd of a session wants, from 50 fans up; else `hidden` says why it is not shown."""
        request = pb.GetCrowdRequest(session=session)
        response = yield Ask("Audience", "GetCrowd", request, self.timeout_s)
        if not response.HasField("crowd"):
            return Crowd(hidden=response.reason or "it is not shown")
        return convert.crowd(response.crowd)

    def plan(
        self, session: str, signals: Iterable[Signal | Said] = (), *, bars: int = 8
    ) -> Plan[list[PlannedMove]]:
        """Where the mix would go in the next 1 to 64 bars, if these signals came now; nothing is heard of it.

        Raises InvalidInput for a signal that cannot be used, and where no director moves the mix.
        """
        messages = map(convert.signal_to_proto, signals)
        try:
            request = pb.PlanMixRequest(session=session, signals=messages, bars=bars)
        except ValueError as error:
            raise InvalidInput(f"bars cannot be sent: {error}", field="bars") from None
        return convert.planned((yield Ask("Audience", "PlanMix", request, self.timeout_s)).moves)
