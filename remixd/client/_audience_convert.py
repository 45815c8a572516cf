"""Audiences between the client's types and the wire."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from remixd.audience.signal import REACTIONS, Signal
from remixd.client import _audience_types as types
from remixd.client._convert import in_order, when_to_proto
from remixd.errors import NotFound, nearest
from remixd.v1 import audience_pb2 as pb
from remixd.v1 import common_pb2

CONSENTS: Final[Mapping[str, pb.Consent]] = {"session": pb.CONSENT_SESSION, "taste": pb.CONSENT_TASTE}


def _time(age_s: float) -> Timestamp | None:
    if not age_s:
        return None
    at = Timestamp()
    at.FromNanoseconds(time.time_ns() - round(age_s * 1e9))
    return at


def _consent(consent: str) -> pb.Consent:
    if consent not in CONSENTS:
        raise NotFound(
            f"there is no consent {consent!r}: {nearest(consent, CONSENTS)}", kind="consent", name=consent
        )
    return CONSENTS[consent]


def signal_to_proto(signal: Signal | types.Said) -> pb.Signal:
    """What a fan expressed. Raises NotFound for a time or a consent that is none."""
    message = pb.Signal(
        id=signal.id, fan=signal.fan, at=when_to_proto(signal.at), time=_time(signal.age_s),
        consent=_consent(signal.consent), verified=signal.verified,
    )  # fmt: skip
    if isinstance(signal, types.Said):
        message.text, message.emoji = signal.text, signal.emoji
        return message
    wishes = [common_pb2.Wish(dimension=name, value=value) for name, value in signal.wishes.items()]
    message.wishes.extend(wishes)
    message.directions.extend(
        pb.Direction(dimension=name, steps=steps) for name, steps in signal.directions.items()
    )
    message.choices.update(signal.choices)
    if signal.reaction:
        message.reaction = REACTIONS.index(signal.reaction) + 1  # type: ignore[assignment]  # its number
        message.amount = signal.amount
    return message


def taste(message: pb.Taste) -> types.Taste:
    """What is believed of one fan."""
    return types.Taste(
        fan=message.fan,
        values=in_order(message.values),
        certainty=in_order(message.certainty),
        signals=message.signals,
        consent="taste" if message.consent == pb.CONSENT_TASTE else "session",
        exploring=message.exploring,
    )


def explanations(messages: Iterable[pb.Explanation]) -> list[types.Explanation]:
    """Why each dimension is as it is."""
    return [
        types.Explanation(
            dimension=message.dimension,
            value=message.value,
            wanted=message.wanted,
            centre=message.centre,
            reasons=tuple(
                types.Reason(what=reason.what, change=reason.change, signals=tuple(reason.signals))
                for reason in message.reasons
            ),
            held_by=message.held_by,
            because=message.because,
        )
        for message in messages
    ]


def forgotten(message: pb.ForgetFanResponse) -> types.Forgotten:
    """What was dropped of a fan."""
    return types.Forgotten(
        sessions=message.sessions, signals=message.signals, taste=message.taste, remains=message.remains
    )


def crowd(message: pb.Crowd) -> types.Crowd:
    """What a crowd wants."""
    return types.Crowd(
        fans=message.fans,
        dimensions=tuple(
            types.CrowdDimension(
                dimension=each.dimension,
                fans=each.fans,
                wanted=each.wanted,
                how=each.how,
                peaks=tuple(each.peaks),
                histogram=tuple(each.histogram),
                held_by=each.held_by,
            )
            for each in message.dimensions
        ),
        alarms=tuple(message.alarms),
        polls={name: dict(sorted(poll.shares.items())) for name, poll in sorted(message.polls.items())},
    )


def planned(messages: Iterable[pb.PlannedMove]) -> list[types.PlannedMove]:
    """The moves of a dry run."""
    return [
        types.PlannedMove(
            sample=message.sample,
            dimension=message.dimension,
            before=message.before,
            value=message.value,
            because=message.because,
        )
        for message in messages
    ]
