"""Where the racks of a session's presets are: never more than a place holds, none forgotten, none kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remixd._kernel.mailbox import APPLIED, REFUSED
from remixd.control.order import EVERY_DECK, Order
from remixd.control.places import Places
from remixd.director.blend import Blend, blend
from remixd.director.preset import DECK, LAYERS_MAX, MASTER, Preset, Rack
from remixd.effects import EFFECTS

PACKET = 480


def a_preset(name: str, on: str = MASTER) -> Preset:
    chain = (EFFECTS["gain"].element({"gain_db": len(name) / 10}), EFFECTS["reverb"].element({}))
    return Preset(name=name, title="", description="", racks=(Rack(on=on, chain=chain),))


ON_MASTER = [a_preset("p" * length) for length in range(1, 10)]
ON_DECKS = a_preset("decks", DECK)
ON_VOCALS = a_preset("voice", "vocals")


class Engine:
    """Holds racks as the real one does: four a place, gone once they have settled at nothing."""

    def __init__(self, roles: tuple[tuple[str, ...] | None, ...] = (("vocals", "drums"), None)) -> None:
        decks = [
            SimpleNamespace(index=n, loaded=each and SimpleNamespace(track=SimpleNamespace(roles=each)))
            for n, each in enumerate(roles)
        ]  # fmt: skip
        self.decks: Any = SimpleNamespace(sample=0, all=decks)
        self.places = Places(self.decks)
        self.held: dict[int, tuple[tuple[int, int], float, int]] = {}
        self.made = 0

    def go_on(self, frames: int = PACKET) -> None:
        self.decks.sample += frames
        self.held = {
            key: (place, share, settled)
            for key, (place, share, settled) in self.held.items()
            if share or settled > self.decks.sample
        }

    def take(self, orders: list[Order]) -> None:
        for order in orders:
            key, place = int(order.extra), (order.deck, order.dimension)
            there = sum(each == place for each, _, _ in self.held.values())
            assert key in self.held or there < LAYERS_MAX, "the place is full"
            assert key in self.held or order.value > 0.0 or order.value == 0.0
            settled = self.decks.sample + order.ramp_frames
            self.held[key] = place, order.value, settled
            self._tell(order, APPLIED, settled)

    def _tell(self, order: Order, kind: int, settled: int = 0) -> None:
        self.places.take_report(order, SimpleNamespace(kind=kind, settled_sample=settled))

    def pick(self, to: Blend, ramp_frames: int = 960) -> None:
        wanted = self.places.wanted(to)
        made = {self.made + 1 + n: each for n, each in enumerate(self.places.missing(wanted))}
        self.made += len(made)
        for _ in range(100):
            if self.places.has_room(wanted):
                break
            self.take(self.places.make_room(wanted))
            self.go_on()
        else:
            raise AssertionError("there is never room")
        self.take(self.places.weigh(wanted, made, ramp_frames=ramp_frames))

    def shares(self) -> dict[tuple[int, int], list[float]]:
        shares: dict[tuple[int, int], list[float]] = {}
        for place, share, _ in self.held.values():
            if share:
                shares.setdefault(place, []).append(share)
        return {place: sorted(each) for place, each in shares.items()}


picks = st.dictionaries(st.sampled_from([each.name for each in ON_MASTER]), st.floats(0.0, 1.0), max_size=9)


@given(st.lists(st.tuples(picks, st.sampled_from([960, 96_000]), st.integers(0, 200)), max_size=12))
def test_whatever_is_picked_the_engine_has_it_and_no_more_than_it_holds(steps) -> None:
    engine = Engine()
    for weights, ramp_frames, packets in steps:
        made = blend(ON_MASTER, weights)
        engine.pick(made, ramp_frames)
        assert engine.shares().get((EVERY_DECK, 0xFFFF), []) == sorted(rack.weight for rack in made.racks)
        for _ in range(packets):
            engine.go_on()
    engine.pick(blend([], {}))
    engine.go_on(100_000)
    assert engine.held == {}
    assert engine.places.keys == set()


def test_a_rack_that_stays_is_not_made_again() -> None:
    engine = Engine()
    one, two = ON_MASTER[0].name, ON_MASTER[1].name
    engine.pick(blend(ON_MASTER, {one: 0.5}))
    engine.pick(blend(ON_MASTER, {one: 0.7, two: 0.2}))
    assert engine.made == 2
    engine.go_on()
    engine.pick(blend(ON_MASTER, {two: 0.2}), ramp_frames=480_000)
    engine.pick(blend(ON_MASTER, {one: 0.1, two: 0.2}))
    assert engine.made == 2, "it has far to go yet, and comes back"


def test_every_deck_that_has_something_has_its_own_and_the_roles_that_it_plays() -> None:
    engine = Engine((("vocals", "drums"), None, ("drums",), ("vocals",)))
    made = blend([ON_DECKS, ON_VOCALS], {"decks": 0.5, "voice": 0.5})
    places = {(each.place.deck, each.place.role) for each in engine.places.wanted(made)}
    assert places == {(0, ""), (2, ""), (3, ""), (0, "vocals"), (3, "vocals")}
    coming = {(each.place.deck, each.place.role) for each in engine.places.wanted(made, 1)}
    assert coming - places == {(1, ""), (1, "vocals")}


def test_racks_that_others_have_put_there_or_taken_meanwhile_change_nothing_but_themselves() -> None:
    """Two decks are loaded at once, each with its rack: whoever comes second finds one of them there."""
    engine = Engine((("vocals",), ("vocals",)))
    wanted = engine.places.wanted(blend([ON_DECKS], {"decks": 0.5}))
    first, second = wanted
    engine.take(engine.places.add(wanted[:1], {1: first}))
    [order] = engine.places.add(wanted, {2: first, 3: second})
    assert (order.extra, order.deck) == (3, 1)
    assert engine.places.keys == {1, 3}
    fewer = Engine((("vocals",), ("vocals",)))
    [order] = fewer.places.weigh(wanted, {9: second}, ramp_frames=480)
    assert (order.extra, order.deck) == (9, 1), "what is not there is gone without"


def test_what_the_engine_refuses_is_not_there() -> None:
    engine = Engine()
    wanted = engine.places.wanted(blend(ON_MASTER, {ON_MASTER[0].name: 1.0}))
    [order] = engine.places.add(wanted, {7: wanted[-1]})
    assert engine.places.keys == {7}
    engine._tell(order, REFUSED)
    assert engine.places.keys == set()
    assert len(engine.places.missing(wanted)) == 1


def test_another_daemon_finds_them_where_they_were() -> None:
    engine, heir = Engine(), Engine()
    made = blend([*ON_MASTER, ON_VOCALS], {ON_MASTER[0].name: 0.25, "voice": 0.5})
    engine.pick(made)
    heir.places.restore(engine.places.to_json())
    assert heir.places.keys == engine.places.keys
    assert heir.places.missing(heir.places.wanted(made)) == []
    assert heir.places.to_json() == engine.places.to_json()
