"""Another language, or the master: the music goes on in other sounds, and what is the same is not heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from decks import BASS, DRUMS, OTHER, TEMPO, VOCALS, band
from performing import Performance, track
from sounds import level_db, music

from remixd._kernel import fft, mailbox
from remixd._kernel.player import Player
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem as Sound
from remixd.audience.signal import Signal
from remixd.config import user_cache_path
from remixd.control.action import DeckCommand
from remixd.control.choosing import Choosing
from remixd.control.command import Answer
from remixd.control.swaps import swap_for
from remixd.errors import InvalidInput, RemixdError
from remixd.track.package import Stem, Track
from remixd.track.rights import Rights
from remixd.track.variants import as_master, in_language, languages, of_stems

LENGTH = 200_000
ROLES = [DRUMS, BASS, VOCALS, OTHER]


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def song(**changed: object) -> Track:
    silence = np.zeros((LENGTH, 2), np.float32)
    made = track("song", {"drums": silence, "vocals": silence})
    drums = made.stems[0]
    sung = [
        Stem(name=name, role="vocals", language=language, file=f"stems/{name}.flac", plays=language == "ko")
        for name, language in (("vocals-ko", "ko"), ("vocals-en", "en"), ("vocals-pt", "pt-BR"))
    ]
    master = Stem(name="master", role="other", file="master.flac", plays=False)
    return replace(made, stems=(drums, *sung), master=master, **changed)


def played(tempo: float, vocals_db: float, *, swapped: bool) -> np.ndarray:
    """Four stems that go on, from one sample on, with other vocals if asked."""
    stems = band(LENGTH, seed=3)
    other = Sound.of(music(LENGTH, seed=44, level=0.05))
    sessions = Session()
    for key, parts in ((1, stems), (2, [*stems[:2], other, stems[3]])):
        sessions.shelve(Player(parts, ROLES, key=key, loop=False))
    sessions.post(1, TEMPO, tempo)
    sessions.post(2, 2, vocals_db)
    sessions.post(3, 0, 0.0, kind=mailbox.LOAD, deck=0, extra=1)
    sessions.post(4, 0, 1.0, kind=mailbox.PLAY, deck=0, sample=4800)
    if swapped:
        sessions.post(5, 0, 0.0, kind=mailbox.SWAP, deck=0, extra=2, sample=60_000)
    return sessions.render(140_000)


@pytest.mark.parametrize("tempo", [1.0, 1.13, 0.87])
def test_stems_that_are_the_same_null_below_60_db(tempo: float) -> None:
    kept, swapped = (played(tempo, -60.0, swapped=each) for each in (False, True))
    assert level_db(swapped - kept) < level_db(kept) - 60
    others = played(tempo, 0.0, swapped=True) - played(tempo, 0.0, swapped=False)
    assert level_db(others[:59_000]) < -100, "nothing before it"
    assert level_db(others[61_000:]) > level_db(kept) - 30, "other vocals behind it"


def test_a_track_is_heard_in_each_of_its_languages() -> None:
    whole = song()
    assert languages(whole) == ("en", "ko", "pt-BR")
    english = in_language(whole, "en")
    assert [stem.name for stem in english.playing_stems] == ["drums", "vocals-en"]
    assert [stem.name for stem in in_language(english, "ko").playing_stems] == ["drums", "vocals-ko"]
    with pytest.raises(InvalidInput, match="is not there in 'jp'"):
        in_language(whole, "jp")
    with pytest.raises(InvalidInput, match="is not there in 'en'"):
        in_language(song(rights=Rights(languages=("ko",))), "en")


def test_the_master_may_do_only_what_every_role_may() -> None:
    rights = Rights(
        ranges={"tempo": (0.9, 1.1), "drums": (-12.0, 3.0), "vocals": (-6.0, 0.0)}, never_mute=("drums",)
    )
    master = as_master(song(rights=rights))
    assert [stem.name for stem in master.playing_stems] == ["master"]
    assert master.rights.range("other") == (-6.0, 0.0)
    assert master.rights.range("tempo") == (0.9, 1.1)
    assert of_stems(song(), ["master"]).playing_stems[0].name == "master"
    with pytest.raises(InvalidInput, match="no master"):
        as_master(replace(song(), master=None))


def signal(**choices: str) -> Signal:
    return Signal(id="s", choices=choices)


def loaded() -> Performance:
    it = Performance()
    silence = np.zeros((LENGTH, 2), np.float32)
    it.load(0, song(), {"drums": silence, "vocals": silence})
    return it


def test_a_choice_becomes_a_swap_at_the_phrase() -> None:
    it = loaded()
    assert it.do("play", 0).accepted
    it.play(4800)
    deck = it.desk.decks.all[0]
    swap = swap_for(signal(language="en"), deck, lambda _: song())
    assert (swap.command.at, swap.command.action.verb, swap.command.deck) == ("phrase", "choose", 0)
    assert [stem.name for stem in swap.track.playing_stems] == ["drums", "vocals-en"]
    assert swap_for(signal(version="master"), deck, lambda _: song()).track.roles == ("other",)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"language": "ko"}, "deck A plays that already"),
        ({"version": "stems"}, "deck A plays that already"),
        ({"language": "ja"}, "song is not there in 'ja': there are en, ko, pt-BR"),
        ({"version": "demo"}, "a choice is language=... or version=master or stems, one a signal"),
    ],
)
def test_a_choice_that_cannot_be_is_told(choice: dict[str, str], reason: str) -> None:
    deck = loaded().desk.decks.all[0]
    with pytest.raises(RemixdError) as error:
        swap_for(signal(**choice), deck, lambda _: song())
    assert str(error.value) == reason


def test_a_batch_is_answered_in_its_order() -> None:
    class Stands:
        desk = loaded().desk
        shown = desk.decks.all[0]

        def receive(self, signals: list[Signal]) -> list[Answer]:
            return [Answer(id=each.id, accepted=True) for each in signals]

    expected: list[str] = []

    def expect(_session: object, command: DeckCommand, track: Track, loop: bool) -> Answer:
        expected.append(f"{command.id} {track.playing_stems[1].name} {loop}")
        return Answer(id=command.id, accepted=True)

    def never(*_: object) -> Answer:
        raise AssertionError("no presets were chosen")

    choices = [Signal(id=each, choices={"language": each}) for each in ("en", "ja")]
    batch = [
        Signal(id="a", wishes={"bass": 0.0}), choices[0], Signal(id="b", wishes={"bass": 1.0}), choices[1],
    ]  # fmt: skip
    choosing = Choosing(lambda _: song(), expect, never)
    answers = choosing.answers_to(batch, Stands())
    assert [(each.id, each.accepted) for each in answers] == [
        ("a", True), ("en", True), ("b", True), ("ja", False),
    ]  # fmt: skip
    assert expected == ["en vocals-en False"]


def test_a_choice_comes_alone_and_whole() -> None:
    with pytest.raises(InvalidInput, match="a signal of its own"):
        Signal(id="a", wishes={"bass": 0.0}, choices={"language": "ko"})
    with pytest.raises(InvalidInput, match="is empty"):
        Signal(id="a", choices={"language": ""})
