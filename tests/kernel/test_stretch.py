"""What stretching and transposing must leave as it is: tones, chords, attacks, decays, places, vowels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from decks import (
    BASS,
    DRUMS,
    OTHER,
    PITCH,
    SECOND,
    TEMPO,
    VOCALS,
    Move,
    at,
    band,
    moves,
    one,
    steered,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sounds import Audio, cents, frequency_hz, level_db, music, noise, roughness, tone

from remixd._kernel.session import Session
from remixd._kernel.stem import Stem
from remixd.analysis.phase_tree import write_cached

TEMPOS = [0.8, 20 / 21, 1.25]
CHORD_HZ = [
    220 * 2 ** (k / 12) * harmonic
    for k in (0, 4, 7)
    for harmonic in (1, 2, 3, 4)
    if (k, harmonic)
    not in (
        (0, 3),
        (7, 4),
    )  # these beat slowly with others: their levels are not steady
]
TONAL = [BASS, VOCALS, OTHER]


def chord(frames: int) -> Audio:
    """A major chord, its partials apart, the same in both channels."""
    rng = np.random.default_rng(5)
    t = np.arange(frames) / SECOND
    wave = sum(0.06 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28)) for hz in CHORD_HZ)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def tone_to_rest_db(wave: NDArray[np.float64], hz: float) -> float:
    """Power of the sine of a known frequency over that of all else."""
    angle = 2 * np.pi * hz * np.arange(len(wave)) / SECOND
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    return float(10 * np.log10(np.mean(fitted**2) / np.mean((wave - fitted) ** 2)))


def partial(wave: NDArray[np.float64], hz: float) -> NDArray[np.complex128]:
    """A partial's complex envelope, by a Hann window of 50 ms."""
    window = np.hanning(2400)
    carrier = np.exp(-2j * np.pi * hz * np.arange(len(wave)) / SECOND)
    size = len(wave) + 2400
    turned = np.fft.ifft(np.fft.fft(wave * carrier, size) * np.fft.fft(window / window.sum(), size))
    return turned[2400 : len(wave)]


def ripple_db(wave: NDArray[np.float64]) -> float:
    """How much the partials of the chord flutter: standard deviation of their levels."""
    return float(np.mean([np.std(20 * np.log10(np.abs(partial(wave, hz)))) for hz in CHORD_HZ]))


def slope_cents(wave: NDArray[np.float64], hz: float) -> float:
    """How far a partial is off, by the slope of its phase."""
    phase = np.unwrap(np.angle(partial(wave, hz)))
    return cents(hz + np.polyfit(np.arange(len(phase)) / SECOND, phase, 1)[0] / (2 * np.pi), hz)


def steady(pcm: Audio, tempo: float) -> NDArray[np.float64]:
    """The middle of the left channel of a stretched stem."""
    return one(pcm, mix=at(tempo)).render(3 * SECOND)[SECOND // 2 :, 0].astype(np.float64)


@pytest.mark.parametrize("tempo", TEMPOS)
@pytest.mark.parametrize(("hz", "least_db"), [(440.0, 70), (110.0, 60), (55.0, 54)])
def test_a_steady_tone_stays_pure_and_in_tune(hz: float, least_db: float, tempo: float) -> None:
    wave = steady(tone(4 * SECOND, hz), tempo)
    assert abs(slope_cents(wave, hz)) < 0.1
    assert tone_to_rest_db(wave, hz) > least_db


@pytest.mark.parametrize("tempo", TEMPOS)
def test_the_partials_of_a_chord_neither_flutter_nor_drift(tempo: float) -> None:
    pcm = chord(4 * SECOND)
    wave = steady(pcm, tempo)
    assert ripple_db(wave) < ripple_db(pcm[SECOND // 2 : 3 * SECOND, 0].astype(np.float64)) + 0.1
    assert max(abs(slope_cents(wave, hz)) for hz in CHORD_HZ) < 0.1


NOTES = range(24_000, 5 * SECOND, 24_000)


def plucks(decay_frames: float, hz: float = 82.4) -> Audio:
    """Notes of a bass, one every half second, each as sudden as can be."""
    out = np.zeros((5 * SECOND + 24_000, 2), np.float32)
    t = np.arange(24_000)
    note = sum(np.sin(2 * np.pi * hz * h * t / SECOND + h) / h for h in range(1, 12))
    note = 0.1 * note * np.exp(-t / decay_frames)
    for start in NOTES:
        out[start : start + 24_000] += note[:, None].astype(np.float32)
    return out


@pytest.mark.parametrize("tempo", TEMPOS)
@pytest.mark.parametrize(("role", "most_db"), [(DRUMS, -60), (BASS, -34)])
def test_an_attack_is_never_heard_early(role: int, most_db: float, tempo: float) -> None:
    pcm = plucks(2400)
    heard = one(pcm, role, NOTES, mix=at(tempo)).render(round(5 * SECOND / tempo))
    for note in NOTES[1:]:
        due = round(note / tempo)
        early = level_db(heard[due - 960 : due - 96])
        assert early < level_db(heard[due : due + 960]) + most_db


@pytest.mark.parametrize("tempo", TEMPOS)
@pytest.mark.parametrize(("role", "share"), [(DRUMS, 0.25), (BASS, 0.7), (OTHER, 0.7)])
def test_a_note_dies_away_rather_as_it_was_played_than_as_slowly_as_the_music(
    role: int, share: float, tempo: float
) -> None:
    decay_frames = 6000.0
    heard = one(plucks(decay_frames), role, NOTES, mix=at(tempo)).render(round(5 * SECOND / tempo))
    for note in NOTES[1:-1]:
        due = round(note / tempo)
        levels = [level_db(heard[due + i : due + i + 1200]) for i in range(1200, 12_000, 600)]
        fall_db = np.polyfit(np.arange(len(levels)) * 600, levels, 1)[0]
        assert abs(fall_db / (-20 / np.log(10) / decay_frames) - 1) < share * abs(tempo - 1)


@pytest.mark.parametrize("role", TONAL)
@pytest.mark.parametrize(("tempo", "pitch"), [(0.8, 0.0), (1.25, 3.0)])
def test_what_is_on_the_left_stays_there(role: int, tempo: float, pitch: float) -> None:
    pcm = music(4 * SECOND)
    pcm[:, 1] = 0
    heard = one(pcm, role, range(9000, 4 * SECOND, 9000), mix=at(tempo, pitch)).render(2 * SECOND)
    assert level_db(heard[:, 1]) < level_db(heard[:, 0]) - 60


@pytest.mark.parametrize("tempo", TEMPOS)
def test_between_the_channels_phases_stay(tempo: float) -> None:
    pcm = chord(4 * SECOND)
    pcm[:, 1] = tone(4 * SECOND, 220.0, phase=1.1)[:, 1] * np.float32(0.2)
    pcm[:, 0] = tone(4 * SECOND, 220.0)[:, 0] * np.float32(0.2)
    heard = one(pcm, mix=at(tempo)).render(2 * SECOND)[SECOND // 2 :].astype(np.float64)
    apart = partial(heard[:, 1], 220.0) / partial(heard[:, 0], 220.0)
    assert np.abs(np.angle(apart * np.exp(-1.1j))).max() < 0.01


FORMANTS_HZ = (700.0, 1400.0, 2800.0)


def vowel(frames: int) -> Audio:
    """Pulses through three resonators, the pitch sliding so that partials pass over every formant."""
    t = np.arange(frames) / frames
    turns = np.cumsum(110 + 30 * np.sin(2 * np.pi * 3 * t)) / SECOND
    pulses = np.diff(np.floor(turns), prepend=0.0)
    spectrum = np.fft.rfft(pulses, 2 * frames)
    hz = np.fft.rfftfreq(2 * frames, 1 / SECOND)
    for formant in FORMANTS_HZ:
        spectrum *= formant**2 / (formant**2 - hz**2 + 1j * 120.0 * hz)
    wave = np.fft.irfft(spectrum)[:frames]
    return np.stack([wave, wave], axis=1).astype(np.float32) * np.float32(0.2 / np.abs(wave).max())


def colour_db(audio: Audio) -> NDArray[np.float64]:
    """The spectrum's level every 50 Hz from 300 Hz to 3 kHz, smoothed over partials, its mean 0."""
    power = np.abs(np.fft.rfft(audio[:, 0] * np.hanning(len(audio)))) ** 2
    bin_hz = SECOND / len(audio)
    smooth = np.convolve(power, np.hanning(round(320 / bin_hz)), mode="same")
    levels = 10 * np.log10(smooth[[round(hz / bin_hz) for hz in range(300, 3000, 50)]])
    return np.asarray(levels - levels.mean(), np.float64)


@pytest.mark.parametrize("pitch", [-5.0, -3.0, 3.0, 5.0])
def test_a_transposed_voice_keeps_its_vowel_and_another_instrument_its_shape(
    pitch: float, tmp_path: Path
) -> None:
    pcm = vowel(3 * SECOND)
    write_cached(tmp_path / "voice", pcm, "vocals")
    kept, moved = (
        colour_db(session.render(3 * SECOND)[SECOND // 2 : -SECOND // 2])
        - colour_db(pcm[SECOND // 2 : -SECOND // 2])
        for session in (
            Session(
                [Stem.open(tmp_path / "voice")],
                [VOCALS],
                loop=False,
                mix=at(1.0, pitch),
            ),
            one(pcm, OTHER, mix=at(1.0, pitch)),
        )
    )
    assert np.std(kept) < 4
    assert np.std(moved) > 2 * np.std(kept)


@pytest.mark.parametrize("pitch", [-4.0, 4.0])
def test_the_resonances_of_other_instruments_move_with_the_pitch(pitch: float) -> None:
    ratio = 2 ** (pitch / 12)
    heard = one(vowel(3 * SECOND), mix=at(1.0, pitch)).render(3 * SECOND)[SECOND // 2 : -SECOND // 2]
    power = np.abs(np.fft.rfft(heard[:, 0] * np.hanning(len(heard)))) ** 2
    bin_hz = SECOND / len(heard)
    smooth = np.convolve(power, np.hanning(round(320 / bin_hz)), mode="same")
    for hz in FORMANTS_HZ:
        low, high = round(0.8 * hz * ratio / bin_hz), round(1.2 * hz * ratio / bin_hz)
        peak_hz = (low + smooth[low:high].argmax()) * bin_hz
        assert peak_hz == pytest.approx(hz * ratio, rel=0.05)


@pytest.mark.parametrize("pitch", [-7.0, 5.0])
def test_a_voice_sings_the_pitch_that_is_asked(pitch: float, tmp_path: Path) -> None:
    pcm = tone(3 * SECOND, 331.7)
    write_cached(tmp_path / "voice", pcm, "vocals")
    session = Session([Stem.open(tmp_path / "voice")], [VOCALS], loop=False, mix=at(0.9, pitch))
    heard = session.render(2 * SECOND)[SECOND // 2 :]
    assert abs(cents(frequency_hz(heard), 331.7 * 2 ** (pitch / 12))) < 0.5


@pytest.mark.parametrize("tempo", [1.0, 1.25])
def test_a_treble_that_is_transposed_out_of_hearing_does_not_fold_back(
    tempo: float,
) -> None:
    pcm = tone(3 * SECOND, 15_000.0)
    heard = one(pcm, mix=at(tempo, 12.0)).render(2 * SECOND)[SECOND // 2 :]
    assert level_db(heard) < level_db(pcm) - 60


@settings(max_examples=25)
@given(
    sent=moves(16_000, most=5).map(lambda sent: [move for move in sent if move.dimension < 6]),
    frames=st.sampled_from([1000, 8191, 30_000]),
    summed=st.booleans(),
    begin=st.floats(0, 1, exclude_max=True),
)
@example([Move(5303, TEMPO, 1.312), Move(11_775, PITCH, -12.0)], 8191, False, 0.8102)
@example(
    [Move(440, PITCH, -9.15), Move(7485, TEMPO, 1.7274), Move(14_244, PITCH, -6.74)],
    8191,
    True,
    0.359,
)
def test_whatever_came_before_from_settled_on_at_neutral_the_music_is_itself(
    sent: list[Move], frames: int, summed: bool, begin: float
) -> None:
    stems = band(frames)
    session = Session(stems, [DRUMS, BASS, VOCALS, OTHER], start=int(begin * frames), summed=summed)
    home = [Move(16_001, dimension, 1.0 if dimension == TEMPO else 0.0) for dimension in range(6)]
    heard = steered(session, [*sorted(sent), *home], [], 45_000)
    reports = session.take_reports()
    settled = max(report.settled_sample for report in reports)
    assert settled < 16_001 + 25_000
    place = session.position - 45_000 + settled
    assert place == int(place)
    parts = [stem.read(int(place) % frames, 45_000 - settled, True) for stem in stems]
    first, *rest = [*parts[1:], parts[0]] if summed else parts
    for part in rest:
        first = first + part
    np.testing.assert_allclose(heard[settled:], first, atol=0 if frames > 1000 else 1e-7, rtol=0)


def test_tempo_and_pitch_may_jump_every_few_milliseconds() -> None:
    rng = np.random.default_rng(8)
    pcm = music(3 * SECOND)
    session = one(pcm)
    for _ in range(120):
        session.post(1, TEMPO, rng.uniform(0.5, 2.0))
        session.post(2, PITCH, rng.uniform(-12, 12))
        heard = session.render(200)
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() < 4 * np.abs(pcm).max()
    assert roughness(session.render(1000)).max() < 20 * roughness(pcm).max()


@pytest.mark.parametrize("level", [1.0, 1e30, 1e-40])
@pytest.mark.parametrize("role", [DRUMS, BASS, VOCALS, OTHER])
def test_what_is_far_too_loud_or_too_soft_never_becomes_no_number(role: int, level: float) -> None:
    pcm = (noise(30_000, level=1.0) * level).astype(np.float32)
    session = one(pcm, role, range(0, 30_000, 4000), loop=True)
    planned = [
        Move(3000, TEMPO, 0.7),
        Move(12_000, PITCH, 7.0),
        Move(24_000, TEMPO, 2.0),
    ]
    heard = steered(session, planned, [], 40_000)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 10 ** (-1 / 20)


def test_a_loop_begins_anew_with_the_phases_of_the_recording() -> None:
    frames = 60_000
    pcm = music(frames, seed=4)  # sounds up to its end: what comes before the seam is turned by then
    heard = Session([Stem.of(pcm)], [OTHER], mix=at(tempo=1.1)).render(3 * frames)
    for lap in (1, 2):
        seam = round(lap * frames / 1.1)
        part, own = heard[seam + 600 : seam + 1_600].ravel(), pcm[600:1_600].ravel()
        alike = float(part @ own / np.sqrt((part @ part) * (own @ own)))
        assert alike > 0.98, f"at the seam of lap {lap} only {alike:.2f} is the recording"
