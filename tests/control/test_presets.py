"""Presets in sessions: gone to at once, at marks and at phrases, as far as a track allows, and told."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from performing import SECOND, Performance, sound, track
from sounds import Audio, level_db, music

from remixd._kernel import fft
from remixd._kernel.mailbox import PLAY
from remixd._kernel.session import Session as KernelSession
from remixd.audience.signal import Signal
from remixd.config import user_cache_path
from remixd.control.command import Answer, Applied, Refused
from remixd.control.desk import Desk
from remixd.control.presets import Pick
from remixd.control.sink import Sink
from remixd.control.start import ALONE, Start, allowed
from remixd.director.blend import blend
from remixd.director.preset import NotFor, Preset, Rules, merged
from remixd.director.preset_files import load_blend, load_preset
from remixd.errors import InvalidInput
from remixd.mix import NEUTRAL, PLAYABLE
from remixd.track.package import Track
from remixd.track.rights import VOCALS_ABOVE_DB, Rights
from remixd.units import OFF_DB, STEM_ROLES, StemRole, gain_from_db

ROLES: tuple[StemRole, ...] = ("drums", "bass", "vocals", "other")
SONG = {role: music(SECOND * 8, seed=seed) for seed, role in enumerate(ROLES)}
BEAT = SECOND // 4
BAR = SECOND
PHRASE = 4 * BAR
OPEN = Rights(ranges={}, vocals_solo=True)

A = Preset(name="a", title="A", description="", mix=merged({"drums": -12.0, "bass": -6.0}))
B = Preset(name="b", title="B", description="", mix=merged({"drums": -3.0, "other": -60.0}))
LATER = Preset(name="later", title="L", description="", mix=merged({"bass": -9.0}), rules=Rules(when="bar"))
STEPS = Preset(
    name="steps", title="S", description="", mix=merged({"tempo": 1.05}), rules=Rules(cadence_lock=True)
)
EVERY = (A, B, LATER, STEPS)
keys = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    fft.prepare(user_cache_path() / "fftwf.wisdom")


def a_song(rights: Rights = OPEN) -> Track:
    return track("song", SONG, beat_frames=BEAT, rights=rights)


def go_to(desk: Desk, over_bars: float | None = None, at: str | None = None, **weights: float) -> Answer:
    pick = Pick(id=f"pick-{next(keys)}", weights=weights, over_bars=over_bars, at=at)
    return desk.pick(desk.presets.choose(pick, blend(EVERY, weights)), {})


@pytest.fixture
def hands() -> Performance:
    """A song of 240 beats a minute on deck A, in hands-on."""
    played = Performance()
    played.load(0, a_song(), SONG)
    played.do("play", 0)
    played.play(SECOND // 2)
    return played


class Directed(Performance):
    """The song under a director: a bar of a second, a phrase of four."""

    def __init__(self, rights: Rights = OPEN, **weights: float) -> None:
        super().__init__()
        song = a_song(rights)
        start = Start.of(song, blend(EVERY, weights), Sink.parse("null"), is_directed=True)
        self.desk = Desk("s-1", self.commands, 1, start, self.told.append)
        low, high = zip(*(rights.range(name) for name in PLAYABLE), strict=True)
        self.session = KernelSession(
            [sound(SONG[role]) for role in ROLES], [STEM_ROLES.index(role) for role in ROLES], key=1,
            loop=True, mix=[start.mix[name] for name in PLAYABLE], low=low, high=high, vocals_limit_db=None,
        )  # fmt: skip

    def go_on(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.play(SECOND // 10)
            self.desk.direct()

    def wish(self, signal_id: str, **wishes: float) -> Answer:
        [answer] = self.desk.receive([Signal(id=signal_id, wishes=wishes)])
        return answer

    def outcome(self, told_id: str) -> Applied | Refused | None:
        return next((each for each in self.told if each.id == told_id), None)


# What a track allows


def test_a_cappella_is_the_voice_alone_where_the_artist_lets_it() -> None:
    there = allowed(load_blend({"acapella": 1.0}), OPEN, ROLES)
    assert there.clamps == ()
    assert {role: there.mix[role] for role in ROLES} == {
        "drums": OFF_DB, "bass": OFF_DB, "other": OFF_DB,
        "vocals": pytest.approx(load_preset("acapella").gain_db, abs=6.0),
    }  # fmt: skip


def test_elsewhere_the_band_stays_as_far_behind_as_it_may_and_that_is_told() -> None:
    there = allowed(load_blend({"acapella": 1.0}), Rights(), ROLES)
    band = {role: there.mix[role] for role in ROLES if role != "vocals"}
    assert set(band.values()) == {there.mix["vocals"] - VOCALS_ABOVE_DB}
    told = {clamp.dimension: clamp for clamp in there.clamps}
    assert set(told) == set(band)
    assert all(clamp.because == ALONE and clamp.asked == OFF_DB for clamp in told.values())


def test_rights_hold_a_preset() -> None:
    rights = Rights(never_mute=("vocals",), ranges={"tempo": (0.9, 1.1)})
    there = allowed(load_blend({"karaoke": 0.5, "nightcore": 0.5}), rights, ROLES)
    assert there.mix["vocals"] >= -24.0
    strict = allowed(load_blend({"nightcore": 1.0}), rights, ROLES)
    assert strict.mix["tempo"] == 1.1
    assert [clamp.asked for clamp in strict.clamps if clamp.dimension == "tempo"] == [1.2]
    plain = Rights(generated=False)
    dense = allowed(load_blend({"club-lift": 1.0}), plain, ROLES)
    assert dense.mix["density"] == 0.0
    assert "density" in {clamp.dimension for clamp in dense.clamps}


def test_a_role_that_only_loudness_would_move_is_not_missed() -> None:
    louder = Preset(name="louder", title="", description="", mix=merged({"drums": -3.0}), gain_db=2.0)
    there = allowed(blend([louder], {"louder": 1.0}), OPEN, ("drums", "other"))
    assert there.clamps == ()
    assert (there.mix["drums"], there.mix["other"], there.mix["bass"]) == (-1.0, 2.0, 0.0)


def test_a_session_does_not_start_in_what_is_not_for_its_track() -> None:
    rock = Preset(name="sing", title="", description="", not_for=NotFor(without=("vocals",)))
    song = track("song", {"drums": SONG["drums"]})
    with pytest.raises(InvalidInput, match="sing is not for a track without vocals: this one has drums"):
        Start.of(song, blend([rock], {"sing": 0.1}), Sink.parse("null"), is_directed=False)
    assert Start.of(song, blend([rock], {}), Sink.parse("null"), is_directed=False).mix == dict(NEUTRAL)


# Hands-on


def test_a_pick_moves_every_dimension_at_one_sample_and_is_told_as_one(hands: Performance) -> None:
    hands.desk.receive([Signal(id="w", wishes={"vocals": -20.0})])
    answer = go_to(hands.desk, a=1.0)
    assert answer.accepted
    hands.play(SECOND // 10)
    applied = next(told for told in hands.told if told.id == answer.id)
    assert isinstance(applied, Applied)
    [gains] = {move.sample for move in applied.moves if move.dimension in ROLES}
    assert 0 <= gains - answer.planned_sample <= 64
    assert {move.dimension: move.value for move in applied.moves} == {
        name: {**NEUTRAL, "drums": -12.0, "bass": -6.0}[name] for name in PLAYABLE
    }
    assert hands.desk.mix == {**NEUTRAL, "drums": -12.0, "bass": -6.0}, "what was wished before is gone"
    assert (hands.desk.presets.name, hands.desk.presets.blend.weights) == ("a", {"a": 1.0})


def test_a_morph_goes_there_in_its_bars_without_a_step(hands: Performance) -> None:
    answer = go_to(hands.desk, over_bars=2.0, a=0.5, b=0.5)
    hands.play(SECOND * 3)
    applied = next(told for told in hands.told if told.id == answer.id)
    taken = {move.dimension: move.settled_sample - move.sample for move in applied.moves}
    assert taken["drums"] == pytest.approx(2 * BAR, abs=64)
    assert hands.desk.mix["drums"] == pytest.approx(blend(EVERY, {"a": 0.5, "b": 0.5}).mix["drums"])


def test_weights_that_move_live_are_followed_from_where_they_are(hands: Performance) -> None:
    for step in range(21):
        assert go_to(hands.desk, a=step / 20, b=1.0 - step / 20).accepted
        hands.play(SECOND // 10)
    heard = np.concatenate(hands.heard)
    assert np.isfinite(heard).all()
    assert all(isinstance(told, Applied) for told in hands.told)
    assert hands.desk.mix["drums"] == pytest.approx(blend(EVERY, {"a": 1.0}).mix["drums"])


def test_a_pick_waits_for_its_mark_or_for_that_of_its_presets(hands: Performance) -> None:
    for words, wanted in (({"at": "beat", "a": 1.0}, BEAT), ({"later": 1.0}, BAR)):
        answer = go_to(hands.desk, **words)
        hands.play(SECOND * 2)
        applied = next(told for told in hands.told if told.id == answer.id)
        [gains] = {move.sample for move in applied.moves if move.dimension in ROLES}
        position = gains - hands.applied(PLAY)[0].sample
        assert position % wanted == 0
    assert hands.desk.mix == {**NEUTRAL, "bass": -9.0}


def test_what_is_not_for_the_song_is_refused_with_the_reason(hands: Performance) -> None:
    slow = Preset(name="slow", title="", description="", not_for=NotFor(without=("strings",)))
    with pytest.raises(InvalidInput, match="slow is not for a track without strings"):
        hands.desk.presets.choose(Pick(id="p", weights={"slow": 1.0}), blend([slow], {"slow": 1.0}))
    assert hands.desk.presets.name == "original"


def test_empty_decks_stand_in_presets_too() -> None:
    played = Performance()
    answer = go_to(played.desk, over_bars=2.0, a=1.0)
    assert answer.accepted
    played.play(SECOND)
    assert played.desk.mix["drums"] == -12.0


def test_panic_brings_the_original_back(hands: Performance) -> None:
    go_to(hands.desk, a=1.0)
    go_to(hands.desk, at="bar", b=1.0)
    hands.play(SECOND // 10)
    assert hands.desk.panic("help").accepted
    hands.play(SECOND * 2)
    assert hands.desk.presets.name == "original"
    assert hands.desk.mix == dict(NEUTRAL)
    position = hands.session.clock - hands.applied(PLAY)[0].sample
    whole: Audio = sum(SONG[role] for role in ROLES)
    np.testing.assert_allclose(hands.heard[-1], whole[position - 480 : position], atol=1e-5)


def test_picks_that_cannot_be_are_refused_before_anything_moves() -> None:
    for words, told in (
        ({"weights": {}}, "no preset is named"),
        ({"weights": {"a": 2.0}}, "not within 0 to 1"),
        ({"weights": {"a": 1.0}, "over_bars": 65.0}, "over_bars goes from 0 to 64"),
        ({"weights": {"a": 1.0}, "over_bars": math.nan}, "over_bars goes from 0 to 64"),
        ({"weights": {"a": 1.0}, "id": ""}, "id is empty"),
    ):
        with pytest.raises(InvalidInput, match=told):
            Pick(**{"id": "p", **words})


# Directed


def test_presets_come_at_a_phrase_and_the_slew_is_counted_from_there() -> None:
    played = Directed()
    played.go_on(0.5)
    answer = go_to(played.desk, a=1.0)
    assert answer.planned_sample == PHRASE
    assert played.desk.presets.name == "original"
    played.go_on(3.0)
    assert played.desk.mix == dict(NEUTRAL)
    played.go_on(2.0)
    applied = played.outcome(answer.id)
    assert isinstance(applied, Applied)
    assert {move.dimension for move in applied.moves} == {"drums", "bass"}
    assert {move.sample for move in applied.moves} == {PHRASE}
    assert {move.settled_sample for move in applied.moves} == {PHRASE + BAR}, "a bar, unless it is told"
    assert applied.because.startswith("the presets are a")
    assert played.desk.because["drums"] == "the presets are a"
    assert (played.desk.mix["drums"], played.desk.presets.name) == (-12.0, "a")


def test_wishes_for_what_presets_move_are_forgotten_and_the_others_hold() -> None:
    played = Directed()
    played.go_on(0.5)
    played.wish("drums", drums=-6.0)
    played.wish("vocals", vocals=-3.0)
    played.go_on(2.0)
    assert -6.0 <= played.desk.mix["drums"] < 0.0
    go_to(played.desk, a=1.0)
    played.go_on(2.5)
    assert played.desk.mix["drums"] == -12.0
    played.go_on(4.0)
    assert played.desk.mix["drums"] == -12.0, "nobody pulls it back"
    assert played.desk.mix["vocals"] == -3.0, "that wish still counts"


def test_a_wish_that_nothing_came_of_is_told_why() -> None:
    played = Directed()
    played.go_on(0.5)
    go_to(played.desk, steps=1.0)
    played.wish("pace", tempo=1.02)
    played.go_on(4.5)
    refused = played.outcome("pace")
    assert isinstance(refused, Refused)
    assert "the presets are steps" in refused.reason


def test_the_newest_pick_counts_and_the_one_before_is_told() -> None:
    played = Directed()
    played.go_on(0.5)
    first, second = go_to(played.desk, a=1.0), go_to(played.desk, b=1.0)
    played.go_on(5.0)
    assert isinstance(played.outcome(first.id), Refused)
    assert isinstance(played.outcome(second.id), Applied)
    assert (played.desk.presets.name, played.desk.mix["drums"]) == ("b", -3.0)


def test_the_tempo_of_steps_is_not_for_fans_to_move() -> None:
    played = Directed(steps=1.0)
    [clamp] = played.wish("pace", tempo=1.02).clamps
    assert clamp.given == 1.05
    free = Directed(a=1.0)
    assert free.wish("pace", tempo=1.02).clamps == ()


def test_a_pick_that_changes_nothing_is_heard_of_again() -> None:
    played = Directed(a=1.0)
    played.go_on(0.5)
    answer = go_to(played.desk, a=1.0)
    played.go_on(4.5)
    played.desk.tell_settled()
    applied = played.outcome(answer.id)
    assert isinstance(applied, Applied)
    assert applied.moves == ()


def test_a_directed_session_has_its_own_time_for_presets() -> None:
    played = Directed()
    played.go_on(0.5)
    answer = go_to(played.desk, at="beat", a=1.0)
    assert (answer.accepted, "next phrase" in answer.reason) == (False, True)
    assert go_to(played.desk, at="phrase", a=1.0).accepted


def test_panic_takes_back_what_waits_for_a_phrase() -> None:
    played = Directed()
    played.go_on(0.5)
    answer = go_to(played.desk, a=1.0)
    played.desk.panic("help")
    assert isinstance(played.outcome(answer.id), Refused)
    played.go_on(5.0)
    assert played.desk.mix == dict(NEUTRAL)
    assert played.desk.presets.name == "original"


# What is heard


def test_a_blend_is_heard_at_the_levels_that_it_says(hands: Performance) -> None:
    made = blend(EVERY, {"a": 0.5})
    go_to(hands.desk, a=0.5)
    hands.play(SECOND // 10)
    before = hands.session.clock
    heard = hands.play(SECOND)
    position = before - hands.applied(PLAY)[0].sample
    wanted = sum(
        SONG[role][position : position + len(heard)] * np.float32(gain_from_db(made.mix[role]))
        for role in ROLES
    )
    assert level_db(heard - wanted) < level_db(wanted) - 60.0
