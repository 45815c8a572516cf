"""Orders: what a wish or a hand on a deck comes to, flat, as the engine takes it. Thread: [control]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remixd._kernel import mailbox
from remixd._kernel.mailbox import Mailbox
from remixd.mix import PLAYABLE, WHENS
from remixd.units import STEM_ROLES

RAMP_FRAMES: Final = 480
"""A hands-on gain takes 10 ms to get where it is wished."""

EVERY_DECK: Final = 255
"""Of an order: every deck that is loaded, and those that will be."""

DIMENSION_INDEX: Final[Mapping[str, int]] = MappingProxyType(
    {name: index for index, name in enumerate(PLAYABLE)}
)
"""What the kernel calls a dimension."""

_VERBS: Final = {
    mailbox.LEVEL: "level",
    mailbox.PLAY: "play",
    mailbox.PAUSE: "pause",
    mailbox.SEEK: "seek",
    mailbox.JUMP: "jump",
    mailbox.LOOP: "loop",
    mailbox.SCALE: "scale",
    mailbox.EXIT: "exit",
    mailbox.SLIP: "slip",
    mailbox.REVERSE: "reverse",
    mailbox.KEYLOCK: "keylock",
    mailbox.LOAD: "load",
    mailbox.SWAP: "swap",
    mailbox.EJECT: "eject",
    mailbox.ALIGN: "align",
    mailbox.SYNC: "sync",
    mailbox.LEAD: "lead",
    mailbox.PACE: "pace",
    mailbox.RACK: "rack",
}

CHANNEL: Final = ("fader", "pan", "low", "mid", "high", "filter", "send")
"""The parameters of a deck's channel, in the order of the kernel's."""

WHOLE_DECK: Final = 0xFFFF
"""Of a rack's order: the deck, not one of its roles."""

RACK_RAMP_FRAMES: Final = 960
"""A rack takes 20 ms to come or go."""

ECHO: Final = ("delay", "feedback", "damping")
"""Those of the session's echo, likewise."""

_REASONS: Final = {
    mailbox.FULL: "too many orders wait in the engine",
    mailbox.UNKNOWN: "the engine knows no such order",
    mailbox.EMPTY: "nothing is loaded on this deck",
    mailbox.MISSING: "what was to be loaded is no longer there",
    mailbox.OUTSIDE: "that place is outside the music",
    mailbox.SHORT: "the loop would be shorter than 10 ms",
    mailbox.NO_BEAT: "this deck's music has no beats to follow",
    mailbox.SUMMED: "this deck's stems are summed: there is nothing to put a rack on",
    mailbox.DELAY: "racks would delay the session by more than 100 ms",
    mailbox.RAISED: "it failed",
    mailbox.NONFINITE: "it gave what is no sound",
    mailbox.SHAPE: "it gave something else than two channels of 64 frames",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command for the engine; as `Command` of the kernel's mailbox.

    Attributes:
        kind: of `remixd._kernel.mailbox`: MIX, LEVEL, PLAY, ...
        dimension: index of a dimension (MIX), of a role (LEVEL, RACK), in CHANNEL (STRIP) or in ECHO;
            WHOLE_DECK of a rack, too.
        deck: 0 to 3, or EVERY_DECK.
        value, extra: what they mean depends on the kind.
        sample: on the session clock; negative: as soon as it can be.
        when: index in WHENS; above 0 it acts at the next such mark from `sample` on.
        expires: on the session clock; a mark that has not come by then is waited for no more; 0 is never.
        shape: of a ramp of the channel: 0 straight, 1 at equal power.
    """

    value: float = 0.0
    kind: int = mailbox.MIX
    dimension: int = 0
    deck: int = EVERY_DECK
    extra: float = 0.0
    sample: int = -1
    ramp_frames: int = RAMP_FRAMES
    when: int = 0
    expires: int = 0
    shape: int = 0

    @property
    def name(self) -> str:
        """What it moves, as people are told: a dimension, or what a deck does."""
        if self.kind == mailbox.MIX:
            return PLAYABLE[self.dimension]
        if self.kind == mailbox.LEVEL:
            return f"{STEM_ROLES[self.dimension]} level"
        if self.kind == mailbox.STRIP:
            return CHANNEL[self.dimension]
        if self.kind == mailbox.ECHO:
            return f"echo {ECHO[self.dimension]}"
        return _VERBS[self.kind]

    def post(self, mailbox_of_session: Mailbox, command_id: int, key: int) -> bool:
        """Put it into a session's mailbox; False if that is full."""
        return mailbox_of_session.post_command(
            command_id, key, self.dimension, self.value, sample=self.sample, ramp_frames=self.ramp_frames,
            kind=self.kind, deck=self.deck, when=self.when, shape=self.shape, expires=self.expires,
            extra=self.extra,
        )  # fmt: skip


def mix_order(
    name: str, value: float, *, sample: int = -1, ramp_frames: int = RAMP_FRAMES, when: int = 0
) -> Order:
    """Move one dimension of the mix, on every deck."""
    return Order(
        dimension=DIMENSION_INDEX[name], value=value, sample=sample, ramp_frames=ramp_frames, when=when
    )


def rack_order(
    key: int,
    weight: float,
    *,
    deck: int = EVERY_DECK,
    role: str = "",
    sample: int = -1,
    when: int = 0,
    ramp_frames: int = RACK_RAMP_FRAMES,
) -> Order:
    """Give a rack a share, 0 to 1, of the sound of its place; at 0 the engine lets go of it.

    Args:
        key: of a rack that lies ready in the session's engine, or is in use at this place.
        weight: what is left of 1 by all racks of a place is dry.
        deck: of the place; EVERY_DECK is the master.
        role: of the place; empty for the whole deck.
        sample: as of every order.
        when: likewise.
        ramp_frames: 240 at the least.
    """
    part = STEM_ROLES.index(role) if role else WHOLE_DECK
    return Order(
        kind=mailbox.RACK, value=weight, extra=key, deck=deck, dimension=part, sample=sample, when=when,
        ramp_frames=ramp_frames,
    )  # fmt: skip


def bypass_of(reason: int) -> str:
    """Why the engine passes a rack by, for a person."""
    return _REASONS.get(reason, "it said no more")


def reason_of(kind: int, reason: int, order: Order) -> str:
    """Why an order was not carried out, for a person."""
    if kind == mailbox.EXPIRED:
        return f"the {WHENS[order.when]} that {order.name} waited for did not come in time"
    return f"the engine could not take {order.name}: {_REASONS.get(reason, 'it said no more')}"
