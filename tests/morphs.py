"""Blends of presets whose weights move live, and what stands out of the sounds that they join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from racks import QUANTUM
from sounds import roughness

from remixd._kernel import mailbox
from remixd._kernel.rack import Rack
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.control.order import EVERY_DECK, RACK_RAMP_FRAMES, RAMP_FRAMES, Order, rack_order
from remixd.control.start import allowed
from remixd.director.blend import Blend, WeightedRack
from remixd.director.preset import MASTER
from remixd.director.preset_files import load_blend
from remixd.engine.rack import build
from remixd.mix import PLAYABLE
from remixd.track.rights import Rights
from remixd.units import STEM_ROLES

START, GAP = 2000, 9000
NEAR = 240
"""5 ms."""
TOO_ROUGH = 1.5
FRAMES = (RAMP_FRAMES, RACK_RAMP_FRAMES, 4000)
LEAST = 0.05
"""A preset stays in the blend: a rack at rest at weight 0 is given back, and would have to be built again."""
STILL = ("tempo", "pitch")
"""What moves the playhead: the music there would be other music than that of the blends that are joined."""
OPEN = Rights(ranges={}, vocals_solo=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morph:
    """From a sample on, within so many frames, to these weights."""

    sample: int
    frames: int
    weights: Mapping[str, float]


def mix_of(blended: Blend, roles: tuple[str, ...]) -> list[float]:
    mix = {**allowed(blended, OPEN, roles).mix, "tempo": 1.0, "pitch": 0.0}
    return [mix[name] for name in PLAYABLE]


def by_name(blended: Blend) -> list[WeightedRack]:
    """Its racks in an order that weights do not change: their keys."""
    return sorted(blended.racks, key=lambda rack: (rack.preset, rack.on))


def rack_orders(blended: Blend, roles: tuple[str, ...], frames: int) -> list[Order]:
    """What gives each rack its weight."""
    return [
        rack_order(
            key, rack.weight, deck=EVERY_DECK if rack.on == MASTER else 0, ramp_frames=frames,
            role=rack.on if rack.on in STEM_ROLES else "",
        )
        for key, rack in enumerate(by_name(blended), start=1)
        if rack.on not in STEM_ROLES or rack.on in roles
    ]  # fmt: skip


def playing(stems: Mapping[str, Stem], blended: Blend) -> Session:
    """A session in a blend from its first sample on."""
    roles = tuple(stems)
    session = Session(
        list(stems.values()),
        [STEM_ROLES.index(role) for role in roles],
        loop=False,
        mix=mix_of(blended, roles),
    )
    for order in rack_orders(blended, roles, 240):
        key = int(order.extra)
        session.racks.put(Rack(build(by_name(blended)[key - 1].chain).chain, key))
        post(session, order, sample=0)
    return session


def post(session: Session, order: Order, *, sample: int) -> None:
    assert session.post(
        1, order.dimension, order.value, kind=order.kind, deck=order.deck, extra=order.extra, sample=sample,
        ramp_frames=order.ramp_frames,
    )  # fmt: skip


def drawn(names: list[str], rng: np.random.Generator) -> dict[str, float]:
    """Weights of all of them, and of the original the rest."""
    shares = rng.dirichlet(np.ones(len(names) + 1))[:-1]
    return {
        name: float(LEAST + (1.0 - LEAST * len(names)) * share)
        for name, share in zip(names, shares, strict=True)
    }


def morph(stems: Mapping[str, Stem], names: list[str], times: int, seed: int) -> list[str]:
    """Move the weights of a blend of these presets at random moments.

    Returns where the second difference within 5 ms of the begin or end of a morph is above 1.5 times that of
    the rougher of the two blends that it joined, each rendered by itself.
    """
    rng = np.random.default_rng(seed)
    roles = tuple(stems)
    first = load_blend(drawn(names, rng))
    moves = [
        Morph(sample=START + number * GAP + int(rng.integers(GAP // 2)), frames=int(rng.choice(FRAMES)),
              weights=drawn(names, rng))
        for number in range(times)
    ]  # fmt: skip
    total = START + times * GAP
    session, rendered, blends = playing(stems, first), [], [first]
    for move in moves:
        rendered.append(session.render(move.sample - session.clock))
        blends.append(load_blend(dict(move.weights)))
        for index, value in enumerate(mix_of(blends[-1], roles)):
            if PLAYABLE[index] not in STILL:
                assert session.post(2, index, value, sample=move.sample, ramp_frames=move.frames)
        for order in rack_orders(blends[-1], roles, max(move.frames, RACK_RAMP_FRAMES)):
            post(session, order, sample=move.sample)
    rendered.append(session.render(total - session.clock))
    assert not [told for told in session.take_reports() if told.kind in (mailbox.REFUSED, mailbox.BYPASSED)]
    heard = roughness(np.concatenate(rendered))
    still = [roughness(playing(stems, blended).render(total)) for blended in blends]
    return [
        f"{rough / bound:.2f} times at {at}, {dict(move.weights)}"
        for number, move in enumerate(moves)
        for at in (move.sample, move.sample + move.frames)
        for near in [slice(max(at - NEAR, 0), at + NEAR + QUANTUM)]
        for rough, bound in [
            (heard[near].max(), max(still[number][near].max(), still[number + 1][near].max()))
        ]
        if rough > TOO_ROUGH * bound
    ]
