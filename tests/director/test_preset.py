"""Presets: read from their files, refused where they are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from remixd.director.preset import ORIGINAL, Preset, load_preset, preset_names
from remixd.errors import InvalidInput, NotFound
from remixd.mix import NEUTRAL, PLAYABLE

GOOD = 'title = "T"\ndescription = "D"\ntags = ["a"]\n\n[mix]\nvocals = -60\n'


def write(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_that_comes_along_can_be_read_and_played(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert preset.description.endswith(".")
    assert set(preset.mix.values_by_name) <= set(PLAYABLE)


def test_the_original_is_the_artists_own_mix_and_the_others_are_not() -> None:
    assert len(preset_names()) >= 3
    assert {name for name in preset_names() if dict(load_preset(name).mix) == dict(NEUTRAL)} == {ORIGINAL}


def test_a_preset_is_a_point_of_the_mix_table(tmp_path: Path) -> None:
    preset = load_preset("mine", write(tmp_path, GOOD))
    assert dict(preset.mix) == {**NEUTRAL, "vocals": -60.0}
    assert preset.to_json() == {
        "name": "mine", "title": "T", "description": "D", "tags": ["a"], "mix": {"vocals": -60.0},
    }  # fmt: skip


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
        (GOOD.replace('"T"', "7"), "mine.toml: title is not a text"),
        (GOOD.replace('title = "T"\n', ""), "mine.toml: title is missing"),
        (GOOD.replace("title", "titel"), "mine.toml: titel is nothing that a preset has: did you mean title"),
        (GOOD.replace('["a"]', '"a"'), "mine.toml: tags is not a list"),
        (GOOD.partition("[mix]")[0], "mine.toml: mix is missing"),
        (GOOD.partition("\n[mix]")[0] + "mix = 3", "mine.toml: mix is not a table"),
        (GOOD.replace("vocals", "vocls"), "mine.toml: mix: vocls is no dimension: did you mean vocals"),
        (GOOD.replace("-60", "-61"), "mine.toml: mix: vocals is -61: not within -60 to 6"),
        (GOOD.replace("-60", "nan"), "mine.toml: mix: vocals is not a number"),
        (GOOD.replace("-60", '"off"'), "mine.toml: mix: vocals is not a number"),
    ],
)
def test_a_broken_preset_is_refused_naming_the_file_and_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        load_preset("mine", write(tmp_path, text))
    assert len(str(refused.value).splitlines()) == 1


def test_a_preset_has_a_name_that_people_can_type(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a preset's name"):
        load_preset("Mine", write(tmp_path, GOOD, "Mine"))
    assert Preset(name="late-night-2", title="", description="", tags=(), mix=NEUTRAL)
