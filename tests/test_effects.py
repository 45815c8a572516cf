"""The table of effects: what pedalboard has, in ranges that it takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixd.effects import EFFECTS, PLUGIN, beats_of, beats_text, effect
from remixd.errors import InvalidInput, NotFound

pedalboard = pytest.importorskip("pedalboard")

CLASSES = {
    "highpass": "HighpassFilter", "lowpass": "LowpassFilter", "low_shelf": "LowShelfFilter",
    "high_shelf": "HighShelfFilter", "peak": "PeakFilter", "compressor": "Compressor",
    "distortion": "Distortion", "chorus": "Chorus", "phaser": "Phaser", "reverb": "Reverb",
    "bitcrush": "Bitcrush", "ladder": "LadderFilter", "pitch_shift": "PitchShift", "clipping": "Clipping",
    "gain": "Gain", "noise_gate": "NoiseGate",
}  # fmt: skip
OURS = {"delay", "tremolo"}


def test_the_table_is_pedalboards_effects_and_two_of_our_own() -> None:
    assert set(EFFECTS) == set(CLASSES) | OURS
    assert PLUGIN not in EFFECTS


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("edge", ["minimum", "default", "maximum"])
def test_pedalboard_takes_every_parameter_from_end_to_end(name: str, edge: str) -> None:
    kind = getattr(pedalboard, CLASSES[name])
    words = {}
    for parameter, row in EFFECTS[name].parameters.items():
        words[parameter] = (
            getattr(kind.Mode, row.choices[-1 if edge == "maximum" else 0])
            if row.choices
            else getattr(row, edge)
        )
    made = kind(**words)
    for parameter, value in words.items():
        taken = getattr(made, parameter)
        assert taken == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)


def test_every_default_lies_in_its_range() -> None:
    for row in EFFECTS.values():
        for parameter in row.parameters.values():
            assert parameter.check(parameter.usual) == parameter.usual
            assert parameter.choices or parameter.minimum < parameter.maximum


def test_an_element_has_every_parameter_and_what_was_given() -> None:
    element = effect("reverb").element({"room_size": 1})
    assert element["effect"] == "reverb"
    assert element["room_size"] == 1.0
    assert set(element) == {"effect", *EFFECTS["reverb"].parameters}


def test_a_delay_is_in_beats_or_in_seconds() -> None:
    assert effect("delay").element({"beats": "3/16"})["beats"] == 0.75
    assert "delay_seconds" not in effect("delay").element({})
    in_seconds = effect("delay").element({"delay_seconds": 0.2})
    assert (in_seconds["delay_seconds"], "beats" in in_seconds) == (0.2, False)
    with pytest.raises(InvalidInput, match="cannot be beside beats") as refused:
        effect("delay").element({"beats": 1, "delay_seconds": 0.2})
    assert refused.value.field == "delay_seconds"


@pytest.mark.parametrize(
    ("name", "given", "field", "told"),
    [
        ("reverb", {"room_size": 1.5}, "room_size", "is 1.5: not within 0 to 1"),
        ("reverb", {"room_size": math.nan}, "room_size", "is not a number"),
        ("reverb", {"room_size": True}, "room_size", "is not a number"),
        ("reverb", {"room_size": 10**400}, "room_size", "is a number of many digits: not within"),
        ("reverb", {"roomsize": 0.5}, "roomsize", "is no parameter of reverb: did you mean room_size"),
        ("lowpass", {"cutoff_frequency_hz": 5}, "cutoff_frequency_hz", "is 5: not within 20 to 20000 Hz"),
        ("ladder", {"mode": "LPF13"}, "mode", "is 'LPF13': not one of LPF12"),
        ("delay", {"beats": "3/0"}, "beats", "is '3/0': not a fraction of a whole note"),
        ("delay", {"beats": "4/1"}, "beats", "is 4/1: not within 0.125 to 2 beats"),
        ("tremolo", {"beats": "soon"}, "beats", "not a fraction of a whole note"),
    ],
)
def test_what_cannot_be_is_refused_with_the_parameter(name, given, field, told) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        effect(name).element(given)
    assert refused.value.field == field


def test_an_unknown_effect_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="there is no effect 'revrb': did you mean reverb"):
        effect("revrb")


@given(st.integers(1, 64), st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]))
def test_a_fraction_of_a_whole_note_is_the_same_read_again(over: int, under: int) -> None:
    beats = beats_of(f"{over}/{under}")
    assert beats == pytest.approx(4 * over / under)
    text = beats_text(beats)
    assert (beats_of(text) if isinstance(text, str) else text) == pytest.approx(beats)


def test_every_parameter_is_a_keyword_of_pedalboards() -> None:
    for name, kind in CLASSES.items():
        signature = (getattr(pedalboard, kind).__init__.__doc__ or "").splitlines()[0]
        for parameter in EFFECTS[name].parameters:
            assert f"{parameter}:" in signature
