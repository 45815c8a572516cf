"""All figures of quality of one sound, and what each of them means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from remixd.units import RATE_HZ

from .attacks import attack_errors
from .metrics import (
    LONG,
    SHORT,
    crest_change_db,
    fit,
    level_change_db,
    log_spectral_distance,
    offset_frames,
    onset_correlation,
    spectral_convergence,
    stereo_errors,
)
from .songs import Audio

TAIL_S: Final = 0.25
"""The end of a sound does not count: what a stretcher makes of silence after it is no question of quality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure of quality.

    Attributes:
        label: its name in tables and results; unit: of its values; best: the value of the truth itself.
    """

    label: str
    unit: str = ""
    best: float = 0.0


METRICS: Final[Mapping[str, Metric]] = {
    "lsd_2048": Metric(label="LSD 2048", unit="dB"),
    "lsd_256": Metric(label="LSD 256", unit="dB"),
    "convergence": Metric(label="convergence"),
    "log_magnitude": Metric(label="log mag."),
    "onset_correlation": Metric(label="onset corr.", best=1.0),
    "attack": Metric(label="attack", unit="dB"),
    "pre_echo": Metric(label="pre-echo", unit="dB"),
    "timing": Metric(label="timing", unit="ms"),
    "timing_p95": Metric(label="timing 95 %", unit="ms"),
    "ild": Metric(label="ILD", unit="dB"),
    "ipd": Metric(label="IPD", unit="rad"),
    "coherence": Metric(label="coherence"),
    "crest": Metric(label="crest", unit="dB"),
    "level": Metric(label="level", unit="dB"),
    "offset": Metric(label="offset", unit="ms"),
    "length": Metric(label="length", unit="ms"),
}
"""Tables show them in this order. `onsets` of `attack_errors` is left out: it is the truth's alone."""

TONE_METRICS: Final[Mapping[str, Metric]] = {
    "cents": Metric(label="pitch error", unit="cents"),
    "ripple": Metric(label="ripple", unit="dB"),
    "tone_to_rest": Metric(label="tone to rest", unit="dB", best=120.0),
}
"""Of steady tones: `tones.tone_errors`. 120 dB is as good as float32 gets."""


def score(sound: Audio, truth: Audio, onsets: Iterable[int], *, align: bool) -> dict[str, float]:
    """Compare a sound with the truth, by every metric that applies.

    Args:
        sound: float32 (frames, 2).
        truth: likewise; both begin at the same moment.
        onsets: frames of the truth at which notes begin.
        align: whether to take off first by how much the sound is late as a whole, and tell it as `offset`;
            only for what has sharp onsets.
    """
    found = {"length": (len(sound) - len(truth)) / RATE_HZ * 1e3}
    truth = truth[: len(truth) - round(TAIL_S * RATE_HZ)]
    late = 0
    if align:
        late = offset_frames(fit(sound, len(truth)), truth)
        found["offset"] = late / RATE_HZ * 1e3
    sound = fit(sound, len(truth), late)
    found["lsd_2048"] = log_spectral_distance(sound, truth, *LONG)
    found["lsd_256"] = log_spectral_distance(sound, truth, *SHORT)
    found["convergence"], found["log_magnitude"] = spectral_convergence(sound, truth)
    found["onset_correlation"] = onset_correlation(sound, truth)
    found["crest"] = crest_change_db(sound, truth)
    found["level"] = level_change_db(sound, truth)
    return found | attack_errors(sound, truth, onsets) | stereo_errors(sound, truth)
