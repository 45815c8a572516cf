"""What is to be told of a package whose stems are not its master."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from remixd.analysis.null_test import Reader, StemFit, null_test
from remixd.track.flac import read_flac
from remixd.track.package import Stem, Track

GOOD_DB: Final = -60.0
"""Stems whose sum is this near to the master are the master."""
EXPLAINED_DB: Final = 6.0
"""By so much nearer must stems come, once they are aligned, for their lags to be believed."""


def compare(track: Track, master: Stem) -> Iterator[str]:
    """Notes on how far the playing stems are from the master: in dB, and which stem is late or missing.

    What lies otherwise than in the master is told, never changed, and only where it explains the difference:
    a master that was compressed after the mix is another sound than its stems, whatever their lags.
    Thread: [ingest]; reads everything three times.
    """

    def reader(stem: Stem) -> Reader:
        return partial(read_flac, track.file_of(stem), stem.gain)

    found = null_test(
        reader(master), {stem.name: reader(stem) for stem in track.playing_stems}, track.rate_hz, track.frames
    )
    if found is None:
        yield "the master is silent: the stems cannot be compared with it"
        return
    yield f"the stems sum to the master to {found.as_is_db:.0f} dB"
    if found.as_is_db > GOOD_DB and found.aligned_db < found.as_is_db - EXPLAINED_DB:
        for name, fit in found.stems.items():
            yield from _faults(name, fit, track.rate_hz)
        start_s, worst_db = max(found.segments, key=lambda segment: segment[1])
        yield f"aligned, to {found.aligned_db:.0f} dB; at worst, from {start_s:.0f} s on, {worst_db:.0f} dB"


def _faults(name: str, fit: StemFit, rate_hz: int) -> Iterator[str]:
    if fit.gain_db is None:
        yield f"{name} is silent, or is not in the master"
        return
    if fit.late_frames:
        late = "late" if fit.late_frames > 0 else "early"
        yield f"{name} is {abs(fit.late_frames) / rate_hz * 1e3:.1f} ms {late} beside the master"
    if fit.inverted:
        yield f"{name} has the opposite polarity of the master"
