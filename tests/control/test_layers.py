"""Density: below neutral stems go, above drums and bass come; stingers land; all within rights."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performing import SECOND, Performance, track
from sounds import Audio, level_db, tone

from remixd._kernel import fft
from remixd._kernel.mailbox import APPLIED, LEVEL, MIX, PATTERN, STRIP
from remixd._kernel.patterns import PatternShelf
from remixd._kernel.session import Session as KernelSession
from remixd._kernel.stem import Stem
from remixd.audience.signal import Signal
from remixd.config import user_cache_path
from remixd.control.action import Action, DeckCommand
from remixd.control.command import Applied
from remixd.control.desk import Desk
from remixd.control.order import CHANNEL
from remixd.control.presets import Pick
from remixd.control.score import Beats
from remixd.control.sink import Sink
from remixd.control.start import Start
from remixd.control.stingers import plan
from remixd.director.blend import NO_PRESETS, blend
from remixd.director.preset import Preset, merged
from remixd.director.thinning import low_db, thinned_db, together_db
from remixd.engine.patterns import make_pattern
from remixd.errors import InvalidInput
from remixd.mix import PLAYABLE, WHENS, When
from remixd.synth.bank import level_lufs
from remixd.track.analysis import Chord
from remixd.track.package import Track
from remixd.track.rights import Rights
from remixd.units import OFF_DB, PACKET_FRAMES, STEM_ROLES, StemRole

BEAT = 24_000
BAR = 4 * BEAT
SILENCE = np.zeros((24 * SECOND, 2), np.float32)


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


class Grooving(Performance):
    """A performance whose layers get their patterns as soon as they want them."""

    def __init__(self) -> None:
        super().__init__()
        self.laid: list[Mapping[str, Any]] = []
        self.stems: dict[str, Stem] = {}
        self._ids = itertools.count()

    def _packet(self) -> None:
        super()._packet()
        if scores := self.desk.layers.wanted():
            self.lay_down(scores)
            self.desk.layers.laid(scores)

    def lay_down(self, scores: list[dict[str, Any]]) -> None:
        shelf = PatternShelf(self.session)
        shelf.collect()
        for score in scores:
            shelf.shelve(make_pattern(score, lambda path: self.stems[str(path)]))
            self.laid.append(score)

    def wish(self, at: When = "now", **wishes: float) -> Any:
        (answer,) = self.desk.receive([Signal(id=f"w{next(self._ids)}", wishes=wishes, at=at)])
        return answer

    def sting(self, kind: str, at: When = "now") -> Any:
        command = DeckCommand(id=kind, deck=0, at=at, action=Action(verb="stinger", name=kind))
        decks = self.desk.decks
        stems = [{"path": "vocals", "role": 2}]
        stinger = plan(decks, decks.all[0], command, self.desk.mix, {"stems": stems})
        key = self.desk.layers.next_key()
        self.lay_down([{**stinger.score, "key": key}])
        assert self.desk.layers.sting(command, stinger, key)
        return stinger


def song(stems: Mapping[StemRole, Audio], *, lufs: float | None = None, **words: Any) -> Track:
    made = track("song", stems, **words)
    chords = (Chord(start_s=0.0, end_s=made.duration_s, name="Am"),)
    return replace(made, analysis=replace(made.analysis, bpm=120.0, chords=chords, loudness_lufs=lufs))


def playing(stems: Mapping[StemRole, Audio], **words: Any) -> Grooving:
    on = Grooving()
    on.load(0, song(stems, **words), stems)
    on.do("play", 0)
    on.play(BEAT)
    return on


def test_a_density_is_heard_from_the_next_bar_on_and_told_as_one_move() -> None:
    on = playing({"other": SILENCE})
    answer = on.wish(density=0.9)
    assert answer.accepted
    heard = on.play(3 * BAR)
    start = on.samples(LEVEL, 0)[0] - (on.session.clock - len(heard))
    assert abs(answer.planned_sample - on.samples(LEVEL, 0)[0]) <= 64
    assert np.abs(heard[: start - 1]).max() == 0.0
    assert np.abs(heard[start : start + 2000]).max() > 0.01
    (told,) = [each for each in on.told if isinstance(each, Applied) and each.moves[0].dimension == "density"]
    assert [(move.dimension, move.value) for move in told.moves] == [("density", 0.9)]


def test_kicks_are_on_the_beats_of_the_song_to_the_sample() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=0.7)
    on.play(3 * BAR)
    kicks = sorted(hit[0] for score in on.laid for hit in score["hits"] if hit[1] == 0)
    assert kicks
    assert all(abs(kick / BEAT - round(kick / BEAT)) < 1e-4 for kick in kicks)


def test_bars_are_laid_once_each_and_one_ahead() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=0.5)
    on.play(4 * BAR)
    starts = [score["start"] for score in on.laid]
    assert len(set(starts)) == len(starts)
    assert {BAR * bar for bar in range(1, 5)} <= set(starts)
    assert max(starts) >= on.desk.decks.all[0].frame


def test_the_same_bar_of_the_same_session_is_the_same_again() -> None:
    def hits(seed_of: str) -> list[Any]:
        on = playing({"other": SILENCE})
        assert seed_of == "s-1"
        on.wish(density=1.0)
        on.play(2 * BAR)
        return [(score["start"], score["hits"]) for score in on.laid]

    assert hits("s-1") == hits("s-1")


def test_at_neutral_again_the_mix_is_the_artists_to_the_bit() -> None:
    pcm = tone(24 * SECOND, 300.0)
    on, plain = playing({"other": pcm}), playing({"other": pcm})
    on.wish(density=1.0)
    on.play(2 * BAR), plain.play(2 * BAR)
    on.wish(density=0.0)
    on.play(BAR + 2 * BEAT), plain.play(BAR + 2 * BEAT)
    np.testing.assert_array_equal(on.play(BAR), plain.play(BAR))
    assert not on.desk.layers.generated


def test_what_is_generated_is_named() -> None:
    on = playing({"other": SILENCE, "drums": SILENCE})
    assert on.desk.layers.because == ""
    on.wish(density=1.0)
    on.play(BAR)
    assert set(on.desk.layers.generated) == {"hats", "percussion", "drums", "bass"}
    assert on.desk.layers.because.startswith("generated drums and bass (hats: Euclidean ")
    on.wish(density=-1.0)
    on.play(BAR)
    assert on.desk.layers.because.startswith("taken away: other off, drums -12 dB")


@pytest.mark.parametrize("roles", [("other",), ("other", "drums")])
@pytest.mark.parametrize("lufs", [-20.0, -14.0])
def test_everything_generated_is_three_to_six_decibels_under_the_song(
    lufs: float, roles: tuple[StemRole, ...]
) -> None:
    """Without a bass, where all of the song is in one stem, and with one."""
    on = playing(dict.fromkeys(roles, SILENCE), lufs=lufs)
    on.wish(density=1.0)
    on.play(BAR)
    heard = on.play(4 * BAR)
    under = lufs - level_lufs(heard) - 10 * np.log10(0.4 * SECOND / len(heard))
    assert 2.7 < under < 6.3
    assert any(hit[1] >= 14 for score in on.laid for hit in score["hits"]) == (len(roles) > 1)


def test_density_below_neutral_takes_stems_away_one_by_one() -> None:
    stems: dict[StemRole, Audio] = {
        "other": tone(24 * SECOND, 1000.0, level=0.1), "bass": tone(24 * SECOND, 300.0, level=0.1),
        "drums": tone(24 * SECOND, 5000.0, level=0.1),
    }  # fmt: skip

    def levels(on: Grooving) -> list[float]:
        on.play(BAR + 4800)
        heard = on.play(SECOND)
        spectrum = np.abs(np.fft.rfft(heard[:SECOND, 0])) / (SECOND / 2)
        return [20 * np.log10(spectrum[hz] / 0.1 + 1e-9) for hz in (1000, 300, 5000)]

    on = playing(stems)
    on.wish(density=-0.4)
    other, bass, drums = levels(on)
    assert other < -100
    assert -6 < bass < -3
    assert drums == pytest.approx(0.0, abs=0.1)
    on.wish(density=-1.0)
    other, bass, drums = levels(on)
    assert max(other, bass) < -100
    assert drums == pytest.approx(-12.0, abs=0.2)
    on.wish(density=0.0)
    assert levels(on) == pytest.approx([0.0, 0.0, 0.0], abs=0.1)


def test_wishes_for_levels_count_together_with_density() -> None:
    on = playing({"other": SILENCE, "drums": SILENCE})
    on.wish(density=-1.0)
    on.play(BAR)
    on.wish(drums=-3.0)
    on.play(SECOND)
    gains = on.applied(1)
    assert gains[-1].value == pytest.approx(-15.0)
    assert on.desk.mix["drums"] == -3.0
    on.wish(density=0.0)
    on.play(BAR)
    assert on.applied(1)[-1].value == pytest.approx(-3.0)


BAND: dict[StemRole, Audio] = {"other": SILENCE, "drums": SILENCE}


def given_to(on: Grooving, name: str) -> list[float]:
    """The levels that the engine was given of a role, in turn."""
    index = PLAYABLE.index(name)
    return [report.value for report in on.applied(MIX) if report.dimension == index]


def lows(on: Grooving) -> list[float]:
    """The low band of deck A, likewise."""
    low = CHANNEL.index("low")
    return [r.value for r in on.applied(STRIP) if (r.dimension, r.deck) == (low, 0)]


def test_a_level_and_a_density_for_the_same_mark_count_together_in_either_order() -> None:
    for first, second in itertools.permutations([{"other": -6.0}, {"density": -0.2}]):
        on = playing(BAND)
        on.wish("bar", **first)
        on.wish("bar", **second)
        on.play(BAR)
        assert given_to(on, "other")[-1] == pytest.approx(-6.0 - 15.0)
        assert (on.desk.mix["other"], on.desk.mix["density"]) == (-6.0, -0.2)


def test_a_level_that_comes_before_a_density_is_whole_until_then_and_thinned_at_once_then() -> None:
    on = playing(BAND)
    on.wish("phrase", density=-0.2)
    on.wish(other=-6.0)
    on.play(BAR)
    assert given_to(on, "other") == [-6.0]
    on.play(4 * BAR)
    levels = [report for report in on.applied(MIX) if report.dimension == PLAYABLE.index("other")][1:]
    assert levels[-1].value == pytest.approx(-21.0)
    assert len({report.sample for report in levels}) == 1


def test_a_level_for_a_later_mark_than_the_density_is_thinned_when_it_comes() -> None:
    on = playing(BAND)
    on.wish("phrase", other=-6.0)
    on.wish("bar", density=-0.2)
    on.play(2 * BAR)
    assert given_to(on, "other") == [pytest.approx(-15.0)]
    on.play(4 * BAR)
    assert given_to(on, "other")[-1] == pytest.approx(-21.0)


def test_orders_that_land_in_another_turn_than_was_reckoned_with_are_put_right() -> None:
    """A section begins here before the next phrase does: the density of the later order is there first."""
    on = playing(BAND)
    on.do("seek", 0, value=7 * BAR / SECOND)
    on.play(BEAT // 2)
    on.wish("section", density=-0.2)
    on.wish("phrase", other=-6.0)
    on.wish("section", density=0.0)
    on.play(2 * BAR)
    assert given_to(on, "other")[-1] == pytest.approx(-6.0)
    on.wish("beat", density=-0.2)
    on.wish("beat", density=0.0)
    on.play(BAR)
    assert given_to(on, "other")[-1] == pytest.approx(-6.0)


MOVES = st.tuples(
    st.sampled_from(["other", "drums", "density", "low"]),
    st.sampled_from([-1.0, -0.9, -0.5, -0.2, 0.0, 0.5]),
    st.sampled_from(WHENS),
    st.integers(1, 40),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(MOVES, min_size=1, max_size=7))
def test_whatever_is_wished_for_whatever_mark_in_the_end_levels_are_what_density_leaves_of_them(
    moves: list[tuple[str, float, When, int]],
) -> None:
    on = Grooving()
    quick = track("quick", BAND, beat_frames=BEAT / 4)
    on.load(0, quick, BAND)
    on.do("play", 0)
    for name, value, at, packets in moves:
        if name == "low":
            on.do("channel", 0, name="low", value=12 * value, at=at)
        else:
            on.wish(at, **{name: value if name == "density" else 12 * value})
        on.play(packets * PACKET_FRAMES)
    on.play(9 * BEAT)  # past the next section
    mix = on.desk.mix
    off_db = thinned_db(mix["density"], ("other", "drums"))
    for role in ("other", "drums"):
        assert [0.0, *given_to(on, role)][-1] == together_db(mix[role], off_db.get(role, 0.0))
        assert mix[role] in [12 * value for name, value, _, _ in moves if name == role] or mix[role] == 0.0
    low = on.desk.decks.all[0].knobs.channel["low"] + low_db(mix["density"])
    assert [0.0, *lows(on)][-1] == low
    assert not on.desk.standing.densities


def test_a_density_for_a_later_mark_does_not_end_what_plays_until_then() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=1.0)
    on.play(BAR)
    on.wish("phrase", density=0.0)
    on.play(BEAT)
    assert all(level_db(on.play(BAR // 2)) > -60 for _ in range(4))
    on.play(2 * BAR)
    assert np.abs(on.play(BAR)).max() == 0.0
    assert on.desk.mix["density"] == 0.0


def test_a_hand_on_the_low_band_and_density_count_together() -> None:
    on = playing(BAND)
    on.do("channel", 0, name="low", value=-6.0)
    on.wish(density=-1.0)
    on.play(BAR)
    assert lows(on) == [-6.0, -30.0]
    on.do("channel", 0, name="low", value=-3.0)
    on.play(BEAT)
    assert lows(on)[-1] == -27.0
    on.wish("phrase", density=0.0)
    on.do("channel", 0, name="low", value=-2.0)
    on.play(BEAT)
    assert lows(on)[-1] == -26.0
    on.play(4 * BAR)
    assert lows(on)[-1] == -2.0
    on.desk.panic("help")
    on.play(BEAT)
    assert lows(on)[-1] == 0.0


def test_a_track_that_comes_with_another_role_is_thinned_as_density_has_it() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=-1.0)
    on.play(BAR)
    assert given_to(on, "other")[-1] == -12.0
    on.load(1, song(BAND), BAND)
    on.play(BEAT)
    assert (given_to(on, "other")[-1], given_to(on, "drums")[-1]) == (OFF_DB, -12.0)


def test_presets_for_a_mark_have_their_own_levels_under_their_density() -> None:
    thin = Preset(name="thin", title="T", description="", mix=merged({"other": -6.0, "density": -0.2}))
    on = playing(BAND)
    pick = Pick(id="p", weights={"thin": 1.0}, at="bar", over_bars=1.0)
    assert on.desk.pick(on.desk.presets.choose(pick, blend([thin], {"thin": 1.0})), {}).accepted
    on.play(BAR)
    assert given_to(on, "other")[-1] == pytest.approx(-21.0)
    last = [r for r in on.applied(MIX) if r.dimension == PLAYABLE.index("other")][-1]
    assert last.settled_sample - last.sample >= BAR - 1
    on.play(2 * BAR)
    assert on.desk.mix["density"] == -0.2


def test_roles_that_are_never_muted_stay_within_their_rights() -> None:
    pcm = tone(24 * SECOND, 1000.0, level=0.1)
    stems: dict[StemRole, Audio] = {"other": pcm, "drums": SILENCE}
    on = playing(stems, rights=Rights(never_mute=("other",)))
    on.wish(density=-1.0)
    on.play(BAR + 4800)
    assert level_db(on.play(SECOND)) == pytest.approx(level_db(pcm) - 24, abs=0.2)


def test_rights_that_allow_nothing_generated_hold_density_at_neutral() -> None:
    on = playing({"other": SILENCE}, rights=Rights(generated=False))
    answer = on.wish(density=1.0)
    (clamp,) = answer.clamps
    assert (clamp.given, clamp.asked) == (0.0, 1.0)
    assert np.abs(on.play(2 * BAR)).max() == 0.0
    with pytest.raises(InvalidInput, match="nothing be generated"):
        on.sting("impact")


def test_a_loop_repeats_its_bars_and_leaving_it_goes_on() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=0.8)
    on.play(BAR)
    on.do("loop", 0, value=4, start_s=BAR / SECOND)
    on.play(4 * BAR)
    rounds = [on.play(BAR) for _ in range(2)]
    np.testing.assert_allclose(rounds[0][3000:90_000], rounds[1][3000:90_000], atol=0.2)
    assert level_db(rounds[1]) > -60
    on.do("exit", 0)
    on.play(2 * BAR)
    assert level_db(on.play(BAR)) > -60


def test_panic_takes_everything_generated_away_at_once() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=1.0)
    on.play(2 * BAR)
    on.wish(density=0.5, at="phrase")
    on.desk.panic("help")
    on.play(2400)
    assert np.abs(on.play(8 * BAR)).max() == 0.0
    assert on.desk.mix["density"] == 0.0


def test_density_at_a_phrase_keeps_what_was_until_then() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=0.2)
    on.play(BAR)
    on.wish(density=1.0, at="phrase")
    on.play(5 * BAR)
    kicks = sorted(hit[0] for score in on.laid for hit in score["hits"] if hit[1] == 0)
    assert kicks[0] >= 4 * BAR - 1


def test_another_engine_gets_everything_again() -> None:
    on = playing({"other": SILENCE})
    on.wish(density=0.8)
    on.play(BAR)
    before = len(on.laid)
    on.desk.layers.restart()
    on.play(BEAT)
    assert len(on.laid) > before
    assert {report.kind for report in on.reports if report.command == PATTERN} == {APPLIED}


@pytest.mark.parametrize("kind", ["riser", "impact"])
def test_stingers_land_on_the_bar_and_are_told_then(kind: str) -> None:
    on = playing({"other": SILENCE})
    on.play(BEAT)
    stinger = on.sting(kind, at="bar")
    first = on.session.clock
    heard = on.play(6 * BAR)
    (told,) = [each for each in on.told if isinstance(each, Applied) and each.id == kind]
    landed = told.sample - first
    assert abs(told.sample - stinger.sample) <= 1
    assert told.bar_beat.endswith(":1.00")
    loud = np.flatnonzero(np.abs(heard).max(axis=1) > 0.003)
    if kind == "riser":
        assert landed - 600 <= loud[-1] <= landed
        assert (
            level_db(heard[landed - 9600 : landed]) > level_db(heard[landed - 48_000 : landed - 38_400]) + 6
        )
    else:
        assert landed <= loud[0] <= landed + 96


def test_stingers_cool_down() -> None:
    on = playing({"other": SILENCE})
    on.sting("impact")
    on.play(BAR)
    with pytest.raises(InvalidInput, match="cool down for 4 bars"):
        on.desk.layers.check_cool()
    on.play(6 * BAR)
    on.desk.layers.check_cool()


def test_a_chop_is_made_of_the_vocals_and_refused_without_any() -> None:
    vocals = tone(24 * SECOND, 440.0, level=0.2)
    stems: dict[StemRole, Audio] = {"vocals": vocals, "other": SILENCE}
    made = song(stems)
    sung = replace(made.analysis, onsets_s={"vocals": (0.5, 1.0)}, onset_strengths={"vocals": (0.3, 0.9)})
    on = Grooving()
    on.stems["vocals"] = Stem.of(vocals)
    on.load(0, replace(made, analysis=sung), stems)
    on.do("mute", 0, name="vocals")
    on.do("play", 0)
    on.play(SECOND)
    stinger = on.sting("chop")
    assert stinger.score["slices"][0][0] == SECOND
    heard = on.play(3 * BAR)
    assert level_db(heard) > -40
    with pytest.raises(InvalidInput, match="no vocals to chop"):
        playing({"other": SILENCE}).sting("chop")


def test_vocals_are_not_chopped_where_a_hand_has_taken_the_band_away() -> None:
    vocals = tone(24 * SECOND, 440.0, level=0.2)
    stems: dict[StemRole, Audio] = {"vocals": vocals, "other": SILENCE}
    made = song(stems)
    sung = replace(made.analysis, onsets_s={"vocals": (0.5,)}, onset_strengths={"vocals": (0.9,)})
    on = Grooving()
    on.stems["vocals"] = Stem.of(vocals)
    on.load(0, replace(made, analysis=sung), stems)
    on.do("play", 0)
    on.do("level", 0, name="other", value=-60.0)
    on.play(SECOND)
    with pytest.raises(InvalidInput, match="heard alone"):
        on.sting("chop")


def test_nothing_is_generated_over_songs_without_beats() -> None:
    on = playing({"other": SILENCE}, beat_frames=None)
    assert on.wish(density=1.0).accepted
    on.play(2 * BAR)
    assert not on.laid


class Directed(Grooving):
    """A directed session of one track, which plays at once."""

    def __init__(self, made: Track, stems: Mapping[StemRole, Audio]) -> None:
        super().__init__()
        beats = Beats.of(made)
        roles = [STEM_ROLES.index(role) for role in stems]
        parts = [Stem.of(pcm) for pcm in stems.values()]
        self.session = KernelSession(parts, roles, key=1, beats=beats.frames, levels=beats.levels)
        start = Start.of(made, NO_PRESETS, Sink.parse("null"), is_directed=True)
        self.desk = Desk("s-1", self.commands, 1, start, self.told.append)

    def _packet(self) -> None:
        super()._packet()
        self.desk.direct()


def test_a_director_turns_density_at_a_phrase_and_says_why() -> None:
    stems: dict[StemRole, Audio] = {"other": SILENCE}
    on = Directed(song(stems), stems)
    on.play(BAR)
    answer = on.wish(density=0.8)
    assert answer.because == "density at the next phrase"
    heard = on.play(4 * BAR)
    (told,) = [each for each in on.told if isinstance(each, Applied)]
    assert told.sample == answer.planned_sample == 4 * BAR
    assert np.abs(heard[: 3 * BAR]).max() == 0.0
    assert np.abs(heard[3 * BAR : 3 * BAR + 4800]).max() > 0.01
    because = on.desk.layers.with_told(on.desk.because)["density"]
    assert because.startswith("a fan wishes density at 0.8 layers")
    assert "; generated drums (hats: Euclidean " in because
