"""Presets: read from their files, refused where they are broken, saved beside those that come along."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import read_only

from remixd.director.blend import parse_weights
from remixd.director.preset import ORIGINAL, PLACES, NotFor, Preset, Rack
from remixd.director.preset_files import (
    load_preset,
    load_presets,
    preset_names,
    save_preset,
    shipped_names,
)
from remixd.effects import EFFECTS
from remixd.errors import AlreadyExists, InvalidInput, NotFound
from remixd.mix import DIMENSIONS, NEUTRAL, WHENS

SEVENTEEN = {
    "original", "karaoke", "acapella", "instrumental", "nightcore", "slowed-reverb", "lo-fi", "club-lift",
    "festival-drop", "stripped", "workout", "focus", "sleep", "stadium", "headphone-wide", "bass-boost",
    "vocal-spotlight",
}  # fmt: skip

GOOD = """\
title = "T"
description = "D"
tags = ["a"]
gain_db = 1.5

[mix]
vocals = -60

[[rack]]
on = "master"
effect = "reverb"
room_size = 0.9

[[rack]]
on = "vocals"
effect = "delay"
beats = "3/16"

[rules]
when = "bar"
explores = false

[not_for]
without = ["vocals"]
faster_than_bpm = 150
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.fixture(autouse=True)
def nobodys_presets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMIXD_PRESETS", str(tmp_path / "nobodys"))


def test_the_seventeen_come_along() -> None:
    found, problems = load_presets()
    assert problems == []
    assert {preset.name for preset in found} == SEVENTEEN == set(shipped_names())


@pytest.mark.parametrize("name", shipped_names())
def test_every_preset_that_comes_along_says_what_it_is(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.tags
    assert preset.description.endswith(".")
    assert set(preset.mix.values_by_name) <= set(DIMENSIONS)
    assert preset.rules.when in WHENS
    assert all(rack.on in PLACES and rack.chain for rack in preset.racks)


def test_the_original_is_the_artists_own_mix_and_the_others_are_not() -> None:
    def is_plain(name: str) -> bool:
        preset = load_preset(name)
        return not preset.racks and not preset.gain_db and dict(preset.mix) == dict(NEUTRAL)

    assert {name for name in shipped_names() if is_plain(name)} == {ORIGINAL}


def test_rules_and_what_they_are_not_for_are_as_the_presets_are_meant() -> None:
    assert {name for name in SEVENTEEN if load_preset(name).rules.cadence_lock} == {"workout"}
    assert {name for name in SEVENTEEN if not load_preset(name).rules.explores} == {
        "workout",
        "focus",
        "sleep",
    }
    assert load_preset("acapella").not_for.without_rights == ("vocals_solo",)
    voiced = {"karaoke", "acapella", "instrumental", "vocal-spotlight"}
    assert {name for name in SEVENTEEN if "vocals" in load_preset(name).not_for.without} == voiced


def test_a_preset_is_read_in_full(tmp_path: Path) -> None:
    preset = load_preset("mine", write(tmp_path, GOOD))
    assert dict(preset.mix) == {**NEUTRAL, "vocals": -60.0}
    assert [(rack.on, rack.share, rack.chain[0]["effect"]) for rack in preset.racks] == [
        ("master", 1.0, "reverb"),
        ("vocals", 1.0, "delay"),
    ]
    assert preset.racks[1].chain[0]["beats"] == 0.75
    assert preset.not_for == NotFor(without=("vocals",), faster_than_bpm=150.0)
    told = preset.to_json()
    assert told["mix"] == {"vocals": -60.0}
    assert told["rules"] == {"when": "bar", "explores": False, "cadence_lock": False}
    assert told["not_for"] == {"without": ["vocals"], "faster_than_bpm": 150.0}


def test_what_makes_it_as_loud_is_the_last_of_its_effects_on_the_master(tmp_path: Path) -> None:
    preset = load_preset("mine", write(tmp_path, GOOD))
    master, vocals = preset.matched_racks
    assert [element["effect"] for element in master.chain] == ["reverb", "gain"]
    assert master.chain[-1]["gain_db"] == 1.5
    assert vocals == preset.racks[1]


def test_layers_at_a_place_have_shares(tmp_path: Path) -> None:
    layers = GOOD.replace('on = "vocals"', 'on = "master"\nlayer = 2\nshare = 0.25')
    layers = layers.replace(
        'on = "master"\neffect = "reverb"', 'on = "master"\nshare = 0.5\neffect = "reverb"'
    )
    preset = load_preset("mine", write(tmp_path, layers))
    assert [(rack.on, rack.share) for rack in preset.racks] == [("master", 0.5), ("master", 0.25)]
    with pytest.raises(InvalidInput, match=r"mine.toml, line \d+: rack cannot be: the shares of the racks"):
        load_preset("mine", write(tmp_path, layers.replace("0.25", "0.75")))


def test_a_plug_in_has_a_path_or_a_name_and_what_it_likes(tmp_path: Path) -> None:
    plugin = GOOD.replace('effect = "delay"\nbeats = "3/16"', 'effect = "vst3"\nname = "ZamDelay"')
    preset = load_preset("mine", write(tmp_path, plugin + "\n[[rack]]\n" + PLUGIN))
    element = preset.racks[0].chain[1]
    assert element == {
        "effect": "vst3", "path": "/usr/lib/vst3/ZamComp.vst3", "name": "", "optional": True,
        "parameters": {"Attack": 5.0},
    }  # fmt: skip


PLUGIN = """\
on = "master"
effect = "vst3"
path = "/usr/lib/vst3/ZamComp.vst3"
optional = true
parameters = {Attack = 5.0}
"""


def test_an_unknown_preset_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="there is no preset 'karoake': did you mean karaoke") as refused:
        load_preset("karoake")
    assert (refused.value.kind, refused.value.name) == ("preset", "karoake")
    for odd in ("../karaoke", "", "karaoke.toml", "a\nb", "\ud800"):
        with pytest.raises(NotFound) as refused:
            load_preset(odd)
        assert str(refused.value).encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = T", "mine.toml is not TOML: .*line 1"),
        (GOOD.replace('"T"', "7"), "mine.toml, line 1: title is not a text"),
        (GOOD.replace('title = "T"\n', ""), "mine.toml: title is missing"),
        (
            GOOD.replace("title", "titel"),
            "mine.toml, line 1: titel is nothing that a preset has: did you mean title",
        ),
        (GOOD.replace('["a"]', '"a"'), "mine.toml, line 3: tags is not a list"),
        (GOOD.replace("gain_db = 1.5", "gain_db = 99"), "line 4: gain_db is 99: not within -24 to 12"),
        (GOOD.replace("[mix]\nvocals = -60\n", ""), "mine.toml: mix is missing"),
        (GOOD.replace("[mix]\nvocals = -60\n", "mix = 3"), "mine.toml, line 6: mix is not a table"),
        (GOOD.replace("vocals =", "vocls ="), "line 7: mix: vocls is no dimension: did you mean vocals"),
        (GOOD.replace("-60", "-61"), "mine.toml, line 7: mix: vocals is -61: not within -60 to 6"),
        (GOOD.replace("-60", "nan"), "mine.toml, line 7: mix: vocals is not a number"),
        (GOOD.replace("-60", '"off"'), "mine.toml, line 7: mix: vocals is not a number"),
        (GOOD.replace('"reverb"', '"revrb"'), r"line 11: rack\[0\]: effect is 'revrb': did you mean reverb"),
        (GOOD.replace('effect = "reverb"\n', ""), r"line 9: rack\[0\]: effect is missing"),
        (GOOD.replace("room_size", "roomsize"), r"line 12: rack\[0\]: roomsize is no parameter of reverb"),
        (GOOD.replace("0.9", "9"), r"line 12: rack\[0\]: room_size is 9: not within 0 to 1"),
        (GOOD.replace('"3/16"', '"3/0"'), r"line 17: rack\[1\]: beats is '3/0': not a fraction"),
        (GOOD.replace('"vocals"\neff', '"voice"\neff'), r"line 15: rack\[1\]: on is 'voice'"),
        (GOOD.replace("[[rack]]", "[rack]", 1), "mine.toml is not TOML"),
        (GOOD.replace('"bar"', '"bars"'), "line 20: rules: when is 'bars': did you mean bar"),
        (GOOD.replace("explores = false", "explores = 0"), "line 21: rules: explores is neither true nor"),
        (GOOD.replace('["vocals"]', '["voice"]'), "line 24: not_for: without has 'voice'"),
        (GOOD.replace("150", "9"), "line 25: not_for: faster_than_bpm is 9: not within 20 to 400"),
        (GOOD + '\n[[rack]]\non = "master"\neffect = "vst3"\n', r"line 27: rack\[2\]: path is missing"),
        (GOOD + "\n[[rack]]\n" + PLUGIN.replace('"/usr', '"usr'), r"line 30: .* path is usr/lib/vst3"),
        (GOOD + "\n[[rack]]\n" + PLUGIN.replace("5.0", "[1]"), "parameters has Attack, which is no number"),
    ],
)
def test_a_broken_preset_is_refused_naming_the_file_the_line_and_the_key(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        load_preset("mine", write(tmp_path, text))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1" + "0" * 400, "[1]", "1979-05-27"])
def test_parameters_of_plugins_that_nobody_could_be_told_are_refused(tmp_path: Path, value: str) -> None:
    plugin = f'effect = "vst3"\nname = "Any"\nparameters.gain = {value}\n'
    text = f'title = "T"\ndescription = "D"\n[mix]\n[[rack]]\non = "master"\n{plugin}'
    with pytest.raises(InvalidInput, match="parameters has gain, which is no number"):
        load_preset("mine", write(tmp_path, text))


def test_no_more_effects_in_a_row_than_are_played(tmp_path: Path) -> None:
    head = 'title = "T"\ndescription = "D"\ntags = []\n'
    row = '[[rack]]\non = "master"\neffect = "gain"\n'
    many = write(tmp_path, f"{head}[mix]\n{row * 16}")
    assert len(load_preset("mine", many).racks[0].chain) == 16
    for text in (f"{head}[mix]\n{row * 17}", f"{head}gain_db = 1\n[mix]\n{row * 16}"):
        with pytest.raises(InvalidInput, match=r"17 effects in a row on master.*: at most 16 are played"):
            load_preset("mine", write(tmp_path, text))


def test_a_file_that_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe title")
    with pytest.raises(InvalidInput, match=r"mine.toml is not TOML: it is not UTF-8"):
        load_preset("mine", tmp_path)
    write(tmp_path, "#" * 300_000)
    with pytest.raises(InvalidInput, match=r"mine.toml has more than 262144 bytes"):
        load_preset("mine", tmp_path)
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InvalidInput, match=r"folder.toml"):
        load_preset("folder", tmp_path)


def test_a_preset_has_a_name_that_people_can_type(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a preset's name"):
        load_preset("Mine", write(tmp_path, GOOD, "Mine"))
    assert Preset(name="late-night-2", title="", description="")


def test_one_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, "title = ", "broken")
    write(tmp_path, GOOD, "karaoke")
    found, problems = load_presets(tmp_path)
    assert {preset.name for preset in found} == SEVENTEEN | {"mine"}
    broken, taken = problems
    assert "broken.toml is not TOML" in broken
    assert "karaoke.toml is not used: a preset that comes with remixd has its name" in taken
    assert load_preset("karaoke", tmp_path).title == "Karaoke"


@pytest.mark.parametrize("name", shipped_names())
def test_what_is_saved_is_what_is_read(tmp_path: Path, name: str) -> None:
    preset = load_preset(name)
    copy = Preset(
        name="copy", title=preset.title, description=preset.description, tags=preset.tags, mix=preset.mix,
        racks=preset.racks, rules=preset.rules, not_for=preset.not_for, gain_db=preset.gain_db,
    )  # fmt: skip
    save_preset(copy, own=tmp_path / "new" / "folder")
    assert load_preset("copy", tmp_path / "new" / "folder") == copy
    assert preset_names(tmp_path / "new" / "folder") == sorted(SEVENTEEN | {"copy"})


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    preset = load_preset("mine", write(tmp_path, GOOD))
    before = (tmp_path / "mine.toml").read_text()
    with pytest.raises(AlreadyExists, match="there is a preset mine already"):
        save_preset(preset, own=tmp_path)
    assert (tmp_path / "mine.toml").read_text() == before
    save_preset(preset, own=tmp_path, replace=True)
    assert load_preset("mine", tmp_path) == preset
    with pytest.raises(AlreadyExists, match="a preset that comes with remixd is called karaoke"):
        save_preset(load_preset("karaoke"), own=tmp_path, replace=True)


def test_a_folder_that_cannot_be_written_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD)
    preset = load_preset("mine", folder)
    with read_only(folder), pytest.raises(InvalidInput, match=r"mine.toml cannot be written: Read-only"):
        save_preset(preset, own=folder, replace=True)
    assert load_preset("mine", folder) == preset
    assert [path.name for path in folder.iterdir()] == ["mine.toml"]


def test_what_it_must_not_be_used_on_is_told_with_what_is_there() -> None:
    not_for = NotFor(without=("vocals",), slower_than_bpm=60.0, faster_than_bpm=150.0)
    assert not_for.objection(("vocals", "other"), 120.0) == ""
    assert not_for.objection(("vocals",), None) == ""
    assert "without vocals: this one has drums" in not_for.objection(("drums",), 120.0)
    assert "slower than 60 bpm: this one has 59" in not_for.objection(("vocals",), 59.0)
    assert "faster than 150 bpm: this one has 151" in not_for.objection(("vocals",), 151.0)


def test_more_racks_than_a_place_holds_cannot_be() -> None:
    rack = Rack(on="master", chain=(EFFECTS["gain"].element({}),), share=0.1)
    with pytest.raises(InvalidInput, match="5 racks on master: at most 4"):
        Preset(name="many", title="", description="", racks=(rack,) * 5)


def test_weights_are_words_of_the_command_line() -> None:
    assert parse_weights("karaoke") == {"karaoke": 1.0}
    assert parse_weights(" lo-fi:0.5 , stadium:.25") == {"lo-fi": 0.5, "stadium": 0.25}
    for text, told in (
        ("", "'' is not PRESET"),
        ("a,,b", "'' is not PRESET"),
        ("a:b:c", "'b:c', not a number"),
        ("a:much", "the weight of a is 'much', not a number"),
        ("a,a:.5", "a is there twice"),
    ):
        with pytest.raises(InvalidInput, match=told):
            parse_weights(text)
