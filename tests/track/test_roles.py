import pytest

from remixd.errors import InvalidInput, NotFound
from remixd.track.roles import (
    cast_name,
    is_master,
    match_mapping,
    parse_mapping,
    playing,
    role_of,
    split_language,
    words,
)


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (
            "drums",
            "drums Drum_Loop perc Percussion kick KICK-in bassdrum BassDrum bass-drum snare hi-hat HiHat",
        ),
        ("drums", "02_Overheads tom2 claps steel_drums drumkit kick808 드럼"),
        ("bass", "bass Bass1 sub-bass subbass synth_bass bass_guitar 808 BASSLINE 베이스"),
        (
            "vocals",
            "vocals Vox voc voice lead LeadVox Lead_Vocal backing_vocals BGVs singer singing rap choir",
        ),
        ("vocals", "ad-libs vocal_chops sung 03-Vox(dry) 보컬 vocalsynth lead2"),
        (None, "guitar backing lead_guitar synth-lead LEAD_SYNTH keys strings single bassoon no_vocals"),
        (None, "instrumental_minus_vocals pad fx 01 what chat backdrop"),
        ("other", "other Others_2"),
    ],
)
def test_a_name_says_its_role(role: str | None, names: str) -> None:
    assert {name: role_of(name) for name in names.split()} == dict.fromkeys(names.split(), role)


def test_a_name_decomposed_by_the_file_system_says_the_same() -> None:
    assert role_of("\u1107\u1169\u110f\u1165\u11af") == "vocals"  # 보컬, as macOS stores it


def test_words_are_split_where_people_split_them() -> None:
    assert words("02_LeadVox (dry)") == ["02", "lead", "vox", "dry"]


@pytest.mark.parametrize(
    "name", ["mix", "Master", "FINAL MIX", "mixdown_2", "mix-master", "full mix v3", "mix.ko"]
)
def test_a_mix_is_the_master(name: str) -> None:
    assert is_master(name)


@pytest.mark.parametrize(
    "name", ["drum mix", "vocal master", "remix", "guitar", "track 1", "mixer", "other mix"]
)
def test_a_stem_is_not_the_master(name: str) -> None:
    assert not is_master(name)


def test_the_title_before_a_name_counts_for_nothing() -> None:
    assert role_of("Bass Down - guitar") == "bass"
    assert cast_name("Bass Down - guitar", title="Bass Down").role == "other"
    assert cast_name("Bass Down - bass", title="bass_down").role == "bass"
    assert cast_name("drums 2", title="Drums").role == "drums"
    assert is_master("Bass Down mix", title="Bass Down")


@pytest.mark.parametrize(
    ("name", "base", "language"),
    [
        ("vocals.ko", "vocals", "ko"),
        ("Lead Vox.EN", "Lead Vox", "en"),
        ("vocals.pt-br", "vocals", "pt-BR"),
        ("vocals.zh_hant", "vocals", "zh-Hant"),
        ("vocals.yue", "vocals", "yue"),
        ("vocals.kr", "vocals", "ko"),
        ("vocals.jp", "vocals", "ja"),
        ("vocals.xx", "vocals.xx", ""),
        ("vocals.v2", "vocals.v2", ""),
        ("vocals", "vocals", ""),
        (".ko", ".ko", ""),
    ],
)
def test_a_language_stands_after_a_dot(name: str, base: str, language: str) -> None:
    assert split_language(name) == (base, language)


def test_only_singers_have_a_language() -> None:
    assert cast_name("kick.hi").language == ""
    assert cast_name("vocals.hi").language == "hi"
    assert cast_name("story.ko", role="vocals").language == "ko"
    assert cast_name("vocals.ko", role="other").language == ""


@pytest.mark.parametrize(
    "names",
    [
        "vocals.en+ vocals.ko- vocals.ja-",
        "vocals.ko+ backing_vocals.ko+ vocals.en- backing_vocals.en-",
        "lead+ lead.ko- lead.en-",
        "backing_vocals+ vocals.en+ vocals.ko-",
        "drums.hi+ drums.lo+ kick+",
        "vox1+ vox2+",
    ],
)
def test_one_language_plays_at_a_time(names: str) -> None:
    cast = [cast_name(name[:-1]) for name in names.split()]
    assert playing(cast) == [name.endswith("+") for name in names.split()]


def test_a_mapping_goes_before_the_name() -> None:
    mapping = parse_mapping(["Guitar=bass", "a=b=vocals", "vocals=other"])
    assert mapping == {"Guitar": "bass", "a=b": "vocals", "vocals": "other"}
    found = match_mapping(mapping, ["guitar", "a=b", "vocals.ko", "vocals.en", "drums"])
    assert found == {"guitar": "bass", "a=b": "vocals", "vocals.ko": "other", "vocals.en": "other"}


@pytest.mark.parametrize("word", ["guitar", "=bass", ""])
def test_a_mapping_of_another_form_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="NAME=ROLE"):
        parse_mapping([word])


def test_an_unknown_role_or_stem_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"'vocls'.*did you mean vocals"):
        parse_mapping(["lead=vocls"])
    with pytest.raises(NotFound, match=r"'guitr'.*did you mean guitar"):
        match_mapping({"guitr": "bass"}, ["Guitar", "drums"])
