"""Decks between the wire and the domain: one function a message, nothing decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from remixd.audience.arc import Arc, arc_text, check_arc
from remixd.audience.signal import check_name
from remixd.control.action import ECHO_KNOBS, RAMP_S, STINGERS, Action, DeckCommand, deck_index
from remixd.control.order import CHANNEL
from remixd.control.streams import DeckStatus
from remixd.director.transitions import HOWS
from remixd.errors import InvalidInput
from remixd.mix import WHENS, When
from remixd.units import StemRole
from remixd.v1 import common_pb2, console_pb2, sessions_pb2

ROLE_TO_PROTO: Final[Mapping[StemRole, common_pb2.StemRole]] = {
    "drums": common_pb2.STEM_ROLE_DRUMS,
    "bass": common_pb2.STEM_ROLE_BASS,
    "vocals": common_pb2.STEM_ROLE_VOCALS,
    "other": common_pb2.STEM_ROLE_OTHER,
}
ROLE_FROM_PROTO: Final[Mapping[int, StemRole]] = {number: role for role, number in ROLE_TO_PROTO.items()}
STATES: Final = {
    "empty": sessions_pb2.DECK_STATE_EMPTY,
    "resting": sessions_pb2.DECK_STATE_RESTING,
    "playing": sessions_pb2.DECK_STATE_PLAYING,
    "ended": sessions_pb2.DECK_STATE_ENDED,
}
CUE_ACTIONS: Final = {
    console_pb2.CUE_ACTION_UNSPECIFIED: "go",
    console_pb2.CUE_ACTION_GO: "go",
    console_pb2.CUE_ACTION_SET: "set",
    console_pb2.CUE_ACTION_CLEAR: "clear",
}


def when_from_proto(field: str, number: int) -> When:
    """When something acts. Raises InvalidInput, naming the field, for a number that is no time."""
    if number == common_pb2.WHEN_UNSPECIFIED:
        return "now"
    if not 1 <= number <= len(WHENS):
        raise InvalidInput(f"{field} is {number}, which is none", field=field)
    return WHENS[number - 1]


def deck_to_proto(deck: DeckStatus) -> sessions_pb2.Deck:
    """A deck, and how it stands."""
    return sessions_pb2.Deck(
        name=deck.deck,
        state=STATES[deck.state],
        track=deck.track_id,
        title=deck.title,
        loading=deck.loading,
        position_s=deck.position_s,
        duration_s=deck.duration_s,
        bar_beat=deck.bar_beat or "",
        has_beats=deck.has_beats,
        tempo=deck.tempo,
        bpm=deck.bpm,
        pitch_semitones=deck.pitch_semitones,
        loop=sessions_pb2.LoopSpan(start_s=deck.loop_s[0], end_s=deck.loop_s[1]) if deck.loop_s else None,
        slipping=deck.slipping,
        backwards=deck.backwards,
        key_locked=deck.key_locked,
        synced=deck.synced,
        leading=deck.leading,
        cues=[
            sessions_pb2.HotCue(number=number, position_s=cue_s)
            for number, cue_s in enumerate(deck.cues_s, start=1)
            if cue_s is not None
        ],
        levels_db=deck.levels_db,
        muted=[ROLE_TO_PROTO[role] for role in deck.muted],
        soloed=[ROLE_TO_PROTO[role] for role in deck.soloed],
        channel=deck.channel,
    )


def _role(number: int) -> StemRole:
    if number not in ROLE_FROM_PROTO:
        raise InvalidInput(f"role is {number}, which is none", field="role")
    return ROLE_FROM_PROTO[number]


def _named(names: tuple[str, ...], number: int) -> str:
    if not 1 <= number <= len(names):
        raise InvalidInput(f"parameter is {number}, which is none", field="parameter")
    return names[number - 1]


def _optional(message: Any, field: str) -> float | None:
    return getattr(message, field) if message.HasField(field) else None


def _ramp_s(message: Any) -> float:
    return message.ramp_s if message.HasField("ramp_s") else RAMP_S


def _cue(message: console_pb2.Cue) -> Action:
    if message.action not in CUE_ACTIONS:
        raise InvalidInput(f"action is {message.action}, which is none", field="action")
    name = CUE_ACTIONS[message.action]
    return Action(verb="cue", value=message.number, name=name, start_s=_optional(message, "position_s"))


def _channel(message: console_pb2.Channel) -> Action:
    return Action(
        verb="channel", name=_named(CHANNEL, message.parameter), value=message.value,
        equal_power=message.equal_power, ramp_s=_ramp_s(message),
    )  # fmt: skip


def _mix(message: console_pb2.Mix) -> Action:
    if not 0 <= message.how <= len(HOWS):
        raise InvalidInput(f"how is {message.how}, which is none", field="how")
    how = HOWS[message.how - 1] if message.how else ""
    return Action(
        verb="mix", name=how, value=message.length_bars, other=deck_index(message.to),
        glide_bars=message.glide_bars,
    )  # fmt: skip


def _stinger(message: console_pb2.Stinger) -> Action:
    if not 1 <= message.kind <= len(STINGERS):
        raise InvalidInput(f"kind is {message.kind}, which is none", field="kind")
    return Action(verb="stinger", name=STINGERS[message.kind - 1])


def _dimensions(message: Any) -> str:
    """Names, commas between."""
    for name in message.dimensions:
        if "," in check_name("dimensions", name):
            raise InvalidInput(f"dimensions: {name!r} is not one dimension", field="dimensions")
    return ",".join(message.dimensions)


def _take(message: console_pb2.Take) -> Action:
    return Action(verb="take", name=_dimensions(message), value=message.timeout_s)


def _arc(message: console_pb2.Arc) -> Action:
    return Action(verb="arc", name=arc_text(arc_from_proto(message.points)))


def arc_from_proto(points: Iterable[common_pb2.ArcPoint]) -> Arc:
    """An energy arc. Raises InvalidInput for one that cannot be."""
    return check_arc((point.after_s, point.energy) for point in points)


ACTIONS: Final[Mapping[str, Callable[[Any], Action]]] = {
    "play": lambda _: Action(verb="play"),
    "pause": lambda _: Action(verb="pause"),
    "seek": lambda message: Action(verb="seek", value=message.position_s),
    "cue": _cue,
    "loop": lambda message: Action(
        verb="loop", value=message.length_beats, start_s=_optional(message, "start_s")
    ),
    "scale_loop": lambda message: Action(verb="scale", value=message.factor),
    "exit_loop": lambda _: Action(verb="exit"),
    "jump": lambda message: Action(verb="jump", value=message.length_beats),
    "align": lambda _: Action(verb="align"),
    "sync": lambda message: Action(verb="sync", on=not message.off),
    "lead": lambda message: Action(verb="lead", on=not message.off),
    "level": lambda message: Action(
        verb="level", name=_role(message.role), value=message.level_db, ramp_s=_ramp_s(message)
    ),
    "mute": lambda message: Action(verb="mute", name=_role(message.role), on=not message.off),
    "solo": lambda message: Action(verb="solo", name=_role(message.role), on=not message.off),
    "channel": _channel,
    "slip": lambda message: Action(verb="slip", on=not message.off),
    "reverse": lambda message: Action(verb="reverse", on=not message.off),
    "key_lock": lambda message: Action(verb="keylock", on=not message.off),
    "load": lambda message: Action(
        verb="swap" if message.keep_place else "load", name=message.track, start_s=message.start_s
    ),
    "eject": lambda _: Action(verb="eject"),
    "tempo": lambda message: Action(verb="tempo", value=message.ratio),
    "pitch": lambda message: Action(verb="pitch", value=message.semitones),
    "pace": lambda message: Action(verb="pace", value=message.bpm),
    "echo": lambda message: Action(
        verb="echo", name=_named(tuple(ECHO_KNOBS), message.parameter), value=message.value
    ),
    "mix": _mix,
    "stinger": _stinger,
    "sections": lambda message: Action(verb="section", name=",".join(message.names), value=message.times),
    "lock": lambda message: Action(verb="lock", name=_dimensions(message), on=not message.off),
    "take": _take,
    "hand_back": lambda message: Action(verb="hand", name=_dimensions(message)),
    "move": lambda message: Action(
        verb="move", name=message.dimension, value=message.value, on=not message.jump
    ),
    "arc": _arc,
}


def command_from_proto(message: console_pb2.DeckCommand) -> DeckCommand:
    """What a hand does. Raises InvalidInput or NotFound, naming the field, for what cannot be."""
    kind = message.WhichOneof("action")
    if kind is None:
        raise InvalidInput("the command has no action that this daemon knows", field="action")
    return DeckCommand(
        id=message.id,
        deck=deck_index(message.deck),
        at=when_from_proto("at", message.at),
        expires_s=message.expires_s,
        action=ACTIONS[kind](getattr(message, kind)),
    )
