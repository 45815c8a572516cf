"""The director moves towards what is wanted: inside the slew, in time, and with its reasons."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.audience.audience import Audience
from remixd.audience.signal import Signal
from remixd.director.explain import why_wanted
from remixd.director.planner import Director, Want
from remixd.mix import BOUNDARIES, DIMENSIONS, NEUTRAL, PLAYABLE
from remixd.track.rights import DEFAULT_RIGHTS

RANGES = {name: DEFAULT_RIGHTS.range(name) for name in DIMENSIONS}
BAR_S = 2.0


def director(**centre: float) -> Director:
    return Director({**NEUTRAL, **centre}, RANGES)


class Played:
    """A director with a mix and a clock: bars of 2 s, phrases of four, sections of eight bars."""

    def __init__(self, **centre: float) -> None:
        self.mix = {**NEUTRAL, **centre}
        self.director = Director(dict(self.mix), RANGES)
        self.audience = Audience(self.mix)
        self.bar = 0

    @property
    def at_s(self) -> float:
        return self.bar * BAR_S

    def wish(self, signal_id: str, fan: str = "", **wishes: float) -> list[str]:
        signal = Signal(id=signal_id, fan=fan, wishes=wishes)
        self.audience.take(signal, wishes, self.at_s)
        return self.director.expect(signal_id, fan, list(wishes))

    def goal(self):
        wanted = self.audience.wanted(self.at_s, section=self.bar // 8)
        return {
            name: Want(value=each.value, because=why_wanted(name, each.fans, each.value, each.how))
            for name, each in wanted.items()
        }

    def go_on(self, bars: int = 1):
        plans = []
        for _ in range(bars):
            self.bar += 1
            at = ["bar"] + ["phrase"] * (self.bar % 4 == 0) + ["section"] * (self.bar % 8 == 0)
            plan = self.director.plan(at, self.mix, self.goal())
            for move in plan.moves:
                assert move.before == self.mix[move.dimension]
                self.mix[move.dimension] = move.value
            plans.append(plan)
        return plans


def test_a_stem_goes_three_db_a_bar_and_arrives_exactly():
    played = Played()
    played.wish("a", "mina", drums=-10.0)
    levels = [0.0]
    for _ in range(12):
        played.go_on()
        levels.append(played.mix["drums"])
    steps = [before - after for before, after in itertools.pairwise(levels)]
    assert max(steps) <= 3.0 + 1e-9
    assert min(steps) >= 0.0, "it never turns back"
    assert levels[-1] == -10.0
    assert steps[-1] == 0.0


def test_a_stem_that_is_wished_away_is_off_in_the_end():
    played = Played()
    played.wish("a", vocals=-60.0)
    played.go_on(30)
    assert played.mix["vocals"] == -60.0


def test_the_tempo_goes_two_percent_a_phrase():
    played = Played()
    played.wish("a", tempo=1.06)
    values = [played.mix["tempo"]]
    for _ in range(6):
        for plan in played.go_on(3):
            assert not plan.moves, "only where a phrase starts"
        played.go_on()
        values.append(played.mix["tempo"])
    assert values[1:5] == pytest.approx([1.02, 1.0404, 1.06, 1.06])


def test_the_pitch_moves_where_a_section_starts_by_two_semitones():
    played = Played()
    played.wish("a", pitch=3.0)
    values = []
    for _ in range(3):
        assert not any(plan.moves for plan in played.go_on(7))
        played.go_on()
        values.append(played.mix["pitch"])
    assert values == [2.0, 3.0, 3.0]


def test_the_tempo_stays_within_eight_percent_of_the_preset():
    held = director(tempo=1.2).hold({"tempo": 1.25, "drums": -60.0})
    assert held == []
    [low] = director(tempo=1.2).hold({"tempo": 1.0})
    assert (low.dimension, low.given) == ("tempo", pytest.approx(1.2 * 0.92))
    [high] = director().hold({"tempo": 1.2})
    assert high.given == pytest.approx(1.08)
    assert "preset" in high.because


def test_the_first_move_answers_a_signal_and_no_later_one_does():
    played = Played()
    played.wish("a", "mina", drums=-9.0, bass=-9.0, tempo=1.05)
    first, *later = played.go_on(12)
    assert {move.dimension: move.signals for move in first.moves} == {"drums": ("a",), "bass": ("a",)}
    assert all(move.signals == () for plan in later for move in plan.moves)
    assert all(not plan.settled for plan in (first, *later))
    assert any(move.dimension == "tempo" for plan in later for move in plan.moves)


def test_every_fan_is_answered_by_the_move_that_they_make_together():
    played = Played()
    for fan in ("a", "b", "c"):
        played.wish(f"signal of {fan}", fan, drums=-6.0)
    [move] = played.go_on()[0].moves
    assert set(move.signals) == {"signal of a", "signal of b", "signal of c"}
    assert "3 fans together want drums at -6 dB" in move.because


def test_a_wish_for_what_is_so_already_is_answered_at_the_next_boundary():
    played = Played()
    played.wish("a", drums=0.0)
    [plan] = played.go_on()
    assert plan.moves == ()
    assert list(plan.settled) == ["a"]
    assert "drums is at 0 dB" in plan.settled["a"]
    played.wish("b", drums=0.0, tempo=1.0)
    assert [list(plan.settled) for plan in played.go_on(3)] == [[], [], ["b"]], "the phrase decides"


def test_two_fans_who_pull_both_ways_get_the_artists_mix_and_are_told():
    played = Played()
    played.wish("up", "a", drums=6.0)
    played.wish("down", "b", drums=-24.0)
    [plan] = played.go_on()
    assert plan.moves == ()
    assert set(plan.settled) == {"up", "down"}


def test_what_nobody_wants_any_more_goes_back_to_the_presets():
    played = Played(bass=1.5)
    for fan in ("a", "b", "c"):
        played.wish(fan, fan, bass=-6.0)
    played.go_on(6)
    assert played.mix["bass"] == -6.0
    played.go_on(70)  # more than two minutes: no ballot is live
    assert played.mix["bass"] == 1.5
    alone = Played(bass=1.5)
    alone.wish("a", "a", bass=-6.0)
    alone.go_on(100)
    assert alone.mix["bass"] == -6.0, "one listener's slider stays where it was put"


def test_what_the_dj_holds_the_director_leaves_alone_and_tells():
    played = Played()
    played.wish("a", "mina", drums=-6.0)
    plan = played.director.plan(["bar"], played.mix, played.goal(), held={"drums"})
    assert plan.moves == ()
    assert "the DJ holds it" in plan.settled["a"]
    [move] = played.director.plan(["bar"], played.mix, played.goal()).moves
    assert (move.value, move.signals) == (-3.0, ()), "handed back: from there, at its own pace"


def test_a_wish_that_the_same_fan_replaces_is_told():
    played = Played()
    assert played.wish("first", "mina", drums=-6.0) == []
    assert played.wish("other", "jun", drums=-6.0) == []
    assert played.wish("second", "mina", drums=-3.0) == ["first"]
    [move] = played.go_on()[0].moves
    assert set(move.signals) == {"second", "other"}
    played.wish("both", "mina", drums=-6.0, tempo=1.05)
    assert played.wish("one", "mina", drums=-5.0) == [], "its tempo still counts"
    assert played.wish("two", "mina", tempo=1.02) == ["both"]


def test_a_small_change_does_not_stir_what_is_at_rest():
    played = Played()
    played.wish("a", drums=-6.0)
    played.go_on(20)
    played.wish("b", drums=-6.2)
    plans = played.go_on(20)
    assert not any(plan.moves for plan in plans)
    assert "b" in plans[0].settled
    played.wish("c", drums=-6.5)
    played.go_on(20)
    assert played.mix["drums"] == -6.5


def test_clearing_forgets_everything_and_names_who_waits():
    played = Played(tempo=1.2)
    played.wish("a", "mina", drums=-6.0, bass=-6.0)
    played.wish("b", "jun", tempo=1.25)
    played.audience.clear(NEUTRAL)
    played.mix.update(NEUTRAL)
    assert set(played.director.clear(NEUTRAL)) == {"a", "b"}
    assert not any(plan.moves or plan.settled for plan in played.go_on(8))
    assert played.director.reach("tempo") == pytest.approx((0.92, 1.08))


def test_how_it_will_be_done_is_told_with_the_number_of_steps():
    played = Played()
    played.wish("a", drums=-9.0, tempo=1.01)
    told = played.director.how({"drums": -9.0, "tempo": 1.01}, played.mix)
    assert told == "drums by 3 dB a bar: 3 bars; tempo at the next phrase"


def test_a_crowd_that_comes_and_goes_lets_the_mix_rest():
    played = Played()
    for turn in range(200):
        for fan in range(7):
            played.wish(f"{turn} {fan}", str(fan), drums=-4.0 - (fan + turn) % 7 * 0.1)
        plans = played.go_on()
    assert plans[-1].moves == ()
    assert -4.6 <= played.mix["drums"] <= -4.0


fans = st.sampled_from(["", "a", "b", "c"])
steps = st.lists(
    st.one_of(
        st.tuples(fans, st.sampled_from(PLAYABLE), st.floats(-1, 1)),
        st.sets(st.sampled_from(BOUNDARIES), min_size=1),
    ),
    max_size=40,
)


@given(steps=steps, tempo=st.floats(0.8, 1.25))
def test_every_plan_is_inside_the_slew_and_the_rights_and_every_signal_is_answered_once(steps, tempo):
    mix = {**NEUTRAL, "tempo": tempo}
    made = Director(dict(mix), RANGES)
    goal: dict[str, Want] = {}
    sent, answered = [], []

    def take(plan):
        nonlocal answered
        answered += plan.settled
        answered += {signal for move in plan.moves for signal in move.signals}
        for move in plan.moves:
            mix[move.dimension] = move.value

    for index, step in enumerate(steps):
        if isinstance(step, tuple):
            fan, name, unit = step
            goal[name] = Want(value=DIMENSIONS[name].from_unit(unit), because="wished")
            sent.append(f"{index}")
            answered += made.expect(f"{index}", fan, [name])
            continue
        plan = made.plan(step, mix, goal)
        for move in plan.moves:
            slew = DIMENSIONS[move.dimension].slew
            assert slew.every in step
            low, high = slew.reach(move.before, slew.step)
            assert low - 1e-9 <= move.value <= high + 1e-9
            low, high = made.reach(move.dimension)
            assert low - 1e-9 <= move.value <= high + 1e-9
            assert move.because
        take(plan)
    for _ in range(80):
        plan = made.plan(BOUNDARIES, mix, goal)
        take(plan)
    assert sorted(answered) == sorted(sent)
    assert not plan.moves, "it comes to rest"


def test_what_is_only_tried_is_not_said_to_be_wished():
    assert "tried" in why_wanted("drums", 1, 2.0, "trial")
    assert "taste" in why_wanted("drums", 1, 2.0, "taste")
    assert why_wanted("drums", 1, 2.0, "stated") == "a fan wishes drums at 2 dB"
    assert "3 fans" in why_wanted("drums", 3, 2.0, "median")
