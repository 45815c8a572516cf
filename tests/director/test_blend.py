"""Blends: any weights of any presets are a mix and racks, and near weights are near mixes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.director.blend import PRESETS_MAX, as_preset, blend
from remixd.director.preset import LAYERS_MAX, ORIGINAL, PLACES, Preset, merged
from remixd.director.preset_files import load_preset, shipped_names
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS, NEUTRAL
from remixd.units import STEM_ROLES

ALL = [load_preset(name) for name in shipped_names()]
NAMES = [preset.name for preset in ALL]

weights = st.dictionaries(st.sampled_from(NAMES), st.floats(0.0, 1.0), max_size=len(NAMES))


@given(weights)
def test_any_weights_of_any_presets_are_a_valid_mix_and_racks(given_weights) -> None:
    made = blend(ALL, given_weights)
    for name, row in DIMENSIONS.items():  # and the mix has checked itself
        assert row.minimum <= made.mix[name] <= row.maximum
    assert all(weight > 0.0 for weight in made.weights.values())
    assert sum(made.weights.values()) <= 1.0 + 1e-9
    for place in PLACES:
        there = [rack.weight for rack in made.racks if rack.on == place]
        assert len(there) <= LAYERS_MAX
        assert all(0.0 < weight <= 1.0 for weight in there)
        assert sum(there) <= 1.0 + 1e-9


@given(weights, st.randoms())
def test_a_blend_does_not_depend_on_any_order(given_weights, random) -> None:
    shuffled, presets = list(given_weights.items()), list(ALL)
    random.shuffle(shuffled)
    random.shuffle(presets)
    assert blend(presets, dict(shuffled)) == blend(ALL, given_weights)


@given(weights, weights, st.floats(0.0, 1.0))
def test_a_mix_never_leaves_what_its_presets_span(one, other, share) -> None:
    """In taste space, but for what makes it as loud."""
    moved = {
        name: (1.0 - share) * one.get(name, 0.0) + share * other.get(name, 0.0) for name in {*one, *other}
    }
    made = blend(ALL, moved)
    for name, row in DIMENSIONS.items():
        if name in STEM_ROLES:
            continue
        units = [row.to_unit(preset.mix[name]) for preset in ALL if moved.get(preset.name, 0.0) > 0.0]
        units.append(row.to_unit(row.neutral))
        assert min(units) - 1e-6 <= row.to_unit(made.mix[name]) <= max(units) + 1e-6


@given(weights, st.sampled_from(NAMES), st.floats(-0.01, 0.01))
def test_a_small_step_of_a_weight_is_a_small_step_of_the_mix(given_weights, name, step) -> None:
    near = {**given_weights, name: min(max(given_weights.get(name, 0.0) + step, 0.0), 1.0)}
    before, after = blend(ALL, given_weights), blend(ALL, near)
    for each, row in DIMENSIONS.items():
        moved = row.to_unit(after.mix[each]) - row.to_unit(before.mix[each])
        assert abs(moved) <= 0.05 + 1e-6  # of the 2 that a dimension spans


@pytest.mark.parametrize("preset", ALL, ids=NAMES)
def test_a_preset_by_itself_is_what_its_file_says(preset: Preset) -> None:
    made = blend(ALL, {preset.name: 1.0})
    matched = 0.0 if preset.has_master_rack else preset.gain_db
    for name in DIMENSIONS:
        wanted = preset.mix[name]
        if name in STEM_ROLES and wanted > -60.0:
            wanted = min(wanted + matched, 6.0)
        assert made.mix[name] == pytest.approx(wanted, abs=1e-9)
        assert matched or made.mix[name] == preset.mix[name]
    assert [(rack.on, rack.chain, rack.weight) for rack in made.racks] == [
        (rack.on, rack.chain, rack.share) for rack in preset.matched_racks
    ]


def test_what_is_left_of_the_weights_is_the_artists_own_mix() -> None:
    made = blend(ALL, {"karaoke": 0.25})
    assert made.mix["vocals"] == pytest.approx(0.25 * -24.0, abs=2.0)
    assert blend(ALL, {"karaoke": 0.25, ORIGINAL: 0.75}).mix == made.mix
    assert blend(ALL, {"karaoke": 0.5, ORIGINAL: 1.0}).weights["karaoke"] == pytest.approx(1 / 3)
    assert dict(blend(ALL, {}).mix) == dict(NEUTRAL) == dict(blend(ALL, {ORIGINAL: 1.0}).mix)


def test_thirds_of_off_are_off() -> None:
    parts = [Preset(name=f"p-{n}", title="", description="", mix=merged({"vocals": -60.0})) for n in range(3)]
    for share in (1.0, 1 / 3):
        assert blend(parts, {part.name: share for part in parts}).mix["vocals"] == -60.0


def test_the_lightest_racks_go_where_there_is_no_room_and_that_is_told() -> None:
    racked = [preset for preset in ALL if preset.has_master_rack]
    assert len(racked) > LAYERS_MAX
    given_weights = {preset.name: 0.1 + 0.01 * n for n, preset in enumerate(racked)}
    made = blend(ALL, given_weights)
    kept = {rack.preset for rack in made.racks if rack.on == "master"}
    assert kept == set(sorted(given_weights, key=lambda name: given_weights[name])[-LAYERS_MAX:])
    assert len(made.left_out) == len(racked) - LAYERS_MAX
    assert "goes without its effects on master" in made.left_out[0]


def test_rules_are_those_of_the_strictest() -> None:
    assert blend(ALL, {"karaoke": 1.0}).when == "now"
    assert blend(ALL, {"stadium": 0.1, "focus": 0.1}).when == "phrase"
    assert not blend(ALL, {"karaoke": 0.9, "sleep": 0.1}).explores
    assert blend(ALL, {"workout": 0.6}).locked == {"tempo"}
    assert blend(ALL, {"workout": 0.4}).locked == set()


def test_what_any_of_its_presets_is_not_for_a_blend_is_not_for() -> None:
    made = blend(ALL, {"karaoke": 0.1, "nightcore": 0.1})
    assert made.objection(("vocals", "drums"), 120.0) == ""
    assert "karaoke is not for a track without vocals" in made.objection(("drums",), 120.0)
    assert "nightcore is not for a track faster" in made.objection(("vocals",), 190.0)


def test_weights_that_cannot_be_are_refused() -> None:
    for weight in (-0.1, 1.5, math.nan, math.inf):
        with pytest.raises(InvalidInput, match=r"the weight of karaoke is .*: not within 0 to 1"):
            blend(ALL, {"karaoke": weight})
    with pytest.raises(InvalidInput, match="are too many"):
        blend(ALL, {f"p-{n}": 0.1 for n in range(PRESETS_MAX + 1)})


@given(weights)
def test_a_saved_blend_sounds_the_same(given_weights) -> None:
    made = blend(ALL, given_weights)
    saved = as_preset("saved", "Saved", "Mine.", dict(made.mix), made)
    again = blend([saved], {"saved": 1.0})
    assert dict(again.mix) == pytest.approx(dict(made.mix), abs=1e-8)
    assert [(rack.on, rack.chain, rack.weight) for rack in again.racks] == [
        (rack.on, rack.chain, rack.weight) for rack in made.racks
    ]
