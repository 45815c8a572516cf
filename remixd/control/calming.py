"""Panic, for decks: what brings the artist's own mix back, and what keeps it there. Thread: [control]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from remixd._kernel import mailbox
from remixd.control.action import CHANNEL_KNOBS, ECHO_KNOBS
from remixd.control.decks import NEUTRAL_KNOBS, Decks
from remixd.control.order import CHANNEL, ECHO, LAYER, Order
from remixd.mix import NEUTRAL
from remixd.units import OFF_DB, RATE_HZ, STEM_ROLES


def calming(decks: Decks) -> tuple[list[Order], Callable[[], None]]:
    """What brings every deck back to the artist's own mix, and what to note once it is sent.

    No loop, slip, reverse, mute, solo, level, channel or send is left.
    """
    orders: list[Order] = []
    for deck in decks.all:
        knobs, entry = deck.knobs, deck.entry
        at = deck.index
        for name, row in CHANNEL_KNOBS.items():
            if knobs.channel[name] != row.neutral:
                dimension = CHANNEL.index(name)
                orders.append(Order(kind=mailbox.STRIP, deck=at, dimension=dimension, value=row.neutral))
        for role in STEM_ROLES:
            if knobs.level_db(role) != 0.0:
                orders.append(Order(kind=mailbox.LEVEL, deck=at, dimension=STEM_ROLES.index(role)))
        if deck.loaded is None:
            continue
        for kind, is_on in (
            (mailbox.EXIT, knobs.looping or (entry and entry.looping)),
            (mailbox.SLIP, knobs.slipping or (entry and entry.slipping)),
            (mailbox.REVERSE, knobs.backwards or (entry and entry.backwards)),
        ):
            if is_on:
                orders.append(Order(kind=kind, deck=at))

    def done() -> None:
        for deck in decks.all:
            deck.knobs = replace(NEUTRAL_KNOBS, tempo=NEUTRAL["tempo"], pitch=NEUTRAL["pitch"])

    return orders, done


UNDONE: Final = (
    mailbox.MIX,
    mailbox.LEVEL,
    mailbox.STRIP,
    mailbox.ECHO,
    mailbox.LOOP,
    mailbox.SLIP,
    mailbox.REVERSE,
    mailbox.RACK,
)
"""What panic undoes of what still waits for its sample or mark."""


def undoing(order: Order) -> Order:
    """What follows an order that the engine cannot take back, so that nothing of it stays."""
    if order.kind == mailbox.MIX:
        return replace(order, value=NEUTRAL[order.name])
    if order.kind == mailbox.STRIP:
        return replace(order, value=CHANNEL_KNOBS[order.name].neutral, shape=0)
    if order.kind == mailbox.ECHO:
        row = ECHO_KNOBS[ECHO[order.dimension]]
        return replace(order, value=row.neutral * (RATE_HZ if order.dimension == 0 else 1.0))
    if order.kind == mailbox.LEVEL and order.dimension == LAYER:
        return replace(order, value=OFF_DB)
    if order.kind == mailbox.LOOP:
        return replace(order, kind=mailbox.EXIT, value=0.0)
    return replace(order, value=0.0)
