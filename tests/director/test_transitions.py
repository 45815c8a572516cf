"""Rules and bridges: the most special rule is taken, and a bridge leaves everything as it found it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.director.sections import find_part, part_at, parts
from remixd.director.transitions import (
    HOWS,
    RULES,
    Meeting,
    Rule,
    choose,
    entry_s,
    key_relation,
    mash_up_problem,
    ratio_between,
    shortened,
    steps,
)
from remixd.errors import InvalidInput
from remixd.track.analysis import Analysis, Section
from remixd.track.rights import Rights
from remixd.units import OFF_DB

LABELS = ("intro", "verse", "chorus", "bridge", "outro", "build", "drop", "breakdown", "pre-chorus", "A", "")

meetings = st.builds(
    Meeting,
    leaving=st.sampled_from(LABELS),
    labels=st.lists(st.sampled_from(LABELS), max_size=4).map(tuple),
    keys=st.sampled_from(["mix", "clash", "unknown"]),
    ratio=st.none() | st.floats(0.6, 1.7),
)


def analysis() -> Analysis:
    beats = tuple(1.0 + beat / 2 for beat in range(128))
    bounds = [(1.0, 17.0, "intro"), (16.9, 33.0, "chorus"), (33.1, 49.0, "verse"), (49.0, 65.0, "chorus")]
    return Analysis(
        source="computed", duration_s=65.0, metre="4/4", beats_s=beats, downbeats_s=beats[::4],
        sections=tuple(Section(start_s=a, end_s=b, label=label) for a, b, label in bounds),
    )  # fmt: skip


@given(meeting=meetings)
def test_for_any_two_tracks_there_is_a_rule_and_it_is_for_them(meeting: Meeting) -> None:
    assert meeting.holds(choose(meeting))
    for how in HOWS:
        assert choose(meeting, how).how == how


def test_what_cannot_be_in_beat_is_never_laid_over_another_by_itself() -> None:
    far = Meeting(leaving="outro", labels=("intro",), keys="mix", ratio=1.3)
    assert choose(far).how == "echo-out"
    near = Meeting(leaving="outro", labels=("intro",), keys="mix", ratio=1.03)
    assert (choose(near).how, choose(near).bars) == ("crossfade", 16)
    clash = Meeting(leaving="outro", labels=("intro",), keys="clash", ratio=1.03)
    assert choose(clash).how == "bass-swap"
    drop = Meeting(leaving="build", labels=("intro", "drop"), keys="unknown", ratio=1.0)
    assert (choose(drop).how, choose(drop).entering) == ("cut", "drop")


def test_no_rule_hides_behind_one_that_is_more_general() -> None:
    def covers(one: Rule, other: Rule) -> bool:
        return (
            one.leaving in ("", other.leaving)
            and one.entering in ("", other.entering)
            and one.keys in ("", other.keys)
            and one.tempo >= other.tempo
            and one.beats <= other.beats
        )

    for at, rule in enumerate(RULES):
        assert not any(covers(before, rule) for before in RULES[:at]), rule


@given(how=st.sampled_from(HOWS), bars=st.integers(1, 64))
def test_at_the_end_of_a_bridge_the_other_deck_leads_with_its_own_knobs(how: str, bars: int) -> None:
    told = steps(Rule(how=how, bars=0.0 if how == "cut" else float(bars)))  # type: ignore[arg-type]
    assert [step.bar for step in told] == sorted(step.bar for step in told)
    assert [(step.side, step.what) for step in told[-2:]] == [("to", "lead"), ("from", "pause")]
    assert sum(step.what == "play" for step in told) == 1
    last = {}
    for step in told:
        if step.side == "to" and step.what in ("fader", "low", "level"):
            last[step.what, step.role] = step
            assert step.bar < 0 or step.bar + step.bars <= told[-1].bar + 1 / 32
    assert all(step.own and step.value == 0.0 for step in last.values()), "back at its own"


@given(bars=st.integers(1, 64))
def test_the_basses_change_over_together_on_a_bar_line(bars: int) -> None:
    lows = [step for step in steps(Rule(how="bass-swap", bars=float(bars))) if step.what == "low"]
    silent, out, back = lows
    assert silent.bar < 0
    assert silent.value == out.value == OFF_DB
    assert out.bar == back.bar
    assert 0 < out.bar <= bars
    assert bars == 1 or out.bar == int(out.bar)


def test_keys_mix_along_the_wheel() -> None:
    assert key_relation("A minor", "E minor") == "mix"
    assert key_relation("A minor", "C major") == "mix"
    assert key_relation("A minor", "Bb minor") == "clash"
    assert key_relation("A minor", None) == "unknown"


def test_a_track_may_play_twice_or_half_the_beats_of_another() -> None:
    assert ratio_between(0.5, 0.51) == pytest.approx(1.02)
    assert ratio_between(0.5, 0.26) == pytest.approx(1.04)
    assert ratio_between(0.5, 0.98) == pytest.approx(0.98)


def test_mash_ups_need_the_rights_of_both() -> None:
    free, default = Rights(mash_ups=True), Rights()
    assert mash_up_problem(free, free, ("one", "other")) == ""
    assert mash_up_problem(free, default, ("one", "other")) == "the rights of other allow no mash-ups"
    kept = Rights(mash_ups=True, never_mute=("drums",))
    assert mash_up_problem(kept, free, ("one", "other")) == "the rights of one never mute drums"


def test_a_bridge_is_cut_to_whole_bars() -> None:
    rule = Rule(how="crossfade", bars=8)
    assert shortened(rule, 3.9).bars == 3
    assert shortened(rule, 0.5).how == "cut"


def test_sections_begin_on_their_first_downbeat() -> None:
    found = parts(analysis(), 65.0)
    assert [(part.number, part.label, part.start_s) for part in found] == [
        (1, "intro", 1.0), (2, "chorus", 17.0), (3, "verse", 33.0), (4, "chorus", 49.0),
    ]  # fmt: skip
    assert part_at(found, 20.0).number == 2
    assert part_at(found, 0.0).number == 1
    here = found[1]
    assert find_part(found, "chorus", here).number == 4
    assert find_part(found, "chorus", found[3]).number == 2
    assert find_part(found, "this", here) is here
    assert find_part(found, "next", here).number == 3
    with pytest.raises(InvalidInput, match="did you mean verse"):
        find_part(found, "vers", here)


def test_the_other_track_is_entered_at_the_section_of_the_rule() -> None:
    assert entry_s(Rule(entering="verse", how="cut", bars=0), analysis(), 65.0) == 33.0
    assert entry_s(Rule(how="crossfade", bars=8), analysis(), 65.0) == 1.0
