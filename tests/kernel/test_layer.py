"""What is generated over a deck: struck on the beats of its map, ducked, within rights, without a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from decks import at
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import Audio, level_db, music, noise, onsets, roughness, tone

from remixd._kernel import mailbox, sampler
from remixd._kernel.patterns import PatternShelf
from remixd._kernel.sampler import BARE, FITS, PITCHED, Bank, Pattern
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

DRUMS, BASS, VOCALS, OTHER = range(4)
LAYER = 4
BEAT = 12_000
SECOND = 48_000
SILENCE = np.zeros((8 * SECOND, 2), np.float32)

Hit = tuple[float, int, float, float, float, int, int]


def tick(frames: int = 480, *, level: float = 0.5) -> Audio:
    """A short sound that is loud from its first frame on."""
    decay = np.exp(-np.arange(frames) / (0.2 * frames)) * np.linspace(1, 0, frames)
    return (level * decay[:, None] * np.ones((1, 2))).astype(np.float32)


def hit(frame: float, sound: int = 0, *, length: float = 0.0, group: int = 0, flags: int = 0) -> Hit:
    return (frame, sound, 1.0, 0.0, length, group, flags)


def playing(pcm: Audio = SILENCE, role: int = OTHER, **words: Any) -> Session:
    beats = np.arange(0, len(pcm), BEAT)
    words.setdefault("loop", False)
    return Session(
        [Stem.of(pcm, tonal=role != DRUMS)], [role], beats=beats, levels=np.ones(len(beats)), **words
    )


def generate(
    session: Session,
    hits: Sequence[Hit],
    sounds: Sequence[Audio] = (),
    *,
    key: int = 1,
    level_db: float = 0.0,
) -> None:
    """Have a pattern over the whole song on deck A, its layer heard from the start."""
    bank = Bank(list(sounds) or [tick()])
    PatternShelf(session).shelve(Pattern(bank, hits, key=key, player=1, start=0, end=8 * SECOND))
    session.post(900 + key, 0, 0.0, kind=mailbox.PATTERN, deck=0, extra=key)
    session.post(800, LAYER, level_db, kind=mailbox.LEVEL, deck=0, ramp_frames=0)


def sample_at(session_frames: Audio) -> list[int]:
    return onsets(session_frames, quiet=1000)


def test_hits_land_on_their_frames_to_the_sample() -> None:
    session = playing()
    generate(session, [hit(beat * BEAT) for beat in range(1, 8)])
    assert sample_at(session.render(8 * BEAT)) == [beat * BEAT for beat in range(1, 8)]


@settings(max_examples=15, deadline=None)
@given(
    tempo=st.floats(0.5, 2.0),
    moves=st.lists(st.tuples(st.integers(0, 90_000), st.floats(0.5, 2.0)), max_size=4),
    frames=st.lists(st.floats(2000, 150_000), min_size=1, max_size=12),
)
def test_hits_follow_the_map_at_any_tempo(
    tempo: float, moves: list[tuple[int, float]], frames: list[float]
) -> None:
    """At the first sample at which the playhead is there: it is not before, and was one sample earlier."""
    struck = sorted({round(frame / 3000) * 3000 + 0.37 for frame in frames})
    session, probe = playing(mix=at(tempo)), playing(mix=at(tempo))
    generate(session, [hit(frame) for frame in struck])
    for number, (sample, value) in enumerate(moves):
        for each in (session, probe):
            each.post(number, 0, value, sample=sample)
    heard = sample_at(session.render(96_000))
    positions = np.concatenate([[probe.position]] + [[_step(probe)] for _ in range(96_000 // 64)])
    for sample, frame in zip(heard, struck, strict=False):
        quantum, within = divmod(sample, 64)
        rate = (positions[quantum + 1] - positions[quantum]) / 64
        off = positions[quantum] + rate * within - frame
        assert -0.01 <= off <= rate + 0.01
    reached = sum(frame < positions[-2] for frame in struck)
    assert len(heard) >= reached


def _step(session: Session) -> float:
    session.render(64)
    return session.position


def test_a_pattern_sounds_the_same_however_the_blocks_are_cut() -> None:
    hits = [hit(k * 1777.3, k % 2, group=k % 3, flags=PITCHED * (k % 2)) for k in range(80)]
    whole, cut = playing(mix=at(1.07, 2.0)), playing(mix=at(1.07, 2.0))
    for session in (whole, cut):
        generate(session, hits, [tick(5000), tone(9000, 110.0)])
    blocks = [cut.render(size) for size in (1, 63, 64, 500, 7777, 31_595)]
    np.testing.assert_array_equal(np.concatenate(blocks), whole.render(40_000))


def test_without_a_pattern_or_at_no_level_the_mix_is_bit_exact() -> None:
    pcm = music(SECOND)
    plain, silent = playing(pcm), playing(pcm)
    generate(silent, [hit(k * 500) for k in range(90)], level_db=-60.0)
    np.testing.assert_array_equal(silent.render(SECOND), plain.render(SECOND))


def test_after_its_layer_is_faded_out_the_mix_is_bit_exact_again() -> None:
    pcm = music(SECOND)
    plain, session = playing(pcm), playing(pcm)
    generate(session, [hit(k * 500) for k in range(90)])
    session.post(9, LAYER, -60.0, kind=mailbox.LEVEL, deck=0, sample=10_000)
    mixed, artist = session.render(SECOND), plain.render(SECOND)
    assert not np.array_equal(mixed[:10_000], artist[:10_000])
    np.testing.assert_array_equal(mixed[10_700:], artist[10_700:])


def test_a_loop_strikes_its_hits_in_every_round_with_the_first_beat_on_its_sample() -> None:
    session = playing()
    generate(session, [hit(beat * BEAT) for beat in range(1, 8)])
    session.post(2, 0, 2.0, kind=mailbox.LOOP, deck=0, extra=2.0 * BEAT)
    assert sample_at(session.render(9 * BEAT)) == [beat * BEAT for beat in range(1, 9)]


def test_a_jump_strikes_what_it_lands_on_and_not_what_it_leaves() -> None:
    session = playing()
    generate(session, [hit(0.5 * SECOND), hit(1.0 * SECOND), hit(3.0 * SECOND), hit(3.5 * SECOND)])
    session.post(2, 0, 3.0 * SECOND, kind=mailbox.SEEK, deck=0, sample=SECOND)
    assert sample_at(session.render(2 * SECOND)) == [SECOND // 2, SECOND, SECOND * 3 // 2]


def test_a_song_that_starts_over_strikes_again() -> None:
    session = playing(SILENCE[: 2 * BEAT], loop=True)
    generate(session, [hit(0), hit(BEAT)])
    assert sample_at(session.render(6 * BEAT))[-4:] == [2 * BEAT, 3 * BEAT, 4 * BEAT, 5 * BEAT]


def test_nothing_is_struck_backwards_or_at_rest() -> None:
    session = playing(start=4 * SECOND)
    generate(session, [hit(k * 3000.0) for k in range(120)])
    session.post(2, 0, 1.0, kind=mailbox.REVERSE, deck=0)
    session.post(3, 0, 0.0, kind=mailbox.PAUSE, deck=0, sample=SECOND)
    out = session.render(2 * SECOND)
    assert np.abs(out[1000:]).max() < 1e-6


def test_a_deck_that_rests_ends_what_it_has_struck_without_a_click() -> None:
    session = playing()
    generate(session, [hit(1000)], [tone(3 * SECOND, 100.0)])
    session.post(3, 0, 0.0, kind=mailbox.PAUSE, deck=0, sample=SECOND)
    out = session.render(2 * SECOND)
    assert np.abs(out[SECOND + 100 :]).max() == 0.0
    assert roughness(out)[SECOND - 200 :].max() < 0.002


def test_a_new_pattern_takes_the_place_of_what_fills_the_same_frames() -> None:
    session = playing()
    generate(session, [hit(k * BEAT) for k in range(1, 8)])
    shelf = PatternShelf(session)
    shelf.shelve(Pattern(Bank([tick()]), [hit(k * BEAT + 5000) for k in range(7)], key=2, player=1,
                         start=0, end=8 * SECOND))  # fmt: skip
    session.post(5, 0, 0.0, kind=mailbox.PATTERN, deck=0, extra=2, sample=3 * BEAT - 500)
    assert sample_at(session.render(6 * BEAT)) == [
        BEAT, 2 * BEAT, 2 * BEAT + 5000 + BEAT, 3 * BEAT + 5000 + BEAT, 4 * BEAT + 5000 + BEAT
    ]  # fmt: skip
    assert shelf.collect() == [1]


def test_patterns_of_other_frames_stay_and_the_fifth_sends_the_first_away() -> None:
    session = playing()
    shelf, bank = PatternShelf(session), Bank([tick()])
    session.post(1, LAYER, 0.0, kind=mailbox.LEVEL, deck=0, ramp_frames=0)
    for bar in range(5):
        start = bar * BEAT
        shelf.shelve(Pattern(bank, [hit(start)], key=bar + 1, player=1, start=start, end=start + BEAT))
        session.post(bar + 2, 0, 0.0, kind=mailbox.PATTERN, deck=0, extra=bar + 1)
    assert sample_at(session.render(6 * BEAT)) == [BEAT, 2 * BEAT, 3 * BEAT, 4 * BEAT]
    assert shelf.collect() == [1]


def test_a_pattern_for_other_music_or_against_its_rights_is_refused_and_given_back() -> None:
    for words, player, reason in (
        ({}, 7, mailbox.MISSING),
        ({"generated": False}, 1, mailbox.FORBIDDEN),
    ):
        session = playing(**words)
        shelf = PatternShelf(session)
        shelf.shelve(Pattern(Bank([tick()]), [hit(100)], key=3, player=player, start=0, end=SECOND))
        session.post(1, LAYER, 0.0, kind=mailbox.LEVEL, deck=0)
        session.post(2, 0, 0.0, kind=mailbox.PATTERN, deck=0, extra=3)
        assert np.abs(session.render(4000)).max() == 0.0
        (refused,) = [each for each in session.take_reports() if each.kind == mailbox.REFUSED]
        assert (refused.id, refused.reason) == (2, reason)
        assert shelf.collect() == [3]


def test_what_is_loaded_instead_has_nothing_of_the_old_patterns() -> None:
    from remixd._kernel.player import Player

    session = playing()
    generate(session, [hit(k * 1000) for k in range(100)])
    session.shelve(Player([Stem.of(SILENCE[:SECOND])], [OTHER], key=2, loop=False))
    session.post(5, 0, 0.0, kind=mailbox.LOAD, deck=0, extra=2, sample=9600)
    session.post(6, 0, 0.0, kind=mailbox.PLAY, deck=0, sample=12_000)
    out = session.render(SECOND)
    assert np.abs(out[:9600]).max() > 0.1
    assert np.abs(out[9800:]).max() == 0.0


def test_closed_hats_choke_open_ones_without_a_click() -> None:
    session = playing()
    generate(session, [hit(1000, 0, group=1), hit(9000, 1, group=1)], [tone(SECOND, 200.0), SILENCE[:500]])
    out = session.render(SECOND)
    assert level_db(out[1000:9000]) > -20
    assert np.abs(out[9100:]).max() == 0.0
    assert roughness(out)[8000:].max() < 0.003


def test_more_hits_than_voices_never_click_nor_stop_the_newest() -> None:
    session, sound = playing(), tone(3 * SECOND, 80.0, level=0.01, phase=0.0)
    sound[:960] *= np.sin(np.linspace(0, np.pi / 2, 960))[:, None] ** 2
    generate(session, [hit(1000 + 200 * k) for k in range(0, 180, 3)], [sound])
    out = session.render(SECOND)
    fading = 0.01 * 6 / 96**2  # the sharpest bend of a fade of 2 ms, on the loudest of a sound
    assert roughness(out).max() < 24 * roughness(sound).max() + 2 * fading
    assert level_db(out[40_000:]) == pytest.approx(level_db(sound) + 20 * np.log10(24), abs=0.2)


def test_a_note_lasts_as_long_as_its_source_frames_at_the_deck_tempo() -> None:
    for tempo in (0.8, 1.25):
        session = playing(mix=at(tempo))
        generate(session, [hit(0.0, length=24_000)], [tone(3 * SECOND, 90.0)])
        loud = np.flatnonzero(np.abs(session.render(2 * SECOND)).max(axis=1) > 1e-4)
        assert loud[-1] == pytest.approx(24_000 / tempo + 480, abs=40)


def test_pitched_sounds_follow_the_pitch_of_the_deck_and_others_do_not() -> None:
    from sounds import cents, frequency_hz

    for flags, expected_hz in ((0, 220.0), (PITCHED, 220.0 * 2 ** (3 / 12))):
        session = playing(mix=at(1.0, 3.0))
        generate(session, [hit(0.0, flags=flags)], [tone(3 * SECOND, 220.0)])
        assert abs(cents(frequency_hz(session.render(SECOND)[4000:]), expected_hz)) < 1


@settings(max_examples=10, deadline=None)
@given(tempo=st.floats(0.6, 1.6), later=st.floats(0.6, 1.6), when=st.integers(20_000, 60_000))
def test_what_fits_lands_on_its_mark_whatever_the_tempo_does(tempo: float, later: float, when: int) -> None:
    """A riser ends within two frames of the song of the sample at which an impact on the same mark begins."""
    rising = np.zeros((60_000, 2), np.float32)
    rising[-1500:-1] = 0.3
    session, mark = playing(mix=at(tempo)), 84_000.0
    session.post(1, 0, later, sample=when)
    bank = Bank([rising])
    shelf = PatternShelf(session)
    pattern = [(mark - 72_000, 0, 1.0, 0.0, 72_000.0, 0, FITS | BARE)]
    shelf.shelve(Pattern(bank, pattern, key=5, player=1, start=mark, end=mark))
    session.post(2, 1, 0.0, kind=mailbox.STINGER, deck=0, extra=5)
    out = session.render(int(mark / 0.6) + SECOND)
    (landed,) = [r for r in session.take_reports() if r.kind == mailbox.APPLIED and r.id == 2]
    loud = np.flatnonzero(np.abs(out).max(axis=1) > 0.15)
    assert abs(int(loud[-1]) + 1 - landed.sample) <= 2 / min(tempo, later) + 1
    session.render(64)
    assert shelf.collect() == [5]


def test_a_stinger_strikes_once_even_in_a_loop_and_is_told_when_it_lands() -> None:
    session = playing()
    shelf = PatternShelf(session)
    shelf.shelve(Pattern(Bank([tick()]), [(3.0 * BEAT, 0, 1.0, 0.0, 0.0, 0, BARE)], key=5, player=1,
                         start=3 * BEAT, end=3 * BEAT))  # fmt: skip
    session.post(1, 0, 4.0, kind=mailbox.LOOP, deck=0, extra=0.0)
    session.post(2, 1, 0.0, kind=mailbox.STINGER, deck=0, extra=5)
    assert sample_at(session.render(14 * BEAT)) == [3 * BEAT]
    told = [(each.kind, each.sample) for each in session.take_reports() if each.id == 2]
    assert told == [(mailbox.WAITS, 0), (mailbox.APPLIED, 3 * BEAT)]
    assert shelf.collect() == [5]


def test_a_stinger_that_has_landed_is_heard_to_its_end_while_there_is_room_for_another() -> None:
    """As a chop of the vocals is, over a bar."""
    session = playing()
    shelf = PatternShelf(session)
    for key, beats in ((5, (1, 2, 3, 4)), (6, (6,))):
        hits = [(float(beat * BEAT), 0, 1.0, 0.0, 0.0, 0, BARE) for beat in beats]
        shelf.shelve(
            Pattern(Bank([tick()]), hits, key=key, player=1, start=beats[0] * BEAT, end=beats[-1] * BEAT)
        )
        session.post(
            key, 1, 0.0, kind=mailbox.STINGER, deck=0, extra=key, sample=(key - 5) * (2 * BEAT + 100)
        )
    assert sample_at(session.render(8 * BEAT)) == [beat * BEAT for beat in (1, 2, 3, 4, 6)]


def test_a_stinger_whose_mark_does_not_come_expires() -> None:
    session = playing()
    shelf = PatternShelf(session)
    shelf.shelve(Pattern(Bank([tick()]), [(6.0 * BEAT, 0, 1.0, 0.0, 0.0, 0, BARE)], key=5, player=1,
                         start=6 * BEAT, end=6 * BEAT))  # fmt: skip
    session.post(1, 0, 4.0, kind=mailbox.LOOP, deck=0, extra=0.0)
    session.post(2, 1, 0.0, kind=mailbox.STINGER, deck=0, extra=5, expires=8 * BEAT)
    assert np.abs(session.render(10 * BEAT)).max() == 0.0
    assert [each.kind for each in session.take_reports() if each.id == 2] == [mailbox.WAITS, mailbox.EXPIRED]
    assert shelf.collect() == [5]


def test_vocals_duck_the_layer_by_up_to_six_decibels_and_it_comes_back() -> None:
    sung = np.concatenate([noise(2 * SECOND, level=0.2), SILENCE[: 3 * SECOND]])
    hits, sounds = [hit(0.0)], [tone(5 * SECOND, 997.0, level=0.1)]
    quiet, session = playing(sung, VOCALS), playing(sung, VOCALS)
    generate(session, hits, sounds)
    layer = session.render(4 * SECOND) - quiet.render(4 * SECOND)
    assert level_db(layer[SECOND : 2 * SECOND]) == pytest.approx(level_db(sounds[0]) - 6, abs=0.3)
    assert level_db(layer[3 * SECOND :]) == pytest.approx(level_db(sounds[0]), abs=0.3)


def test_vocals_that_are_muted_duck_nothing() -> None:
    session = playing(noise(2 * SECOND, level=0.2), VOCALS, mix=(1, 0, -60, 0, 0, 0))
    sounds = [tone(5 * SECOND, 997.0, level=0.1)]
    generate(session, [hit(0.0)], sounds)
    assert level_db(session.render(SECOND)) == pytest.approx(level_db(sounds[0]), abs=0.1)


def test_the_fader_of_the_deck_moves_its_layer_too() -> None:
    session = playing()
    generate(session, [hit(0.0)], [tone(5 * SECOND, 997.0, level=0.1)])
    session.post(7, 0, -60.0, kind=mailbox.STRIP, deck=0, sample=SECOND)
    out = session.render(2 * SECOND)
    assert level_db(out[:SECOND]) > -25
    assert level_db(out[SECOND + 9600 :]) < -100


def test_patterns_and_banks_that_make_no_sense_are_refused() -> None:
    bank = Bank([tick()])
    good: dict[str, Any] = {"key": 1, "player": 1, "start": 0, "end": 10}
    for hits, words in (
        ([hit(5), hit(4)], {}),
        ([hit(5, 1)], {}),
        ([hit(np.nan)], {}),
        ([(0.0, 0, 5.0, 0.0, 0.0, 0, 0)], {}),
        ([(0.0, 0, 1.0, 2.0, 0.0, 0, 0)], {}),
        ([hit(0, flags=FITS)], {}),
        ([hit(0)] * 600, {}),
        ([], {"start": 11}),
        ([], {"key": 0}),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            Pattern(bank, hits, **{**good, **words})
    for sounds in ([], [np.zeros((0, 2))], [np.zeros((5, 1))], [np.full((5, 2), np.nan)]):
        with pytest.raises(ValueError, match=r"\w"):
            sampler.Bank(sounds)
