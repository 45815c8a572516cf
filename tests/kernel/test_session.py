"""A session plays stems exactly, moves without a click, and sounds the same however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import cents, clicks, frequency_hz, level_db, music, noise, onsets, roughness, tone

from remixd._kernel import mailbox
from remixd._kernel.session import Session
from remixd._kernel.stem import Stem

DRUMS, BASS, VOCALS, OTHER = range(4)
TEMPO, PITCH, VOCALS_GAIN, DRUMS_GAIN, BASS_GAIN, OTHER_GAIN = range(6)
SECOND = 48_000


def one(pcm: np.ndarray, role: int = OTHER, struck: list[int] | None = None, **kwargs) -> Session:
    kwargs.setdefault("loop", False)
    return Session([Stem.of(pcm, struck or [])], [role], **kwargs)


def at(tempo: float = 1.0, pitch: float = 0.0) -> tuple[float, ...]:
    return (tempo, pitch, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("role", [DRUMS, OTHER])
def test_at_neutral_the_output_is_the_stem_to_the_bit(role: int) -> None:
    pcm = noise(SECOND)
    np.testing.assert_array_equal(one(pcm, role).render(SECOND), pcm)


def test_stems_at_neutral_sum_exactly_in_single_precision() -> None:
    parts = [noise(SECOND // 2, seed=seed, level=0.05) for seed in range(4)]
    session = Session([Stem.of(part) for part in parts], [DRUMS, BASS, VOCALS, OTHER], loop=False)
    expected = ((parts[0] + parts[1]) + parts[2]) + parts[3]
    np.testing.assert_array_equal(session.render(SECOND // 2), expected)


@pytest.mark.parametrize("frames", [1, 12, 63, 64, 65, 1000, 12_000])
def test_a_track_of_any_length_loops_without_a_gap(frames: int) -> None:
    pcm = noise(frames)
    heard = one(pcm, loop=True).render(3 * frames + 17)
    np.testing.assert_array_equal(heard, pcm[np.arange(3 * frames + 17) % frames])


def test_after_its_end_a_track_that_does_not_loop_is_silent() -> None:
    heard = one(noise(5000)).render(9000)
    assert not heard[5000:].any()
    assert heard[4999].any()


def test_it_starts_where_it_is_told() -> None:
    pcm = noise(SECOND)
    np.testing.assert_array_equal(one(pcm, start=12_345).render(20_000), pcm[12_345:32_345])


commands = st.lists(
    st.tuples(
        st.integers(0, 40_000),
        st.sampled_from(
            [(TEMPO, 0.5, 2.0), (PITCH, -12.0, 12.0), (DRUMS_GAIN, -60, 6), (OTHER_GAIN, -60, 6)]
        ),
        st.floats(0, 1),
        st.sampled_from([0, 1, 480, 5000]),
    ),
    max_size=12,
)


def steered(moves: list, cuts: list[int], total: int) -> np.ndarray:
    stems = [Stem.of(music(30_000, seed=3)), Stem.of(clicks(30_000, 6000))]
    session = Session(stems, [OTHER, DRUMS])
    for number, (sample, (dimension, low, high), share, ramp) in enumerate(moves):
        session.post(number, dimension, low + share * (high - low), sample=sample, ramp_frames=ramp)
    blocks, done = [], 0
    for cut in [*cuts, total]:
        blocks.append(session.render(min(cut, total - done)))
        done += blocks[-1].shape[0]
    return np.concatenate(blocks)


@settings(max_examples=25, deadline=None)
@given(moves=commands, cuts=st.lists(st.integers(1, 4096), max_size=40))
def test_the_same_bits_come_out_however_the_blocks_are_cut(moves: list, cuts: list[int]) -> None:
    np.testing.assert_array_equal(steered(moves, cuts, 45_000), steered(moves, [], 45_000))


@settings(max_examples=25, deadline=None)
@given(moves=commands)
def test_whatever_is_asked_the_output_is_finite_and_below_the_ceiling(moves: list) -> None:
    heard = steered(moves, [], 45_000)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 10 ** (-1 / 20)


@pytest.mark.parametrize("role", [DRUMS, OTHER])
@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.08, 1.25, 2.0])
def test_tempo_moves_the_beats_to_where_they_belong(role: int, tempo: float) -> None:
    pcm = clicks(6 * SECOND, 24_000, first=24_000)
    struck = list(range(24_000, 6 * SECOND - 64, 24_000))
    heard = one(pcm, role, struck, mix=at(tempo)).render(round(6 * SECOND / tempo))
    expected = [round(onset / tempo) for onset in range(24_000, 6 * SECOND - 64, 24_000)]
    envelope = np.convolve(np.square(heard).sum(axis=1), np.hanning(512), mode="same")
    for beat in expected[1:-1]:
        nearby = envelope[beat - 6000 : beat + 6000]
        centre = float((nearby * np.arange(-6000, 6000)).sum() / nearby.sum())
        assert abs(centre) < 64, f"the energy of the beat at {beat} lies {centre:.0f} frames off"


@pytest.mark.parametrize(("tempo", "pitch"), [(1, 3), (1, -3), (0.8, 0), (1.25, 0), (1.1, 7), (0.9, -12)])
def test_pitch_is_what_was_asked_whatever_the_tempo(tempo: float, pitch: float) -> None:
    heard = one(tone(5 * SECOND, 441.3), mix=at(tempo, pitch)).render(3 * SECOND)
    steady = heard[SECOND : 2 * SECOND + 20_000]
    assert abs(cents(frequency_hz(steady), 441.3 * 2 ** (pitch / 12))) < 0.5
    assert abs(level_db(steady) - level_db(tone(SECOND, 441.3))) < 0.2


@pytest.mark.parametrize(("tempo", "pitch"), [(0.8, 0), (1.25, 2)])
def test_the_stereo_image_survives(tempo: float, pitch: float) -> None:
    heard = one(tone(4 * SECOND, 500.0, phase=0.9), mix=at(tempo, pitch)).render(2 * SECOND)[SECOND:]
    left, right = np.fft.rfft(heard * np.hanning(SECOND)[:, None], axis=0).T
    peak = int(np.abs(left).argmax())
    assert abs(np.angle(right[peak] / left[peak]) - 0.9) < 0.01


def test_drums_are_not_transposed() -> None:
    heard = one(tone(4 * SECOND, 200.0), DRUMS, mix=at(1.0, 5.0)).render(2 * SECOND)
    assert abs(cents(frequency_hz(heard[SECOND:]), 200.0)) < 0.1


def test_pitched_up_nothing_folds_back_from_above_half_the_rate() -> None:
    heard = one(tone(3 * SECOND, 20_000.0), mix=at(1.0, 12.0)).render(2 * SECOND)[SECOND:]
    assert level_db(heard) < level_db(tone(SECOND, 20_000.0)) - 60


def test_a_gain_moves_at_its_very_sample_and_settles_when_it_says() -> None:
    session = one(np.full((SECOND, 2), 0.5))
    session.post(1, OTHER_GAIN, -6.0, sample=10_007, ramp_frames=480)
    heard = session.render(20_000)[:, 0]
    report = session.take_reports()[0]
    assert (report.id, report.sample, report.settled_sample) == (1, 10_007, 10_487)
    assert (heard[:10_007] == 0.5).all()
    assert heard[10_007] < 0.5
    np.testing.assert_allclose(heard[10_487:], 0.5 * 10 ** (-6 / 20), rtol=1e-6)
    assert (np.diff(heard[10_006:10_487]) < 0).all()


def test_minus_60_db_is_silence() -> None:
    session = one(noise(SECOND))
    session.post(1, OTHER_GAIN, -60.0, sample=1000)
    assert not session.render(SECOND)[1480:].any()


def test_a_ramp_is_retargeted_from_where_it_is() -> None:
    session = one(np.full((SECOND, 2), 0.5))
    session.post(1, OTHER_GAIN, -60.0, sample=1000, ramp_frames=4800)
    session.post(2, OTHER_GAIN, 0.0, sample=3000, ramp_frames=4800)
    heard = session.render(20_000)[:, 0]
    assert np.abs(np.diff(heard)).max() < 0.5 / 4800 * 1.01
    assert heard[2999] < 0.5
    assert (heard[7800:] == 0.5).all()


def test_the_tempo_changes_at_the_sample_that_is_reported() -> None:
    session = one(music(5 * SECOND))
    session.render(SECOND)
    session.post(1, TEMPO, 1.2)
    session.render(SECOND)
    report = session.take_reports()[0]
    bend = report.sample
    assert SECOND <= bend <= SECOND + 4096, "the map bends within its horizon"
    assert report.settled_sample > bend
    # 8 steps of 64 frames glide from 1 to 1.2; from then on it is 1.2
    gliding = sum(64 * (1 + 0.2 * min(step, 8) / 8) for step in range(1, 9))
    expected = bend + gliding + 1.2 * (session.clock - bend - 512)
    assert abs(session.position - expected) < 0.01


def test_back_at_neutral_the_stem_comes_through_to_the_bit_again() -> None:
    pcm = music(8 * SECOND)
    session = one(pcm)
    for number, (sample, dimension, value) in enumerate(
        [(10_000, TEMPO, 1.13), (50_000, PITCH, 2.5), (90_000, TEMPO, 1.0), (120_000, PITCH, 0.0)]
    ):
        session.post(number, dimension, value, sample=sample)
    heard = session.render(4 * SECOND)
    offset = session.position - session.clock
    assert offset == int(offset)
    late = np.arange(3 * SECOND, 4 * SECOND)
    np.testing.assert_array_equal(heard[late], pcm[late + int(offset)])


@pytest.mark.parametrize(("dimension", "value"), [(TEMPO, 1.0), (PITCH, 0.0)])
def test_from_the_settled_sample_of_a_return_to_neutral_the_stem_is_itself(
    dimension: int, value: float
) -> None:
    pcm = music(8 * SECOND)
    session = one(pcm, mix=at(1.13 if dimension == TEMPO else 1.0, 2.5 if dimension == PITCH else 0.0))
    session.post(1, dimension, value, sample=40_000)
    heard = session.render(3 * SECOND)
    settled = session.take_reports()[0].settled_sample
    assert settled < 40_000 + 0.45 * SECOND
    offset = int(session.position) - session.clock
    np.testing.assert_array_equal(heard[settled:], pcm[settled + offset : 3 * SECOND + offset])


@pytest.mark.parametrize(("dimension", "value"), [(TEMPO, 1.1), (PITCH, 2.0)])
def test_a_move_away_from_neutral_settles_as_soon_as_its_frames_have_passed(
    dimension: int, value: float
) -> None:
    session = one(music(4 * SECOND))
    session.post(1, dimension, value, sample=40_000)
    session.render(SECOND)
    report = session.take_reports()[0]
    assert report.settled_sample - report.sample < 0.08 * SECOND


def test_every_report_names_the_place_in_the_song_also_after_its_end() -> None:
    frames = 20_000
    session = one(music(frames), loop=True)
    session.render(3 * frames)
    for dimension in (TEMPO, PITCH, OTHER_GAIN):
        session.post(dimension, dimension, 1.0 if dimension == TEMPO else 0.0)
    session.render(10_000)
    reports = session.take_reports()
    assert len(reports) == 3
    assert all(report.position == report.sample % frames for report in reports)


@pytest.mark.parametrize("dimension", [TEMPO, OTHER_GAIN])
def test_a_move_that_another_replaces_at_once_is_told_as_superseded(dimension: int) -> None:
    session = one(music(SECOND))
    for number, value in enumerate((0.9, 1.25, 1.1)):
        session.post(number, dimension, value)
    session.post(3, PITCH if dimension == TEMPO else VOCALS_GAIN, 0.0)
    session.render(10_000)
    told = {report.id: report.superseded for report in session.take_reports()}
    assert told == {0: True, 1: True, 2: False, 3: False}


@pytest.mark.parametrize("dimension", [TEMPO, PITCH, OTHER_GAIN])
def test_no_move_clicks(dimension: int) -> None:
    pcm = music(6 * SECOND)
    far, back = {TEMPO: (1.25, 1.0), PITCH: (3.0, 0.0), OTHER_GAIN: (-60.0, 0.0)}[dimension]
    session = one(pcm)
    for number in range(8):
        session.post(number, dimension, back if number % 2 else far, sample=20_000 + 17_777 * number)
    heard = session.render(4 * SECOND)
    steady = one(pcm, mix=at(far if dimension == TEMPO else 1.0, far if dimension == PITCH else 0.0))
    limit = max(roughness(pcm).max(), roughness(steady.render(4 * SECOND)[5000:]).max())
    assert roughness(heard).max() < 1.5 * limit


def heard_at(heard: np.ndarray, burst: np.ndarray, near: float) -> int:
    """The frame near to `near` at which a burst is heard."""
    first = round(near) - 600
    part = heard[max(first, 0) : first + 1264, 0].astype(np.float64)
    return max(first, 0) + int(np.correlate(part, burst[:, 0], mode="valid").argmax())


@pytest.mark.parametrize("role", [DRUMS, BASS, OTHER])
def test_stems_begin_their_notes_on_the_map_however_the_tempo_wanders(role: int) -> None:
    pcm = clicks(20 * SECOND, 9_000, first=9_000) * np.float32(0.25)
    struck = list(range(9_000, 20 * SECOND - 64, 9_000))
    session = one(pcm, role, struck)
    rng = np.random.default_rng(3)
    for number in range(60):
        session.post(number, TEMPO, rng.uniform(0.7, 1.4), sample=7000 * number)
    parts, clock, place = [], [0], [0.0]
    for _ in range(9 * SECOND // 64):
        parts.append(session.render(64))
        clock.append(session.clock)
        place.append(session.position)
    heard = np.concatenate(parts)
    bends = np.array([report.sample for report in session.take_reports()])
    for onset in struck[1:-1]:
        if onset < place[-1] - 4096:
            due = float(np.interp(onset, place, clock))
            surprised = ((bends <= due) & (due < bends + 2048)).any()  # its frames are laid down already
            error = heard_at(heard, pcm[onset : onset + 64], due) - due
            assert abs(error) <= (48.0 if surprised else 1.0)


@settings(max_examples=15)
@given(tempo=st.floats(0.5, 2.0), seed=st.integers(0, 9))
def test_a_stem_is_never_far_from_the_map_whatever_its_onsets(tempo: float, seed: int) -> None:
    sweep_hz = 400.0  # a second: where the sound is in the song can be told from its frequency
    t = np.arange(8 * SECOND) / SECOND
    wave = 0.3 * np.sin(2 * np.pi * (300 * t + sweep_hz / 2 * t**2))
    pcm = np.stack([wave, wave], axis=1).astype(np.float32)
    struck = np.unique(np.random.default_rng(seed).integers(0, 8 * SECOND, 40)).tolist()
    heard = one(pcm, OTHER, struck, mix=at(tempo)).render(2 * SECOND)
    for centre in range(SECOND // 2, 2 * SECOND - 4096, 3_000):
        position_s = (frequency_hz(heard[centre - 1024 : centre + 1024]) - 300) / sweep_hz
        assert abs(position_s - centre * tempo / SECOND) < 0.08


def test_vocals_are_held_near_the_others_unless_they_may_be_alone() -> None:
    quiet = np.full((SECOND, 2), 0.01, dtype=np.float32)
    voice = np.full((SECOND, 2), 0.1, dtype=np.float32)

    def heard(limit_db: float | None) -> float:
        session = Session(
            [Stem.of(quiet), Stem.of(voice)], [DRUMS, VOCALS], loop=False, vocals_limit_db=limit_db,
            mix=(1, 0, 0, -40, 0, 0),
        )  # fmt: skip
        return float(session.render(2000)[1000, 0])

    assert heard(None) == pytest.approx(0.1 + 0.01 * 0.01, rel=1e-4)
    assert heard(12.0) == pytest.approx(0.1 * 10 ** ((12 - 40) / 20) + 0.01 * 0.01, rel=1e-4)


def test_vocals_that_are_all_there_is_may_be_heard() -> None:
    pcm = noise(5000)
    np.testing.assert_array_equal(one(pcm, VOCALS, vocals_limit_db=12.0).render(5000), pcm)


def test_rights_clamp_every_command_in_the_kernel_itself() -> None:
    low, high = (0.8, -3, -60, -20, -60, -60), (1.25, 3, 6, 6, 6, 0)
    session = one(music(4 * SECOND), low=low, high=high)
    for number, (dimension, value) in enumerate([(TEMPO, 2.0), (PITCH, -9.0), (OTHER_GAIN, 6.0)]):
        session.post(number, dimension, value)
    session.render(SECOND)
    given = {report.dimension: report.value for report in session.take_reports()}
    assert given == {TEMPO: 1.25, PITCH: -3.0, OTHER_GAIN: 0.0}


def test_commands_for_the_past_are_applied_now_and_told() -> None:
    session = one(noise(SECOND))
    session.render(10_000)
    session.post(1, OTHER_GAIN, -3.0, sample=500)
    session.render(1000)
    report = session.take_reports()[0]
    assert report.sample >= 10_000
    assert report.late_frames == report.sample - 500


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_refused_and_told(value: float) -> None:
    session = one(noise(1000))
    assert not session.post(5, TEMPO, value)
    report = session.take_reports()[0]
    assert (report.id, report.kind) == (5, mailbox.REFUSED)


def test_too_many_waiting_commands_are_refused_and_told_none_is_lost() -> None:
    session = one(noise(SECOND))
    taken = [session.post(i, OTHER_GAIN, -1.0, sample=40_000) for i in range(400)]
    session.render(SECOND)
    reports = session.take_reports()
    kinds = {report.id: report.kind for report in reports}
    assert len(kinds) == 400
    assert all((kinds[i] == mailbox.APPLIED) == ok for i, ok in enumerate(taken))
    assert 0 < sum(taken) < 400


def test_a_stem_full_of_denormals_is_played_or_silent_but_finite() -> None:
    pcm = np.full((SECOND, 2), 1e-41, dtype=np.float32)
    heard = one(pcm, mix=at(1.1, 2)).render(20_000)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 1e-30


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_constant_full_scale_are_stretched_without_harm(level: float) -> None:
    heard = one(np.full((SECOND, 2), level), mix=at(0.9, -2)).render(40_000)
    assert np.isfinite(heard).all()
    if level == 0.0:
        assert not heard.any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": -1}, {"start": 10_000}, {"mix": (1,) + (0,) * 20}, {"mix": (float("nan"), 0, 0, 0, 0, 0)},
        {"low": (0.1, -12, -60, -60, -60, -60)}, {"high": (2, 13, 6, 6, 6, 6)},
    ],
)  # fmt: skip
def test_impossible_sessions_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"start|finite|tempo|pitch"):
        one(noise(10_000), **wrong)


def test_stems_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equal length"):
        Session([Stem.of(noise(100)), Stem.of(noise(101))], [0, 1])


def test_clicks_are_found_where_they_were_put() -> None:
    assert onsets(clicks(SECOND, 12_000)) == [0, 12_000, 24_000, 36_000]
