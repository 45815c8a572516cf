"""The audience between the wire and the domain: one function a message, nothing decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from remixd.api.convert import clamp_to_proto
from remixd.api.decks import when_from_proto
from remixd.audience.signal import (
    CONSENTS,
    NOTHING,
    REACTIONS,
    Consent,
    Reaction,
    Signal,
    check_name,
    check_wish,
)
from remixd.audience.told import CrowdTold, Explained, Forgotten, PlannedMove, TasteTold
from remixd.audience.words import Understood, read_emoji, read_text
from remixd.control.command import Answer
from remixd.errors import Forbidden, InvalidInput, RemixdError
from remixd.mix import DIMENSIONS
from remixd.v1 import audience_pb2 as pb

MoodOf = Callable[[str], str | None]
"""Tells the name of the mood that a text is similar to, or None."""

Whose = Callable[[pb.Signal], tuple[str, bool]]
"""Tells the name of the fan who sent a signal, and whether it is vouched for that this is one person."""

CONSENT_TO_PROTO: Final[Mapping[str, pb.Consent]] = {
    "session": pb.CONSENT_SESSION,
    "taste": pb.CONSENT_TASTE,
}
_SECOND_NS: Final = 1_000_000_000


def as_sent(message: pb.Signal) -> tuple[str, bool]:
    """Who sent a signal as it says itself."""
    return message.fan, message.verified


def _reaction(number: int) -> Reaction:
    if not 1 <= number <= len(REACTIONS):
        raise InvalidInput(f"reaction is {number}, which is none", field="reaction")
    return REACTIONS[number - 1]


def _consent(number: int) -> Consent:
    if not 0 <= number <= len(CONSENTS):
        raise InvalidInput(f"consent is {number}, which is none", field="consent")
    return CONSENTS[max(number - 1, 0)]


def _age_s(message: pb.Signal, now_s: float) -> float:
    if not 0 <= message.time.nanos < _SECOND_NS:
        raise InvalidInput(f"time.nanos is {message.time.nanos}, which is none", field="time")
    return now_s - message.time.seconds - message.time.nanos / _SECOND_NS


def _understood(message: pb.Signal, mood_of: MoodOf | None) -> Understood:
    """What a text or an emoji says."""
    others = message.wishes, message.directions, message.choices, message.reaction, message.amount
    if any(others) or (message.text and message.emoji):
        raise InvalidInput("a text or an emoji comes in a signal of its own", field="text")
    return read_text(message.text, mood_of) if message.text else read_emoji(message.emoji)


def _signal_from_proto(message: pb.Signal, now_s: float, mood_of: MoodOf | None, whose: Whose) -> Signal:
    """What a fan expressed. The path of most signals: what it raises need not name the field."""
    fan, verified = whose(message)
    if message.text or message.emoji:
        said = _understood(message, mood_of)
        return Signal(
            id=message.id, fan=fan, wishes=said.wishes, directions=said.directions,
            reaction=said.reaction, understood=said.words, at=when_from_proto("at", message.at),
            age_s=_age_s(message, now_s) if message.HasField("time") else 0.0,
            consent=_consent(message.consent), verified=verified,
        )  # fmt: skip
    wished, turned = message.wishes, message.directions
    wishes = {wish.dimension: wish.value for wish in wished} if wished else NOTHING
    directions = {each.dimension: each.steps for each in turned} if turned else NOTHING
    if len(wishes) != len(wished) or len(directions) != len(turned):
        raise InvalidInput("a dimension is wished twice")
    return Signal(
        id=message.id,
        fan=fan,
        wishes=wishes,
        directions=directions,
        choices=message.choices,
        reaction=_reaction(message.reaction) if message.reaction else "",
        amount=message.amount,
        at=when_from_proto("at", message.at) if message.at else "now",
        age_s=_age_s(message, now_s) if message.HasField("time") else 0.0,
        consent=_consent(message.consent) if message.consent else "session",
        verified=verified,
    )


def _check_dimensions(where: str, pairs: Iterable[tuple[str, float]], value: str) -> None:
    names: set[str] = set()
    for index, (name, number) in enumerate(pairs):
        if name in names:
            raise InvalidInput(f"{where}[{index}].dimension: {name} is wished twice")
        names.add(name)
        try:
            check_wish(name, number)
        except InvalidInput as error:
            raise InvalidInput(f"{where}[{index}].{value}: {error}") from None
        except RemixdError as error:
            raise InvalidInput(f"{where}[{index}].dimension: {error}") from None


def _named(field: str, message: pb.Signal, error: RemixdError) -> RemixdError:
    """The same error, or an earlier one of the same signal, that names the field which is at fault."""
    try:
        check_name(f"{field}.id", message.id)
        check_name(f"{field}.fan", message.fan, required=False)
        wishes = ((wish.dimension, wish.value) for wish in message.wishes)
        directions = ((each.dimension, each.steps) for each in message.directions)
        _check_dimensions(f"{field}.wishes", wishes, "value")
        _check_dimensions(f"{field}.directions", directions, "steps")
    except InvalidInput as named:
        return named
    return InvalidInput(f"{field}.{error}")


def signals_from_proto(
    messages: Iterable[pb.Signal],
    mood_of: MoodOf | None = None,
    now_s: float | None = None,
    whose: Whose = as_sent,
) -> Iterator[Signal | pb.Answer]:
    """Every signal of a batch, in order, one by one; in the place of one that cannot be used, its refusal.

    Args:
        messages: the signals.
        mood_of: asked about texts for which the vocabulary does not suffice.
        now_s: the time, in seconds of the epoch; the machine's if None.
        whose: tells who sent a signal, and whether that is vouched for.

    Raises Forbidden if a signal is not its sender's to send.
    """
    now_s = time.time() if now_s is None else now_s
    first: dict[str, int] = {}
    for index, message in enumerate(messages):
        try:
            if first.setdefault(message.id, index) != index:
                raise InvalidInput(f"id is that of signals[{first[message.id]}]")
            yield _signal_from_proto(message, now_s, mood_of, whose)
        except Forbidden:
            raise
        except RemixdError as error:
            reason = str(_named(f"signals[{index}]", message, error))
            yield pb.Answer(id=message.id, reason=reason)


def usable_signals(
    messages: Iterable[pb.Signal], mood_of: MoodOf | None = None, whose: Whose = as_sent
) -> list[Signal]:
    """Every signal of a batch. Raises InvalidInput, naming the field, if one cannot be used."""
    signals: list[Signal] = []
    for signal in signals_from_proto(messages, mood_of, whose=whose):
        if not isinstance(signal, Signal):
            raise InvalidInput(signal.reason, field="signals")
        signals.append(signal)
    return signals


def answer_to_proto(answer: Answer, understood: str = "") -> pb.Answer:
    """What will become of a signal."""
    return pb.Answer(
        id=answer.id,
        accepted=answer.accepted,
        reason=answer.reason,
        clamps=[clamp_to_proto(clamp) for clamp in answer.clamps] if answer.clamps else None,
        planned_sample=answer.planned_sample,
        because=answer.because,
        duplicate=answer.duplicate,
        understood=understood,
    )


def merge_answers(signals: Sequence[Signal | pb.Answer], answers: Iterable[Answer]) -> list[pb.Answer]:
    """The answers of one batch in its order: the refusals in `signals`, and `answers` in between."""
    given = iter(answers)
    return [
        answer_to_proto(next(given), entry.understood) if isinstance(entry, Signal) else entry
        for entry in signals
    ]


def taste_to_proto(taste: TasteTold, handle: str) -> pb.Taste:
    """What is believed of one fan, whom the app knows by a handle."""
    return pb.Taste(
        fan=handle,
        values=taste.values,
        certainty=taste.certainty,
        signals=taste.signals,
        consent=CONSENT_TO_PROTO[taste.consent],
        exploring=taste.exploring,
    )


def explanations_to_proto(explained: Iterable[Explained]) -> list[pb.Explanation]:
    """Why each dimension is as it is, in the order of the table."""
    order = list(DIMENSIONS)
    return [
        pb.Explanation(
            dimension=each.dimension,
            value=each.value,
            wanted=each.wanted,
            centre=each.centre,
            reasons=[pb.Reason(what=p.what, change=p.change, signals=p.signals) for p in each.parts],
            held_by=each.held_by,
            because=each.because,
        )
        for each in sorted(explained, key=lambda each: order.index(each.dimension))
    ]


def forgotten_to_proto(forgotten: Forgotten) -> pb.ForgetFanResponse:
    """What was dropped of a fan, and what remains."""
    return pb.ForgetFanResponse(
        sessions=forgotten.sessions,
        signals=forgotten.signals,
        taste=forgotten.taste,
        remains=forgotten.remains,
    )


def crowd_to_proto(crowd: CrowdTold) -> pb.Crowd:
    """What a crowd wants."""
    return pb.Crowd(
        fans=crowd.fans,
        dimensions=[
            pb.CrowdDimension(
                dimension=each.dimension,
                fans=each.fans,
                wanted=each.wanted,
                how=each.how,
                peaks=each.peaks,
                histogram=each.histogram,
                held_by=each.held_by,
            )
            for each in crowd.dimensions
        ],
        alarms=crowd.alarms,
        polls={name: pb.Poll(shares=shares) for name, shares in crowd.polls.items()},
    )


def moves_to_proto(moves: Iterable[PlannedMove]) -> list[pb.PlannedMove]:
    """The moves of a dry run, in the order of their samples."""
    return [
        pb.PlannedMove(
            sample=move.sample,
            dimension=move.dimension,
            before=move.before,
            value=move.value,
            because=move.because,
        )
        for move in sorted(moves, key=lambda move: move.sample)
    ]
