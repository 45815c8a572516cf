"""From deck to deck and from section to section: in beat, at the right power, and never with two basses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from performing import Performance, track
from sounds import Audio, level_db, music, noise, roughness, share_db, tone

from remixd._kernel import fft, mailbox
from remixd._kernel.mailbox import ReportEntry
from remixd._kernel.ring import PacketEntry
from remixd.config import user_cache_path
from remixd.control.command import Refused
from remixd.control.decks import Knobs
from remixd.control.desk import Desk
from remixd.track.rights import Rights
from remixd.units import StemRole

BEAT = 12_000
BAR = 4 * BEAT
PHRASE = 4 * BAR
LENGTH = 24 * BAR
OPEN = Rights(mash_ups=True)
FADE = 256


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


@pytest.fixture(scope="module")
def songs() -> tuple[Audio, Audio]:
    return music(LENGTH, seed=1, level=0.2), music(LENGTH, seed=2, level=0.2)


def two(one: Audio, other: Audio, **words: Any) -> Performance:
    """A song that plays, and another on deck B: of one stem each."""
    return decks({"other": one}, {"other": other}, **words)


def decks(one: dict[StemRole, Audio], other: dict[StemRole, Audio], **words: Any) -> Performance:
    it = Performance()
    it.load(0, track("first", one, beat_frames=words.pop("lead", BEAT), rights=words.get("rights")), one)
    it.load(1, track("second", other, **{"beat_frames": BEAT, **words}), other)
    assert it.do("play", 0).accepted
    it.play(BEAT)
    return it


def mix(it: Performance, how: str, bars: float = 4.0, **more: Any) -> None:
    answer = it.do("mix", 0, other=1, name=how, value=bars, **more)
    assert answer.accepted, answer.reason


def assert_is_alone(heard: Audio, pcm: Audio, end: int) -> None:
    """What is heard is one song, as it is, up to a place to within two frames."""
    apart = [heard - pcm[at - len(heard) : at] for at in range(end - 2, end + 3)]
    assert min(map(level_db, apart)) < level_db(heard) - 25


def test_a_crossfade_begins_on_the_phrase_and_keeps_its_power() -> None:
    one, other = noise(LENGTH, seed=1), noise(LENGTH, seed=2)
    it = two(one, other)
    (began,) = it.samples(mailbox.PLAY, 0)
    mix(it, "crossfade")
    it.play(2 * PHRASE + BAR)
    (start,) = it.samples(mailbox.PLAY, 1)
    (end,) = it.samples(mailbox.PAUSE, 0)
    assert (start, end) == (began + PHRASE, began + PHRASE + 4 * BAR)
    heard = np.concatenate(it.heard)
    levels = [level_db(heard[at : at + BEAT]) for at in range(start, end, BEAT // 2)]
    assert np.ptp([*levels, level_db(one)]) < 1.0
    np.testing.assert_array_equal(
        heard[end + 2 * FADE : end + BAR], other[end - start + 2 * FADE : end - start + BAR]
    )
    assert it.desk.decks.all[0].knobs.channel["fader"] == 0.0
    assert it.desk.decks.all[1].is_leading()


@pytest.mark.parametrize("tempo", [1.0, 1.06])
def test_both_are_in_beat_at_every_downbeat_of_a_crossfade(songs: tuple[Audio, Audio], tempo: float) -> None:
    it = two(*songs, lead=11_740.0, beat_frames=12_240.0, first=777.0)
    assert it.do("tempo", 0, value=tempo).accepted
    mix(it, "crossfade")
    it.play(3 * PHRASE)
    (start,), (end,) = it.samples(mailbox.PLAY, 1), it.samples(mailbox.PAUSE, 0)
    clock = np.array([sample for sample, _ in it.places])
    a, b, *_ = np.array([places for _, places in it.places]).T
    within = (clock > start + 480) & (clock < end - 480)
    beats_a, beats_b = a[within] / 11_740, (b[within] - 777) / 12_240
    off = beats_b - beats_a
    off -= np.round(off)
    assert np.abs(off).max() * 11_740 / 48 < 1.0, "ms"
    # the phrase of one lies on the first downbeat of the other
    assert beats_a[0] - beats_b[0] == pytest.approx(16.0, abs=0.001)


def test_the_end_follows_the_beat_though_the_tempo_moves_on_the_way(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs)
    mix(it, "crossfade")
    it.play(PHRASE)
    for tempo in (1.1, 0.92, 1.05):
        it.do("tempo", 0, value=tempo)
        it.play(BAR)
    it.play(2 * BAR)
    (end,) = it.samples(mailbox.PAUSE, 0)
    report = it.applied(mailbox.PAUSE)[0]
    assert abs(report.position - 2 * PHRASE) <= 80, "the bar that it was meant for"
    assert report.late_frames <= BEAT // 2 + 1
    assert end > 0


def test_nothing_clicks_on_the_way(songs: tuple[Audio, Audio]) -> None:
    for how in ("crossfade", "bass-swap", "echo-out", "cut"):
        it = two(*songs)
        mix(it, how, 0.0 if how == "cut" else 2.0)
        it.play(2 * PHRASE + BAR)
        (start,) = it.samples(mailbox.PLAY, 1)
        heard = np.concatenate(it.heard)
        steady = roughness(songs[0]).max() + roughness(songs[1]).max()
        lone = max(roughness(songs[0]).max(), roughness(songs[1]).max())
        limit = 1.5 * (steady if how == "echo-out" else lone)  # its echo sounds beside both
        first = it.samples(mailbox.PLAY, 0)[0]
        assert roughness(heard[first:]).max() < limit, how
        assert start > first


def low_levels(heard: Audio, hz: float) -> np.ndarray:
    """The level of a sine, every half beat, in linear gain."""
    window = BEAT // 2
    shape = np.hanning(window)
    wave = np.exp(-2j * np.pi * hz * np.arange(window) / 48_000) * shape
    cut = heard[: len(heard) // window * window, 0].reshape(-1, window)
    return np.abs(cut @ wave) / (shape.sum() / 2)


def test_a_bass_swap_has_one_bass_at_a_time_and_changes_on_the_bar() -> None:
    one, other = tone(LENGTH, 40.0, level=0.2), tone(LENGTH, 80.0, level=0.2)
    it = two(one, other)
    mix(it, "bass-swap")
    it.play(2 * PHRASE)
    (start,) = it.samples(mailbox.PLAY, 1)
    heard = np.concatenate(it.heard)[start : start + 4 * BAR]
    a, b = low_levels(heard, 40.0) / 0.2, low_levels(heard, 80.0) / 0.2
    middle = len(a) // 2
    assert b[: middle - 1].max() < 0.02
    assert a[middle + 2 :].max() < 0.02
    assert a[middle - 2] == pytest.approx(np.cos(np.pi / 2 * (middle - 1.5) / len(a)), abs=0.02)
    assert b[middle + 2] == pytest.approx(np.sin(np.pi / 2 * (middle + 2.5) / len(a)), abs=0.02)
    assert (a**2 + b**2).max() < 1.05, "never doubled"


def test_a_stem_swap_sings_one_song_over_the_band_of_the_other() -> None:
    frames = LENGTH
    one: dict[StemRole, Audio] = {"drums": noise(frames, seed=1), "vocals": noise(frames, seed=2)}
    other: dict[StemRole, Audio] = {"drums": noise(frames, seed=3), "vocals": noise(frames, seed=4)}
    it = decks(one, other, rights=OPEN)
    mix(it, "stem-swap")
    it.play(2 * PHRASE)
    (start,) = it.samples(mailbox.PLAY, 1)
    heard = np.concatenate(it.heard)
    (began,) = it.samples(mailbox.PLAY, 0)
    at = start + BAR + 4000
    here, length = at - began, BAR

    def share(pcm: Audio, first: int) -> float:
        return share_db(pcm[first : first + length], heard[at : at + length])

    assert share(one["vocals"], here) == pytest.approx(0.0, abs=0.1)
    assert share(other["drums"], at - start) == pytest.approx(0.0, abs=0.1)
    assert share(one["drums"], here) < -35
    assert share(other["vocals"], at - start) < -35
    rest = it.play(BAR)
    at = it.places[-1][0] - len(rest) - start
    expected = other["drums"] + other["vocals"]
    assert share_db(expected[at : at + len(rest)], rest) == pytest.approx(0.0, abs=0.1)


def test_a_stem_swap_without_rights_is_refused_with_the_reason(songs: tuple[Audio, Audio]) -> None:
    stems: dict[StemRole, Audio] = {"drums": songs[0], "vocals": songs[1]}
    it = decks(stems, stems)
    answer = it.do("mix", 0, other=1, name="stem-swap")
    assert not answer.accepted
    assert answer.reason == "a stem swap cannot be: the rights of first allow no mash-ups"


def test_an_echo_rings_on_under_what_begins_on_the_one() -> None:
    one, quiet = noise(LENGTH, seed=1), np.zeros((LENGTH, 2), np.float32)
    it = two(one, quiet)
    mix(it, "echo-out", 2.0)
    it.play(2 * PHRASE)
    (began,), (start,), (rest,) = (
        it.samples(mailbox.PLAY, 0), it.samples(mailbox.PLAY, 1), it.samples(mailbox.PAUSE, 0),
    )  # fmt: skip
    assert start == rest == began + PHRASE, "the one of the phrase"
    (delay,) = (r.value for r in it.applied(mailbox.ECHO))
    assert delay == pytest.approx(0.75 * BEAT)
    heard = np.concatenate(it.heard)
    tail = heard[start + 2000 : start + 2 * BEAT]
    assert level_db(heard[start - BEAT : start]) > level_db(tail) > -40
    assert level_db(heard[start + 14 * BEAT :]) < level_db(tail) - 20
    assert it.desk.decks.all[0].knobs.channel["send"] == 0.0


def test_a_cut_is_heard_on_its_sample(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs)
    (began,) = it.samples(mailbox.PLAY, 0)
    mix(it, "cut", 0.0, at="bar")
    it.play(3 * BAR)
    (start,) = it.samples(mailbox.PLAY, 1)
    assert start == began + BAR
    heard = np.concatenate(it.heard)
    np.testing.assert_array_equal(heard[start + 2 * FADE : start + BAR], songs[1][2 * FADE : BAR])
    np.testing.assert_array_equal(heard[began : start - FADE], songs[0][: start - began - FADE])


def test_what_is_not_loaded_yet_is_waited_for_and_told(songs: tuple[Audio, Audio]) -> None:
    it = Performance()
    for deck, pcm in enumerate(songs[:1]):
        it.load(deck, track("first", {"other": pcm}, beat_frames=BEAT), {"other": pcm})
    second = track("second", {"other": songs[1]}, beat_frames=BEAT)
    command = it.lay(1, second)
    it.do("play", 0)
    it.play(BEAT)
    answer = it.do("mix", 0, at="bar", other=1, name="cut")
    assert answer.accepted
    assert "once its track is loaded" in answer.because
    it.play(2 * BAR)
    assert "deck B is not ready" in it.desk.because["transition"]
    it.bring(command, second, {"other": songs[1]})
    it.play(2 * BAR)
    (start,) = it.samples(mailbox.PLAY, 1)
    assert start == it.samples(mailbox.PLAY, 0)[0] + 3 * BAR
    (told,) = (each for each in it.told if each.id == "mix-0")
    assert told == it.told[-1]
    assert "boundaries late" in told.because  # type: ignore[union-attr]
    assert "transition" not in it.desk.because


def test_what_never_comes_is_refused_after_a_few_boundaries(songs: tuple[Audio, Audio]) -> None:
    it = Performance()
    it.load(0, track("first", {"other": songs[0]}, beat_frames=BEAT), {"other": songs[0]})
    it.lay(1, track("second", {"other": songs[1]}, beat_frames=BEAT))
    it.do("play", 0)
    it.play(BEAT)
    assert it.do("mix", 0, at="bar", other=1, name="cut").accepted
    it.play(7 * BAR)
    (told,) = (each for each in it.told if each.id == "mix-0")
    assert isinstance(told, Refused)
    assert told.reason == "deck B is not ready, at the 5th bar in turn"


def test_the_next_mix_waits_for_eight_bars(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs)
    mix(it, "cut", 0.0, at="bar")
    it.play(2 * BAR)
    (end,) = it.samples(mailbox.PLAY, 1)
    answer = it.do("mix", 1, at="bar", other=0, name="cut")
    assert answer.accepted
    assert "8 bars after the one before" in answer.because
    it.play(10 * BAR)
    assert it.samples(mailbox.PLAY, 0)[-1] == end + 8 * BAR


def test_a_bridge_fits_into_what_is_left_of_the_song(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs)
    it.do("seek", 0, value=20 * BAR / 48_000, at="bar")
    it.play(2 * BAR)
    mix(it, "crossfade", 16.0, at="bar")
    it.play(5 * BAR)
    (start,), (end,) = it.samples(mailbox.PLAY, 1), it.samples(mailbox.PAUSE, 0)
    assert end - start == BAR, "the last bar line before the song ends"
    assert it.desk.decks.all[1].is_playing


def test_tempos_that_do_not_meet_are_not_mixed(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs, beat_frames=BEAT * 1.37)
    mix(it, "crossfade")
    it.play(PHRASE)
    (told,) = (each for each in it.told if each.id == "mix-0")
    assert isinstance(told, Refused)
    assert "its rights allow 0.8 to 1.25: take cut or echo-out" in told.reason
    assert it.desk.decks.all[0].is_playing
    mix(it, "", 0.0)
    it.play(2 * PHRASE)
    assert it.told[-1].because == "echo-out, 2 bars"  # type: ignore[union-attr]


def test_without_beats_it_crosses_by_the_second(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs, beat_frames=None)
    mix(it, "")
    it.play(3 * PHRASE)
    assert it.samples(mailbox.PLAY, 1)
    assert it.samples(mailbox.PAUSE, 0)
    assert not it.desk.decks.all[1].is_leading()


def test_the_tempo_goes_back_to_its_own_if_asked(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs, beat_frames=BEAT * 1.05)
    mix(it, "crossfade", 2.0, glide_bars=4)
    it.play(PHRASE + 2 * BAR)
    entry = it.desk.decks.all[1].entry
    assert entry is not None
    assert entry.tempo == pytest.approx(1.05, abs=0.02)
    it.play(6 * BAR)
    entry = it.desk.decks.all[1].entry
    assert entry is not None
    assert entry.tempo == 1.0
    asked = [r.value for r in it.applied(mailbox.MIX)]
    assert len(asked) == 4
    assert asked == sorted(asked, reverse=True)


@pytest.mark.parametrize(("bars", "stays"), [(1, 0), (3, 1)])
def test_panic_leaves_the_deck_that_is_heard_more(songs: tuple[Audio, Audio], bars: int, stays: int) -> None:
    it = two(*songs)
    mix(it, "bass-swap")
    it.play(PHRASE + bars * BAR)
    assert it.desk.panic("help").accepted
    it.play(BAR)
    assert [deck.is_playing for deck in it.desk.decks.all] == [stays == 0, stays == 1, False, False]
    heard = it.play(BEAT)
    assert_is_alone(heard, songs[stays], round(it.places[-1][1][stays]))
    it.play(PHRASE)
    assert sum(deck.is_playing for deck in it.desk.decks.all) == 1


@pytest.mark.parametrize(("verb", "deck"), [("eject", 1), ("pause", 1), ("eject", 0), ("pause", 0)])
def test_a_deck_that_is_stopped_by_hand_leaves_the_other_as_it_should_be(
    songs: tuple[Audio, Audio], verb: str, deck: int
) -> None:
    it = two(*songs)
    mix(it, "bass-swap")
    it.play(PHRASE + BAR)
    assert it.do(verb, deck).accepted
    it.play(2 * BAR)
    stays = 1 - deck
    heard = it.play(BEAT)
    assert_is_alone(heard, songs[stays], round(it.places[-1][1][stays]))
    assert it.desk.decks.all[stays].is_leading()
    it.play(PHRASE)
    assert it.desk.decks.all[stays].is_playing


def test_what_makes_no_sense_is_refused_in_a_sentence(songs: tuple[Audio, Audio]) -> None:
    it = two(*songs)
    assert it.do("mix", 0, other=0).reason == "deck A cannot go over into itself"
    assert it.do("mix", 0, other=2).reason == "nothing is loaded on deck C"
    assert it.do("mix", 1, other=0).reason == "deck B does not play forwards"
    assert it.do("mix", 3, other=0).reason == "nothing is loaded on deck D"
    mix(it, "crossfade")
    it.play(PHRASE + BAR)
    assert it.do("mix", 1, other=2).reason == "a transition is under way"


class Nobody:
    """In the place of a desk whose daemon was killed: what the engine tells is kept for the next."""

    def __init__(self, before: Desk) -> None:
        self.before = before
        self.plain = json.loads(json.dumps(before.transitions.to_json()))
        self.knobs = [json.loads(json.dumps(deck.knobs.to_json())) for deck in before.decks.all]
        self.reports: list[ReportEntry] = []
        self.orders = dict(before.receipts.ledger.open)

    def take_report(self, report: ReportEntry) -> None:
        self.reports.append(report)

    def take_packet(self, packet: PacketEntry) -> None:
        self.newest = packet

    def follow(self, it: Performance) -> None:
        """Let another desk go on, from what was written down."""
        it.desk = it.a_desk()
        for deck, before, knobs in zip(it.desk.decks.all, self.before.decks.all, self.knobs, strict=True):
            deck.knobs, deck.loaded, deck.entry = Knobs.of_json(knobs), before.loaded, before.entry
        it.desk.receipts.adopt(self.orders)
        it.desk.transitions.restore(self.plain, self.orders)
        for report in self.reports:
            it.desk.take_report(report)


@pytest.mark.parametrize(
    ("how", "bars", "gone_s"),
    [("bass-swap", 1.0, 0.0), ("stem-swap", 4.5, 0.4), ("crossfade", 6.2, 0.0), ("bass-swap", 7.8, 0.4)],
)
def test_another_daemon_goes_on_with_a_transition(
    songs: tuple[Audio, Audio], how: str, bars: float, gone_s: float
) -> None:
    one, other = ({"vocals": each, "bass": each} for each in songs)
    kept, left = (decks(one, other, rights=OPEN) for _ in range(2))
    for it in (kept, left):
        mix(it, how)
        it.play(round(bars * BAR))
    nobody = Nobody(left.desk)
    left.desk = nobody  # type: ignore[assignment]
    if gone_s:
        left.play(round(gone_s * 48_000))
    nobody.follow(left)
    rest = 12 * BAR
    left.play(rest - round(gone_s * 48_000))
    kept.play(rest)
    same = np.array_equal(np.concatenate(kept.heard), np.concatenate(left.heard))
    assert same or gone_s, "nobody was missed"
    for before, after in zip(kept.desk.decks.all, left.desk.decks.all, strict=True):
        assert after.is_playing == before.is_playing
        assert after.knobs == before.knobs
    np.testing.assert_allclose(left.heard[-1], kept.heard[-1], atol=1e-6)
