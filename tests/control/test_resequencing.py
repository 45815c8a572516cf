"""Within a track: sections in another order, each entered on its first downbeat."""

from __future__ import annotations

import numpy as np
import pytest
from performing import Performance, track
from sounds import Audio, music

from remixd._kernel import fft, mailbox
from remixd.config import user_cache_path

BEAT = 12_000
BAR = 4 * BEAT
SECTION = 16 * BEAT
"""Eight bars of twice the tempo; the song has six."""


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.fixture(scope="module")
def songs() -> tuple[Audio]:
    return (music(6 * SECTION, seed=1, level=0.2),)


def sections(pcm: Audio) -> Performance:
    it = Performance()
    labels = ("intro", "verse", "chorus", "bridge", "solo", "outro")
    it.load(0, track("song", {"other": pcm}, beat_frames=BEAT / 2, labels=labels), {"other": pcm})
    it.do("play", 0)
    it.play(BEAT)
    return it


def test_a_section_is_entered_on_its_first_downbeat(songs: tuple[Audio]) -> None:
    it = sections(songs[0])
    (began,) = it.samples(mailbox.PLAY, 0)
    answer = it.do("section", 0, name="chorus")
    assert answer.accepted, answer.reason
    it.play(BAR)
    report = it.applied(mailbox.SEEK)[0]
    assert (report.sample, report.position) == (began + BAR // 2, 2 * SECTION)
    (told,) = (each for each in it.told if each.id == "section-0")
    assert told.sample == report.sample  # type: ignore[union-attr]
    heard = np.concatenate(it.heard)
    np.testing.assert_array_equal(
        heard[report.sample : report.sample + BEAT], songs[0][2 * SECTION : 2 * SECTION + BEAT]
    )


def test_sections_are_played_in_the_order_asked_for(songs: tuple[Audio]) -> None:
    it = sections(songs[0])
    (began,) = it.samples(mailbox.PLAY, 0)
    assert it.do("section", 0, name="chorus,intro,6,verse", at="section").accepted
    it.play(6 * SECTION)
    places = [(r.sample - began, r.position) for r in it.applied(mailbox.SEEK)]
    starts = [2 * SECTION, 0, 5 * SECTION, SECTION]
    assert [place for _, place in places] == starts
    np.testing.assert_allclose(
        [at for at, _ in places], [SECTION, 2 * SECTION, 3 * SECTION, 4 * SECTION], atol=64
    )


def test_a_section_is_repeated_a_few_times_and_more_only_if_asked(songs: tuple[Audio]) -> None:
    it = sections(songs[0])
    for _ in range(3):
        assert it.do("section", 0, name="this").accepted
        it.play(SECTION)
    assert [r.position for r in it.applied(mailbox.SEEK)] == [0, 0, 0]
    answer = it.do("section", 0, name="this")
    assert not answer.accepted
    assert "was repeated 3 times running" in answer.reason
    assert it.do("section", 0, name="this", value=2.0).accepted
    it.play(2 * SECTION)
    assert len(it.samples(mailbox.SEEK, 0)) == 5
    it.play(SECTION)
    assert it.do("section", 0, name="this").accepted, "another section counts anew"


def test_the_rest_of_a_section_is_skipped(songs: tuple[Audio]) -> None:
    it = sections(songs[0])
    (began,) = it.samples(mailbox.PLAY, 0)
    assert it.do("section", 0, name="next", at="bar").accepted
    it.play(BAR)
    report = it.applied(mailbox.SEEK)[0]
    assert (report.sample, report.position) == (began + BAR // 2, SECTION)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("chors", "no section is called 'chors': did you mean chorus?"),
        ("9", "sections go from 1 to 6: there is no 9"),
        ("previous", "section 1 has no previous one"),
    ],
)
def test_a_section_that_is_not_there_is_told(songs: tuple[Audio], name: str, reason: str) -> None:
    assert sections(songs[0]).do("section", 0, name=name).reason == reason
