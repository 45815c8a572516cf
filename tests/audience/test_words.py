"""What fans write is read as they meant it, or refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from remixd.audience import vocabulary
from remixd.audience.clauses import fold, read_tokens
from remixd.audience.signal import AMOUNTS, REACTIONS, STEPS_MAX, Signal
from remixd.audience.words import TEXT_LENGTH_MAX, read_emoji, read_text
from remixd.errors import InvalidInput
from remixd.mix import DIMENSIONS

DREAMY = {"space": 2.0, "brightness": -1.0}
SAID = [
    ("more drums", {"drums": 1}),
    ("louder bass", {"bass": 1}),
    ("drums down a lot", {"drums": -2}),
    ("slower", {"tempo": -1}),
    ("slow it down please", {"tempo": -1}),
    ("speed it up a little", {"tempo": 0.5}),
    ("more dreamy, less drums", {**DREAMY, "drums": -1}),
    ("a bit brighter", {"brightness": 0.5}),
    ("much more reverb", {"space": 2}),
    ("way less vocals", {"vocals": -3}),
    ("I'd like more bass and less treble", {"bass": 1, "brightness": -1}),
    ("can you make the drums a bit louder for me please", {"drums": 0.5}),
    # a way that neighbours share
    ("more drums and bass", {"drums": 1, "bass": 1}),
    ("drums and bass up", {"drums": 1, "bass": 1}),
    ("drums down, bass and vocals up", {"drums": -1, "bass": 1, "vocals": 1}),
    ("more drums and bass, less vocals", {"drums": 1, "bass": 1, "vocals": -1}),
    ("more drums less vocals louder bass", {"drums": 1, "vocals": -1, "bass": 1}),
    ("the bass is great but the drums are annoying", {"drums": -1}),
    # what turns it round
    ("too fast", {"tempo": -1}),
    ("not so fast", {"tempo": -1}),
    ("less dark", {"brightness": 1}),
    ("not dreamy", {"space": -2, "brightness": 1}),
    ("the singer's voice is too loud", {"vocals": -1}),
    ("drums too quiet", {"drums": 1}),
    ("drums are not loud enough", {"drums": 1}),
    ("not enough bass", {"bass": 1}),
    ("I don't like the drums", {"drums": -1}),
    # what is a mood alone, and a level beside a name
    ("heavier", {"drive": 2, "bass": 1, "drums": 1}),
    ("heavier drums", {"drums": 1}),
    ("calm down", vocabulary.MOODS["calm"]),
    ("less energy", {name: -steps for name, steps in vocabulary.MOODS["energetic"].items()}),
    ("more bass 🔥", {**vocabulary.MOODS["energetic"], "bass": 2}),
    # Korean, with and without blanks
    ("보컬 줄여", {"vocals": -1}),
    ("더 몽환적으로", DREAMY),
    ("덜 몽환적으로", {"space": -2, "brightness": 1}),
    ("드럼 좀 키워줘", {"drums": 1}),
    ("보컬줄이고 드럼키워", {"vocals": -1, "drums": 1}),
    ("보컬이 너무 커", {"vocals": -1}),
    ("보컬이 안 들려", {"vocals": 1}),
    ("베이스를 더 작게", {"bass": -1}),
    ("너무 빨라", {"tempo": -1}),
    ("조금 더 밝게 해주세요", {"brightness": 0.5}),
    ("더 느리게, 보컬은 크게", {"tempo": -1, "vocals": 1}),
    ("신나게 해줘", vocabulary.MOODS["energetic"]),
]


@pytest.mark.parametrize(("text", "directions"), SAID)
def test_a_text_goes_the_way_it_says(text, directions):
    understood = read_text(text)
    assert understood.directions == directions
    assert (understood.wishes, understood.reaction) == ({}, "")


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("no vocals", {"vocals": -60.0}),
        ("no drums no bass", {"drums": -60.0, "bass": -60.0}),
        ("mute the bass", {"bass": -60.0}),
        ("without reverb", {"space": 0.0}),
        ("bring back the vocals", {"vocals": 0.0}),
        ("drums back to normal", {"drums": 0.0}),
        ("don't mute the vocals", {"vocals": 0.0}),
        ("드럼 없이", {"drums": -60.0}),
        ("보컬 빼줘", {"vocals": -60.0}),
    ],
)
def test_what_is_to_be_off_or_back_is_a_value(text, wishes):
    assert read_text(text).wishes == wishes
    assert read_text(text).directions == {}


@pytest.mark.parametrize(
    ("text", "reaction"),
    [
        ("love it", "love"), ("I like this!", "like"), ("not good", "dislike"), ("skip", "skip"),
        ("play it again", "replay"), ("좋아", "like"), ("별로야", "dislike"), ("한 번 더", "replay"),
    ],
)  # fmt: skip
def test_what_names_nothing_is_a_reaction(text, reaction):
    understood = read_text(text)
    assert (understood.reaction, understood.wishes, understood.directions) == (reaction, {}, {})


@pytest.mark.parametrize(
    "text",
    [
        "asdf qwer", "how is the weather today", "more cowbell", "drums", "louder", "no", "it is", "...",
        "SELECT * FROM users", "sounds like it is underwater", "good morning everyone out there",
        "less bass, more bass", "커피 한 잔", "12345", "-6 dB",
        "my hovercraft is full of eels", "\u200b" * 3 + "x",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_what_could_be_said(text):
    with pytest.raises(InvalidInput, match=r"say such as \"more drums\"|cannot be printed") as caught:
        read_text(text)
    assert len(str(caught.value)) < 200


def test_what_is_left_out_is_named():
    assert read_text("less drums, more cowbell").words == "drums -1; not understood: cowbell"
    assert read_text("slower. drums").words == "tempo -1; not understood: drums"


@pytest.mark.parametrize("way", ["NFC", "NFD"])
def test_hangul_is_read_however_it_is_composed(way):
    assert read_text(unicodedata.normalize(way, "보컬 줄여")).directions == {"vocals": -1}


@pytest.mark.parametrize("text", ["", "   ", "x" * (TEXT_LENGTH_MAX + 1), "drums\x00up", "\x1b[2Jmore drums"])
def test_a_text_that_none_should_write_is_refused(text):
    with pytest.raises(InvalidInput) as caught:
        read_text(text)
    assert caught.value.field == "text"


words = st.sampled_from(
    [
        *sorted({token.text for text, _ in SAID for token in read_tokens(fold(text))}),
        *sorted(vocabulary.SCALES), *vocabulary.EMOJI, ",", "and", "not", "too", "x",
    ]
)  # fmt: skip


@given(text=st.one_of(st.text(max_size=250), st.lists(words, max_size=40).map(" ".join)))
@example(text="ßß more drums ﬁ")
@example(text="가" * 200)
@example(text="not " * 50)
@example(text="way way way way way way way way way more drums")
@example(text="🔥" * 200)
def test_any_text_is_a_whole_signal_or_refused(text):
    try:
        understood = read_text(text)
    except InvalidInput:
        return
    signal = Signal(
        id="x", wishes=understood.wishes, directions=understood.directions, reaction=understood.reaction
    )
    assert all(abs(steps) <= STEPS_MAX for steps in signal.directions.values())
    assert understood.words.isprintable()
    assert len(understood.words) < 400


@pytest.mark.parametrize("emoji", vocabulary.EMOJI)
def test_every_emoji_says_something(emoji):
    assert read_emoji(emoji).words


@pytest.mark.parametrize(("emoji", "plain"), [("❤️", "❤"), ("👍🏽", "👍"), ("☀️", "☀")])
def test_variations_of_an_emoji_say_the_same(emoji, plain):
    assert read_emoji(emoji) == read_emoji(plain)


@pytest.mark.parametrize("emoji", ["", "🦆", "more drums", "🔥🔥", "🔥" * 50, "\x00"])
def test_an_emoji_that_is_not_in_the_table_is_refused(emoji):
    with pytest.raises(InvalidInput, match="🔥") as caught:
        read_emoji(emoji)
    assert caught.value.field == "emoji"


def test_the_tables_speak_of_what_there_is():
    spoken = {*vocabulary.DIMENSIONS_SAID, *vocabulary.DIMENSIONS_SAID_KO}
    assert spoken == set(DIMENSIONS)
    assert set(vocabulary.MOODS) == set(vocabulary.MOODS_SAID)
    assert set(vocabulary.EXPLAINED) <= set(vocabulary.MOODS)
    for parts in vocabulary.MOODS.values():
        Signal(id="x", directions=parts)
    assert {name for name, _ in vocabulary.QUALITIES.values()} <= set(DIMENSIONS)
    assert set(vocabulary.REACTIONS_SAID) <= set(REACTIONS) - set(AMOUNTS)


def test_a_sentence_is_likened_to_a_mood_only_where_words_do_not_suffice():
    asked = []

    def mood_of(text):
        asked.append(text)
        return {"floating through the sky": "dreamy", "hm": "no such mood"}.get(text)

    assert read_text("more drums", mood_of).directions == {"drums": 1}
    assert asked == []
    assert read_text("floating through the sky", mood_of).directions == DREAMY
    for text in ("the report is due", "hm"):
        with pytest.raises(InvalidInput, match="not understood"):
            read_text(text, mood_of)
