"""What may be done to a work: read, refused where it is broken, and kept."""

from __future__ import annotations

import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from packages import a_stem, a_track, write_package

from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS
from remixd.track.package import Track, load_track, write_track
from remixd.track.rights import DEFAULT_RIGHTS, EXPORTS, NEVER_MUTE_DB, Rights
from remixd.units import STEM_ROLES, gain_from_db

BAND = tuple(a_stem(role, role) for role in STEM_ROLES)


def with_rights(folder: Path, **rights: Any) -> Track:
    """A package whose `track.toml` says these rights, read again."""
    write_package(folder, stems=BAND)
    path = folder / "track.toml"
    path.write_text(tomli_w.dumps({**tomllib.loads(path.read_text()), "rights": rights}))
    return load_track(folder)


def test_a_track_that_says_nothing_has_the_default_rights(tmp_path: Path) -> None:
    write_package(tmp_path)
    assert "rights" not in tomllib.loads((tmp_path / "track.toml").read_text())
    assert load_track(tmp_path).rights == DEFAULT_RIGHTS
    assert DEFAULT_RIGHTS.range("tempo") == (0.8, 1.25)
    assert DEFAULT_RIGHTS.range("pitch") == (-3.0, 3.0)
    assert DEFAULT_RIGHTS.range("vocals") == (-60.0, 6.0)


def test_every_right_is_read_from_the_file(tmp_path: Path) -> None:
    rights = with_rights(
        tmp_path,
        tempo=[0.9, 1.1], vocals=[-12, 0], vocals_solo=True, never_mute=["bass", "drums"], mash_ups=True,
        export="no", territories=["KR", "JP"], languages=["ko"],
    ).rights  # fmt: skip
    assert rights.range("tempo") == (0.9, 1.1)
    assert rights.range("vocals") == (-12.0, 0.0)
    assert rights.range("pitch") == (-3.0, 3.0), "what is not said stays as it is"
    assert rights.range("drums") == (NEVER_MUTE_DB, 6.0)
    assert (rights.vocals_solo, rights.never_mute) == (True, ("drums", "bass"))
    assert (rights.mash_ups, rights.export) == (True, "no")
    assert (rights.territories, rights.languages) == (("KR", "JP"), ("ko",))


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ({"tempo": 1.1}, "rights: tempo is not a list"),
        ({"tempo": [0.9]}, "rights: tempo has 1 numbers"),
        ({"tempo": [0.4, 1.1]}, "rights: tempo[0] is 0.4: not within 0.5 to 2"),
        ({"tempo": [1.1, 1.2]}, "rights: tempo goes from 1.1 to 1.2, which leaves out 1, the artist's own"),
        ({"tempo": [1.1, 0.9]}, "rights: tempo goes from 1.1 to 0.9"),
        ({"pitch": [float("nan"), 3.0]}, "rights: pitch[0] is not a number"),
        ({"drums": [-3.0, "loud"]}, "rights: drums[1] is not a number"),
        ({"vocals_solo": "yes"}, "rights: vocals_solo is neither true nor false"),
        ({"never_mute": "drums"}, "rights: never_mute is not a list"),
        ({"never_mute": ["drum"]}, "rights: never_mute[0] is 'drum': did you mean drums?"),
        ({"never_mute": ["vocals"]}, "never_mute names vocals alone"),
        ({"export": "maybe"}, "rights: export is 'maybe', not one of free, with-credit, no"),
        ({"territories": [1]}, "rights: territories[0] is not a text"),
        ({"temp": [0.9, 1.1]}, "rights: temp is no right: did you mean tempo?"),
    ],
)
def test_broken_rights_are_refused_naming_the_file_and_the_key(
    tmp_path: Path, rights: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        with_rights(tmp_path, **rights)
    assert told in str(refused.value)
    assert "track.toml" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    write_package(tmp_path)
    path = tmp_path / "track.toml"
    path.write_text(path.read_text() + "\n[rights]\ntempo = [0.9, \n")
    line = len(path.read_text().splitlines())
    with pytest.raises(InvalidInput, match=rf"track\.toml is not TOML: .*(line {line}|end of document)"):
        load_track(tmp_path)
    path.write_text(path.read_text().replace("tempo = [0.9, ", "tempo = fast"))
    with pytest.raises(InvalidInput, match=rf"line {line}"):
        load_track(tmp_path)


def test_what_must_never_be_muted_must_be_there(tmp_path: Path) -> None:
    track = a_track(tmp_path)  # drums and bass
    with pytest.raises(InvalidInput, match="never_mute names other, but the track plays drums, bass"):
        replace(track, rights=Rights(never_mute=("other",)))


ranges = st.fixed_dictionaries(
    {},
    optional={
        name: st.tuples(st.floats(row.minimum, row.neutral), st.floats(row.neutral, row.maximum))
        for name, row in DIMENSIONS.items()
    },
)
any_rights = st.builds(
    Rights,
    ranges=ranges.map(lambda given: {"tempo": (0.8, 1.25), "pitch": (-3.0, 3.0), **given}),
    vocals_solo=st.booleans(),
    never_mute=st.sampled_from([(), ("drums",), ("drums", "vocals"), STEM_ROLES]),
    mash_ups=st.booleans(),
    generated=st.booleans(),
    export=st.sampled_from(EXPORTS),
    territories=st.lists(st.text(max_size=3), max_size=3).map(tuple),
    languages=st.lists(st.text(max_size=3), max_size=3).map(tuple),
)


@given(rights=any_rights)
def test_rights_survive_the_disk(rights: Rights) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        track = a_track(folder, stems=BAND, rights=rights)
        (folder / "stems").mkdir()
        for stem in track.stems:
            track.file_of(stem).touch()
        write_track(folder, track)
        assert load_track(folder) == track


@given(rights=any_rights)
def test_the_artists_own_mix_is_always_allowed_and_what_is_never_muted_sounds(rights: Rights) -> None:
    for name, row in DIMENSIONS.items():
        low, high = rights.range(name)
        assert row.minimum <= low <= row.neutral <= high <= row.maximum
    levels = {role: rights.range(role)[0] for role in STEM_ROLES}
    most_db = rights.vocals_most_db(levels, STEM_ROLES)
    for role in rights.never_mute:
        level_db = min(levels[role], most_db) if role == "vocals" else levels[role]
        assert gain_from_db(level_db) > 0.06


def test_rights_are_shown_in_full(tmp_path: Path) -> None:
    shown = a_track(tmp_path, rights=Rights(never_mute=("drums",))).to_json()["rights"]
    assert shown["ranges"]["drums"] == [NEVER_MUTE_DB, 6.0]
    assert shown["ranges"]["tempo"] == [0.8, 1.25]
    assert set(shown) == {
        "ranges", "vocals_solo", "never_mute", "mash_ups", "generated", "export", "territories", "languages",
    }  # fmt: skip


def test_a_work_over_which_nothing_may_be_generated_goes_no_higher_than_neutral() -> None:
    assert Rights().range("density") == (-1.0, 1.0)
    assert Rights(generated=False).range("density") == (-1.0, 0.0)
