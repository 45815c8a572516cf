"""The singer: source and filter.

The source is a row of harmonics that fall as a glottal flow's do; the filter is a cascade of resonances
(Fant, "Acoustic Theory of Speech Production", 1960) whose frequencies belong to the mouth and not to the
pitch: each harmonic is scaled and turned by the filter's response at the frequency it has at that moment.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.demo.notes import Breath
from remixd.demo.phonemes import BANDWIDTHS_HZ, Formants
from remixd.demo.setting import Setting
from remixd.demo.singing import Burst, Curves, Timing, performed
from remixd.synth.chance import seed_of
from remixd.synth.noise import shaped, white
from remixd.synth.sound import Audio, Curve, single

_CONTROL_HZ: Final = 1000
_TOP_HZ: Final = 11_000.0
_FADE_HZ: Final = 8_000.0
_TUBE_HZ: Final = 4_200.0  # above it the five resonances alone would fall too fast: a tube has more
_PRESENCE_HZ: Final = 2_600.0  # above it the voice is lifted, as at a mixing desk
_PRESENCE: Final = 4.0  # by so much at most
_TILT_LOUD: Final = 0.75  # the harmonics fall as n ** -tilt
_TILT_SOFT: Final = 1.3
_EVENNESS: Final = 0.75  # how far vowels are brought to one loudness, as a singer and a mixer do
_LEVEL: Final = 0.15
_BREATH_FRAMES: Final = 512
_INHALE_S: Final = 0.28
_INHALE_GAP_S: Final = 0.05


def response(hz: NDArray[np.float64], formants: Formants) -> NDArray[np.complex128]:
    """The cascade of resonances, 1 at 0 Hz, with some presence.

    Args:
        hz: frequencies, (frames, n).
        formants: (frames, FORMANTS), in Hz.
    """
    bent = np.where(hz > _TUBE_HZ, _TUBE_HZ + 0.12 * (hz - _TUBE_HZ), hz)
    total = np.ones(hz.shape, dtype=np.complex128)
    for place, width_hz in enumerate(BANDWIDTHS_HZ):
        squared = (formants[:, place] ** 2)[:, None]
        total *= squared / (squared - bent * bent + 1j * width_hz * bent)
    return total * np.minimum(np.sqrt(1.0 + (hz / _PRESENCE_HZ) ** 4), _PRESENCE)


def _hop(setting: Setting) -> int:
    return max(1, setting.rate_hz // _CONTROL_HZ)


def _amplitudes(curves: Curves, hz: Curve, tilt: float, setting: Setting) -> NDArray[np.complex64]:
    """Complex amplitude of each harmonic, (control frames, harmonics)."""
    ratio = setting.formant_ratio
    top_hz = min(_TOP_HZ, 0.45 * setting.rate_hz / ratio)
    numbers = np.arange(1, max(2, int(top_hz * ratio / hz.min()) + 1))
    mouth_hz = hz[:, None] * (numbers / ratio)
    fade = np.clip((top_hz - mouth_hz) / (top_hz - min(_FADE_HZ, 0.9 * top_hz)), 0.0, 1.0)
    amplitudes = response(mouth_hz, curves.formants) * (fade * numbers**-tilt)
    power = np.sqrt(np.sum(np.abs(amplitudes) ** 2, axis=1))
    level = curves.voiced * power**-_EVENNESS
    levelled: NDArray[np.complex64] = (amplitudes * level[:, None]).astype(np.complex64)
    return levelled


def _voiced(curves: Curves, tilt: float, setting: Setting) -> Audio:
    """The voice itself: mono, one control frame short of the curves."""
    hop = _hop(setting)
    hz = setting.hz(0.0) * 2.0 ** (curves.pitch / 12.0)
    amplitudes = _amplitudes(curves, hz, tilt, setting)
    blocks = len(hz) - 1
    share = (np.arange(hop) / hop)[None, :]
    frame_hz = hz[:-1, None] + (hz[1:] - hz[:-1])[:, None] * share
    turns = np.cumsum(frame_hz.ravel() / setting.rate_hz) % 1.0
    rotor = np.exp(2j * np.pi * turns).astype(np.complex64).reshape(blocks, hop)
    part = np.zeros((blocks, hop), dtype=np.float32)
    share32 = share.astype(np.float32)
    for start in range(0, blocks, 256):  # a piece that stays in the processor's cache
        piece = slice(start, min(start + 256, blocks))
        turn = rotor[piece]
        power = turn.copy()
        ahead = slice(start + 1, piece.stop + 1)
        for number in range(amplitudes.shape[1]):
            here = amplitudes[piece, number, None]
            gain = here + (amplitudes[ahead, number, None] - here) * share32
            gain *= power
            part[piece] += gain.imag
            power *= turn
    return part.ravel()


def _breathy(curves: Curves, syllables: list[tuple[int, int]], setting: Setting) -> Audio:
    """Breath through the formants, mono: white noise of each syllable's own, filtered frame by frame.

    `syllables` are (seed, frames) of each, one after another.
    """
    hop, half = _hop(setting), _BREATH_FRAMES // 2
    frames = (len(curves.breathy) - 1) * hop
    noise = np.concatenate([white(seed, count) for seed, count in syllables])[:frames]
    noise *= np.repeat(curves.breathy, hop)[: len(noise)]
    count = frames // half + 2
    padded = np.zeros((count + 1) * half)
    padded[half : half + len(noise)] = noise
    window = np.hanning(_BREATH_FRAMES + 1)[:-1]
    windowed = np.lib.stride_tricks.sliding_window_view(padded, _BREATH_FRAMES)[::half] * window
    places = np.minimum(np.arange(len(windowed)) * half // hop, len(curves.formants) - 1)
    hz = np.fft.rfftfreq(_BREATH_FRAMES, 1.0 / setting.rate_hz) / setting.formant_ratio
    gain = np.abs(response(np.broadcast_to(hz, (len(places), len(hz))), curves.formants[places]))
    gain /= np.sqrt(np.mean(gain * gain, axis=1, keepdims=True))
    filtered = np.fft.irfft(np.fft.rfft(windowed) * gain, _BREATH_FRAMES)
    total = np.zeros_like(padded)
    for parity in (0, 1):
        rows = filtered[parity::2]
        total[parity * half : parity * half + rows.size] += rows.ravel()
    return single(total[half : half + frames])


def _burst(burst: Burst, setting: Setting) -> Audio:
    """The noise of one consonant: a click that dies away behind a stop, a swelling hiss otherwise."""
    frames = max(2, round(burst.seconds * setting.rate_hz))
    centre_hz = burst.consonant.noise_hz * setting.formant_ratio
    half_hz = 0.5 * burst.consonant.noise_width_hz * setting.formant_ratio
    noise = shaped(burst.seed, frames, setting.rate_hz, centre_hz - half_hz, centre_hz + half_hz)
    time_s = np.arange(frames) / setting.rate_hz
    end = np.minimum(1.0, (burst.seconds - time_s) / (0.25 * burst.seconds)).clip(0.0)
    if burst.consonant.closed_s:
        envelope = np.exp(-time_s / 0.009) * np.minimum(1.0, time_s / 0.0005 + 0.3)
    else:
        envelope = np.sqrt(np.minimum(1.0, time_s / (0.35 * burst.seconds)))
    return single(0.3 * burst.level * noise * envelope * end)


def _inhaled(seed: int, setting: Setting) -> Audio:
    """The breath that is drawn before singing: soft, and not an onset."""
    frames = round(_INHALE_S * setting.rate_hz)
    low_hz, high_hz = 1200.0 * setting.formant_ratio, 5000.0 * setting.formant_ratio
    noise = shaped(seed_of(seed, "inhale"), frames, setting.rate_hz, low_hz, high_hz)
    return single(0.006 * noise * np.sin(np.linspace(0.0, np.pi, frames)) ** 2)


def sing(breath: Breath, setting: Setting, *, inhale: bool) -> tuple[int, Audio]:
    """Render a breath.

    Returns:
        The frame at which its sound starts, and mono float32. With `inhale` a breath is drawn before it,
        if the song leaves the time.
    """
    hop = _hop(setting)
    times, curves = performed(breath, setting, hop / setting.rate_hz)
    tilt = _TILT_SOFT + (_TILT_LOUD - _TILT_SOFT) * breath.velocity
    sung = _voiced(curves, tilt, setting)
    sung += 0.5 * _breathy(curves, _syllable_frames(breath, times, setting), setting)
    for burst in curves.bursts:
        noise = _burst(burst, setting)
        start = round(burst.start_s * setting.rate_hz)
        count = min(len(noise), len(sung) - start)
        sung[start : start + count] += noise[:count]
    sung *= np.float32(_LEVEL * breath.velocity)
    start = round(times[0].onset_s * setting.rate_hz)
    if not inhale:
        return start, sung
    drawn = _inhaled(breath.syllables[0].seed, setting)
    early = len(drawn) + round(_INHALE_GAP_S * setting.rate_hz)
    if early > start:
        return start, sung
    whole = np.zeros(early + len(sung), dtype=np.float32)
    whole[: len(drawn)] = drawn
    whole[early:] = sung
    return start - early, whole


def _syllable_frames(breath: Breath, times: list[Timing], setting: Setting) -> list[tuple[int, int]]:
    """(seed, frames) of the breath noise of each syllable, from its first sound to the next one's."""
    marks = [round((time.onset_s - times[0].onset_s) * setting.rate_hz) for time in times]
    marks.append(round((times[-1].end_s - times[0].onset_s) * setting.rate_hz) + 4 * _hop(setting))
    return [
        (seed_of(syllable.seed, "breath"), marks[place + 1] - marks[place])
        for place, syllable in enumerate(breath.syllables)
    ]
