"""What rhythm is found from: a song's stems, reduced while they stream by.

A stem leaves log spectra at 100 frames a second and its energy every 1.45 ms: 0.8 MB a minute, so
that what is decided later can look at the whole song, whatever its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.units import StemRole

Mono = NDArray[np.float32]
Block = NDArray[np.float32]
Power = NDArray[np.float32]

FRAME_HZ: Final = 100.0
CHROMA_HZ: Final = 20.0
LOWEST_HZ: Final = 30.0
HIGHEST_HZ: Final = 16_000.0
SILENT_NEPERS: Final = -16.0
"""The least log amplitude: -139 dBFS."""
PITCHES: Final = 12
_BANDS_AN_OCTAVE: Final = 6
_WINDOW_S: Final = 2048 / 44_100
_STEP_S: Final = 64 / 44_100
_CHUNK: Final = 256  # spectra at a time
_PITCHED_HZ: Final = (60.0, 2000.0)
_LOW_HZ: Final = (35.0, 250.0)
_LONGER: Final = 4  # windows of the chroma: 186 ms tell semitones apart
_RATES_HZ: Final = (8_000, 384_000)
MIX_S: Final = 240.0
"""How much of the mix is kept: enough to ask others what its tempo is, whatever the song's length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StemFeatures:
    """One stem.

    Attributes:
        role: of the stem.
        levels: float16 (frames, bands), log amplitude of sixth-octave bands; frame `t` is
            centred on `t / 100` s.
        chroma: float16 (instants, 12), amplitude of each pitch class from 60 to 2000 Hz, C first, at 20 Hz.
        low_chroma: the same from 35 to 250 Hz, where roots lie.
        energy: float32 (steps,), energy of the sound's slope around `k * step_s`, under a triangle that
            reaches to both neighbours: an impulse divides between two values by its distance from them.
    """

    role: StemRole
    levels: NDArray[np.float16]
    chroma: NDArray[np.float16]
    low_chroma: NDArray[np.float16]
    energy: NDArray[np.float32]


class RhythmFeatures:
    """Gathers what `find_rhythm` needs from stems on their way to somewhere else.

    Attributes:
        rate_hz: sample rate of every stem, 8000 to 384000.
        bands_hz: lower edge of each band.
        step_s: between two values of `StemFeatures.energy`.
        duration_s: of the longest stem.
        stems: those that have gone by whole.

    Raises ValueError for other rates. Thread: [ingest]; holds 0.8 MB a stem and minute, and the mix.
    """

    def __init__(self, rate_hz: int) -> None:
        if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
            raise ValueError(f"a rate is {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, not {rate_hz}")
        self.rate_hz = rate_hz
        self._window = 2 ** round(math.log2(_WINDOW_S * rate_hz))
        self._step = round(_STEP_S * rate_hz)
        self._starts = _band_starts(self._window, rate_hz)
        weights = [_pitch_weights(_LONGER * self._window, rate_hz, span) for span in (_PITCHED_HZ, _LOW_HZ)]
        self._pitches = np.concatenate(weights, axis=1)
        self.bands_hz = self._starts[:-1] * rate_hz / self._window
        self.step_s = self._step / rate_hz
        self.duration_s = 0.0
        self.stems: list[StemFeatures] = []
        self._mix = np.zeros(0, np.float32)

    @property
    def mix(self) -> Mono:
        """The sum of the stems that have gone by, its first MIX_S seconds: float32 (frames,)."""
        return self._mix[: round(self.duration_s * self.rate_hz)]

    def tap(self, blocks: Iterable[Block], role: StemRole) -> Iterator[Block]:
        """Pass one stem's blocks on unchanged, and keep its features once they are through.

        Args:
            blocks: float32 (frames, channels) or (frames,), any number of frames each, all finite.
            role: of the stem; a full mix is "other".
        """
        short = _Spectra(self._window, self.rate_hz / FRAME_HZ)
        long = _Spectra(_LONGER * self._window, self.rate_hz / CHROMA_HZ)
        energy = _Energy(self._step)
        levels: list[NDArray[np.float16]] = []
        chroma: list[NDArray[np.float16]] = []
        frames = 0
        for block in blocks:
            mono = block if block.ndim == 1 else block.mean(axis=1)
            levels += map(self._levels, short.take(mono))
            chroma += map(self._chroma, long.take(mono))
            energy.take(mono)
            self._mix_in(mono, frames)
            frames += block.shape[0]
            yield block
        levels += map(self._levels, short.finish())
        chroma += map(self._chroma, long.finish())
        self.stems.append(
            StemFeatures(
                role=role,
                levels=np.concatenate(levels),
                chroma=np.concatenate(chroma)[:, :PITCHES],
                low_chroma=np.concatenate(chroma)[:, PITCHES:],
                energy=energy.finish(),
            )
        )
        self.duration_s = max(self.duration_s, frames / self.rate_hz)

    def add(self, pcm: Mono, role: StemRole) -> None:
        """Take a stem that is there as a whole: float32 (frames,) or (frames, channels)."""
        for _ in self.tap((pcm[at : at + 2**16] for at in range(0, pcm.shape[0], 2**16)), role):
            pass

    def _mix_in(self, mono: Mono, at: int) -> None:
        """Add a piece of a stem to the mix, as far as that is kept."""
        stop = min(at + mono.shape[0], round(MIX_S * self.rate_hz))
        if stop <= at:
            return
        if stop > self._mix.shape[0]:
            longer = max(stop, min(2 * self._mix.shape[0], round(MIX_S * self.rate_hz)))
            self._mix = np.concatenate([self._mix, np.zeros(longer - self._mix.shape[0], np.float32)])
        self._mix[at:stop] += mono[: stop - at]

    def _levels(self, power: Power) -> NDArray[np.float16]:
        """Log amplitudes of the bands."""
        bands = np.add.reduceat(power[:, : self._starts[-1]], self._starts[:-1], axis=1)
        return np.asarray(np.maximum(0.5 * np.log(bands + 1e-30), SILENT_NEPERS), np.float16)

    def _chroma(self, power: Power) -> NDArray[np.float16]:
        """Amplitudes of the pitch classes, (instants, 24): of all pitches, and of the low ones."""
        return np.asarray(np.minimum(np.sqrt(power @ self._pitches), 6e4), np.float16)


class _Spectra:
    """Sums of the power spectrum of a stream, at regular times; a sine of amplitude 1 has the power 1."""

    def __init__(self, window: int, hop: float) -> None:
        self._window, self._hop = window, hop
        shape = np.hanning(window + 1)[:-1]
        self._shape = (2.0 / shape.sum() * shape).astype(np.float32)
        self._held = np.zeros(window // 2, np.float32)
        self._held_at = -(window // 2)
        self._frame = 0

    def take(self, mono: Mono) -> Iterator[Power]:
        """Power spectra (at most _CHUNK, bins) that a piece of the stream completes."""
        self._held = np.concatenate([self._held, mono])
        reach = self._held_at + self._held.shape[0] - self._window // 2
        while reach >= round((self._frame + _CHUNK - 1) * self._hop):
            yield self._analyse(_CHUNK)

    def finish(self) -> Iterator[Power]:
        """Those that reach beyond the end."""
        end = self._held_at + self._held.shape[0]
        self._held = np.concatenate([self._held, np.zeros(self._window, np.float32)])
        left = int(end / self._hop) + 1 - self._frame
        while left > 0:
            yield self._analyse(min(left, _CHUNK))
            left -= _CHUNK

    def _analyse(self, count: int) -> Power:
        centres = np.round(np.arange(self._frame, self._frame + count) * self._hop).astype(np.int64)
        at = centres - self._window // 2 - self._held_at
        frames = np.lib.stride_tricks.sliding_window_view(self._held, self._window)[at]
        spectra = np.fft.rfft(frames * self._shape)
        self._frame += count
        following = round(self._frame * self._hop) - self._window // 2
        self._held = self._held[following - self._held_at :]
        self._held_at = following
        return np.asarray(spectra.real**2 + spectra.imag**2, np.float32)


class _Energy:
    """Energy of the slope of a stream under triangles of two steps."""

    def __init__(self, step: int) -> None:
        self._step = step
        rising = (np.arange(step, dtype=np.float32) + 0.5) / step
        self._weights = np.stack([rising, 1.0 - rising], axis=1)
        self._held = np.zeros(0, np.float32)
        self._last = np.zeros(1, np.float32)
        self._rests: list[NDArray[np.float32]] = []

    def take(self, mono: Mono) -> None:
        slope = np.diff(np.concatenate([self._last, mono]))
        self._last = mono[-1:] if mono.shape[0] else self._last
        held = np.concatenate([self._held, slope])
        whole = held.shape[0] // self._step * self._step
        self._rests.append(np.square(held[:whole]).reshape(-1, self._step) @ self._weights)
        self._held = held[whole:]

    def finish(self) -> NDArray[np.float32]:
        self.take(np.full(self._step, self._last[0], np.float32))
        halves = np.concatenate(self._rests)
        energy = np.zeros(halves.shape[0] + 1, np.float32)
        energy[1:] = halves[:, 0]
        energy[:-1] += halves[:, 1]
        return energy


def _band_starts(window: int, rate_hz: int) -> NDArray[np.int64]:
    """First bin of every band, and one past the last of the highest."""
    highest_hz = min(HIGHEST_HZ, 0.48 * rate_hz)
    edges = np.arange(0.0, math.log2(highest_hz / LOWEST_HZ), 1.0 / _BANDS_AN_OCTAVE)
    return np.unique(np.round(LOWEST_HZ * 2.0**edges * window / rate_hz).astype(np.int64))


def _pitch_weights(window: int, rate_hz: int, span_hz: tuple[float, float]) -> NDArray[np.float32]:
    """Share of each bin in each pitch class, (bins, 12)."""
    hz = np.arange(window // 2 + 1) * rate_hz / window
    inside = (hz >= span_hz[0]) & (hz <= span_hz[1])
    pitch = 12.0 * np.log2(np.maximum(hz, 1.0) / 440.0) + 9.0
    away = (pitch[:, None] - np.arange(PITCHES) + 6.0) % PITCHES - 6.0
    return (np.exp(-0.5 * np.square(away / 0.35)) * inside[:, None]).astype(np.float32)
