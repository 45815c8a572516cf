"""The null test: do the stems sum to the master, and if not, which one is late, turned over or missing?

All stems' delays and polarities are found at once: the master is written as the sum of the stems, each
through an unknown filter, and the filters that fit best in the least squares sense are found frequency by
frequency from spectra averaged over the song (multiple-input system identification, Bendat and Piersol,
"Random Data", chapter 7). A stem that is as it should be has an impulse of 1 at 0 for a filter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.streams import lockstep, shifted
from remixd.track.flac import Block

Float = NDArray[np.float64]
Reader = Callable[[], Iterable[Block]]
"""Reads a source from its beginning, each time it is called: blocks of stereo float32 (n, 2)."""

FLOOR_DB: Final = -120.0
"""The least residual told."""

SEGMENT_S: Final = 10.0
"""How long the stretches are whose residuals are told."""

_LATEST_S: Final = 0.1
_STEP_S: Final = 1.0
_LOOK_S: Final = 1.2  # one spectrum; long beside the latest lag, which would fall out of it otherwise
_LOOKS: Final = 48
_REGULAR: Final = 1e-5  # of the strongest frequency: where nothing sounds nothing is known
_SILENT: Final = 1e-5
_UNITY_DB: Final = 0.02
"""A gain that is as near to 1 is 1: rounding to 16 bits, say."""
_HEARD_DB: Final = -40.0  # a stem whose sound in the master is this far below the stem is not in it


@dataclass(frozen=True, slots=True, kw_only=True)
class StemFit:
    """How a stem lies in the master.

    Attributes:
        late_frames: by which it comes later than it does in the master; negative if earlier.
        inverted: whether its polarity is opposite to the master's.
        gain_db: of the stem in the master, lag and polarity aside; None where it is not in it, or silent.
        gained_db: by how much less is left of the master, all else put right, once the stem lies as most do.
    """

    late_frames: int
    inverted: bool
    gain_db: float | None
    gained_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NullTest:
    """What is left of the master when the stems are taken away, in dB beside the master, -120 to +20 or so.

    Attributes:
        as_is_db: with the stems as they are, over the whole song.
        aligned_db: with lags and polarities put right, and gains too; never above `as_is_db` by much.
        segments: start in seconds and residual in dB of every 10 s, aligned; where the master is silent
            the residual stands beside the master's mean.
        as_is_segments_db: of the same segments, with the stems as they are.
        common: how the stems lie that are to be left where they are. A stem that is in its place decides;
            without one it is how most lie: then it is the master that is late or turned over.
        stems: by name.
    """

    as_is_db: float
    aligned_db: float
    segments: tuple[tuple[float, float], ...]
    as_is_segments_db: tuple[float, ...]
    common: StemFit
    stems: Mapping[str, StemFit]


def null_test(master: Reader, stems: Mapping[str, Reader], rate_hz: int, frames: int) -> NullTest | None:
    """Compare the stems' sum with the master; None where the master is silent or there are no stems.

    Lags of up to 100 ms are found. Reads everything three times; holds a few blocks of each source, and
    spectra of 1.5 s for each pair of stems.

    Args:
        master: the mix as it was released.
        stems: of the same rate.
        rate_hz: of all.
        frames: length of the master; a guide for where to look.

    Thread: [ingest].
    """
    names = list(stems)
    if not names:
        return None
    readers = [stems[name] for name in names]
    as_is_db, filters = _listen(master, readers, rate_hz, frames)
    if filters is None:
        return None
    fits, gains = _with_gains(master, readers, [_fit(response, rate_hz) for response in filters], rate_hz)
    common = _common(fits)
    left = _residuals(master, readers, fits, gains, common, rate_hz)
    told = [replace(fit, gained_db=gained_db) for fit, gained_db in zip(fits, left.gained_db, strict=True)]
    return NullTest(
        as_is_db=as_is_db,
        aligned_db=left.aligned_db,
        segments=tuple((index * SEGMENT_S, level_db) for index, level_db in enumerate(left.aligned)),
        as_is_segments_db=left.as_is,
        common=common,
        stems=dict(zip(names, told, strict=True)),
    )


def _listen(
    master: Reader, stems: Sequence[Reader], rate_hz: int, frames: int
) -> tuple[float, NDArray[np.float64] | None]:
    """The residual of the stems as they are, and the filters; None if the master is silent.

    Spectra are taken of stretches spread evenly over the song in which the master sounds.
    """
    size = 1 << math.ceil(math.log2(_LOOK_S * rate_hz))
    every = max(1, frames // size // _LOOKS)
    spectra = _Spectra(len(stems), size)
    left = whole = 0.0
    for index, blocks in enumerate(lockstep([master(), *(stem() for stem in stems)], size)):
        mixed = blocks[0].astype(np.float64)
        whole += float(np.sum(mixed**2))
        left += float(np.sum((mixed - sum(blocks[1:])) ** 2))
        if index % every == 0 and float(np.abs(blocks[0]).max()) > _SILENT:
            spectra.add(np.stack([np.pad(block, ((0, size - len(block)), (0, 0))) for block in blocks]))
    return _ratio_db(left, whole), spectra.filters() if spectra.looks else None


class _Spectra:
    """Spectra of the stems and the master, multiplied with each other and added up."""

    def __init__(self, stems: int, size: int) -> None:
        self._size = size
        self._shape = np.hanning(size)[:, None].astype(np.float32)
        self._within = np.zeros((size // 2 + 1, stems, stems), np.complex128)
        self._across = np.zeros((size // 2 + 1, stems), np.complex128)
        self.looks = 0

    def add(self, look: NDArray[np.float32]) -> None:
        """Take a stretch of the master and of each stem, (1 + stems, size, 2)."""
        spectra = np.fft.rfft(look * self._shape, axis=1)
        master, stems = spectra[0], spectra[1:]
        self._across += np.einsum("nfc,fc->fn", stems.conj(), master)
        self._within += np.einsum("nfc,mfc->fnm", stems.conj(), stems)
        self.looks += 1

    def filters(self) -> NDArray[np.float64]:
        """Impulse responses from each stem to the master, (stems, size): time 0, late, then early."""
        powers = np.einsum("fnn->fn", self._within).real
        floor = max(_REGULAR * float(powers.max()), 1e-20) * np.eye(powers.shape[1])
        responses = np.linalg.solve(self._within + floor, self._across[..., None])[..., 0]
        return np.asarray(np.fft.irfft(responses, self._size, axis=0).T)


def _fit(response: NDArray[np.float64], rate_hz: int) -> StemFit:
    """Lag and polarity by the greatest magnitude of a response within the lags looked for."""
    most = round(_LATEST_S * rate_hz)
    near = np.concatenate([response[-most:], response[: most + 1]])
    at = int(np.abs(near).argmax())
    # what comes later in the master than in the stem is early in the stem
    return StemFit(late_frames=most - at, inverted=bool(near[at] < 0.0), gain_db=None)


def _common(fits: Sequence[StemFit]) -> StemFit:
    """How the stems lie that stay where they are."""
    heard = [fit for fit in fits if fit.gain_db is not None]
    lags = Counter(fit.late_frames for fit in heard)
    late = max(lags, key=lambda lag: (lag == 0, lags[lag], -abs(lag)), default=0)
    return StemFit(
        late_frames=late, inverted=bool(heard) and all(fit.inverted for fit in heard), gain_db=None
    )


def _side_by_side(
    master: Reader, stems: Sequence[Reader], places: Sequence[tuple[int, int]], rate_hz: int
) -> Iterator[tuple[Float, Mapping[tuple[int, int], Float]]]:
    """Steps of the master, (frames, 2), and of stems moved to where they are asked for, each by its place.

    A place is a stem's index and the frames by which it comes earlier.
    """
    wanted = list(dict.fromkeys(places))
    moved = [shifted(stems[index](), late) for index, late in wanted]
    for blocks in lockstep([master(), *moved], round(_STEP_S * rate_hz)):
        steps = [block.astype(np.float64) for block in blocks]
        yield steps[0], dict(zip(wanted, steps[1:], strict=True))


def _with_gains(
    master: Reader, stems: Sequence[Reader], fits: Sequence[StemFit], rate_hz: int
) -> tuple[list[StemFit], list[float]]:
    """Linear gains that fit best, and the fits with them; what is not in the master is put back to 0."""
    count = len(stems)
    gram, cross = np.zeros((count, count)), np.zeros(count)
    places = [(index, fit.late_frames) for index, fit in enumerate(fits)]
    for whole, moved in _side_by_side(master, stems, places, rate_hz):
        flat = np.stack([_sign(fit) * moved[place].ravel() for fit, place in zip(fits, places, strict=True)])
        gram += flat @ flat.T
        cross += flat @ whole.ravel()
    # the pseudo-inverse shares a sound that two stems both have between them
    gains = np.linalg.pinv(gram, rcond=1e-9, hermitian=True) @ cross
    found, kept = [], []
    for fit, gain in zip(fits, gains.tolist(), strict=True):
        gain_db = 20.0 * math.log10(max(gain, 1e-9))
        if gain_db < _HEARD_DB:
            found.append(StemFit(late_frames=0, inverted=False, gain_db=None))
            kept.append(0.0)
            continue
        unity = abs(gain_db) < _UNITY_DB
        found.append(replace(fit, gain_db=0.0 if unity else gain_db))
        kept.append(1.0 if unity else gain)
    return found, kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Residuals:
    """What is left, in dB beside the master: overall, by segment, and what each stem's place gains."""

    aligned_db: float
    aligned: tuple[float, ...]
    as_is: tuple[float, ...]
    gained_db: tuple[float, ...]


def _residuals(
    master: Reader,
    stems: Sequence[Reader],
    fits: Sequence[StemFit],
    gains: Sequence[float],
    common: StemFit,
    rate_hz: int,
) -> _Residuals:
    """Take the stems away as they are, aligned, and aligned but for one; rows of squares, a step each."""
    count, shared = len(stems), common.late_frames
    aligned = [(index, fit.late_frames) for index, fit in enumerate(fits)]
    places = [*aligned, *((index, 0) for index in range(count)), *((index, shared) for index in range(count))]
    rows = []
    for mixed, moved in _side_by_side(master, stems, places, rate_hz):
        parts = [gain * _sign(fit) * moved[at] for gain, fit, at in zip(gains, fits, aligned, strict=True)]
        left = mixed - sum(parts)
        without = [
            left + part - gains[index] * _sign(common) * moved[index, shared]
            for index, part in enumerate(parts)
        ]
        as_is = mixed - sum(moved[index, 0] for index in range(count))
        rows.append([np.sum(np.square(each)) for each in (mixed, left, as_is, *without)])
    powers = np.array(rows)
    whole, left_db = powers[:, 0].sum(), _ratio_db(powers[:, 1].sum(), powers[:, 0].sum())
    starts = np.arange(0, powers.shape[0], round(SEGMENT_S / _STEP_S))
    segments = np.add.reduceat(powers[:, :3], starts, axis=0)
    beside = np.where(segments[:, 0] > 1e-6 * whole / starts.size, segments[:, 0], whole / starts.size)
    return _Residuals(
        aligned_db=left_db,
        aligned=tuple(map(_ratio_db, segments[:, 1].tolist(), beside.tolist())),
        as_is=tuple(map(_ratio_db, segments[:, 2].tolist(), beside.tolist())),
        gained_db=tuple(_ratio_db(power, whole) - left_db for power in powers[:, 3:].sum(axis=0).tolist()),
    )


def _sign(fit: StemFit) -> float:
    return -1.0 if fit.inverted else 1.0


def _ratio_db(part: float, whole: float) -> float:
    return max(FLOOR_DB, 10.0 * math.log10(part / max(whole, 1e-20) + 1e-30))
