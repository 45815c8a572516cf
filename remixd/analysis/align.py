"""Stems beside their master: what lies otherwise than in it is moved to where it belongs, and told.

An encoder that does not tell its delay makes a stem late; a cable or a plug-in turns one over. Only a master
can prove it: without one nothing is guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from remixd.analysis.null_test import SEGMENT_S, NullTest, Reader, StemFit, null_test
from remixd.analysis.streams import of_length, shifted
from remixd.track.flac import Block, read_flac, write_flac
from remixd.track.null_report import NullReport, StemNull
from remixd.track.package import Stem, Track

GOOD_DB: Final = -60.0
"""Stems whose sum is this near to the master are the master."""
UNEVEN_DB: Final = 6.0
"""A stretch that is worse than the whole by this much is told."""
EXPLAINED_DB: Final = 6.0
"""By so much nearer must stems come, once they are aligned, for their lags to be believed."""


def align(track: Track, master: Stem) -> Track:
    """A track whose playing stems lie as they do in the master, with its null test and notes on it.

    A stem is moved or turned over only where that alone takes EXPLAINED_DB off what is left of the master;
    its FLAC is then another, on disk before this returns. A master that was compressed after the mix is
    another sound than its stems, whatever their lags. If all stems lie alike they stay: the master is late.

    Thread: [ingest]; reads everything three times, and once more three times where something was moved.
    """
    found = _compare(track, master)
    if found is None:
        return _noted(track, ["the master is silent: the stems cannot be compared with it"])
    proven = {name: fit for name, fit in found.stems.items() if _is_proven(found, fit)}
    moved = tuple(
        _moved(track, stem, found.common, proven[stem.name]) if stem.name in proven else stem
        for stem in track.stems
    )
    aligned = replace(track, stems=moved)
    last = (_compare(aligned, master) if proven else found) or found
    notes = [_told_sum(last)]
    for name, fit in proven.items():
        notes.append(_told_moved(name, found.common, fit, track.rate_hz))
    notes += _faults(last, track.rate_hz)
    report = NullReport(
        residual_db=round(last.as_is_db, 1),
        aligned_db=round(last.aligned_db, 1),
        segment_s=SEGMENT_S,
        segments_db=tuple(round(level_db, 1) for level_db in last.as_is_segments_db),
        stems=tuple(
            _stem_null(name, fit, proven.get(name), found.common) for name, fit in last.stems.items()
        ),
    )
    return _noted(replace(aligned, null_test=report), notes)


def _noted(track: Track, notes: list[str]) -> Track:
    return replace(track, notes=(*track.notes, *notes))


def _compare(track: Track, master: Stem) -> NullTest | None:
    def reader(stem: Stem) -> Reader:
        return partial(read_flac, track.file_of(stem), stem.gain)

    stems = {stem.name: reader(stem) for stem in track.playing_stems}
    return null_test(reader(master), stems, track.rate_hz, track.frames)


def _is_proven(found: NullTest, fit: StemFit) -> bool:
    apart = (fit.late_frames, fit.inverted) != (found.common.late_frames, found.common.inverted)
    return apart and fit.gain_db is not None and found.as_is_db > GOOD_DB and fit.gained_db > EXPLAINED_DB


def _moved(track: Track, stem: Stem, common: StemFit, fit: StemFit) -> Stem:
    """Write a stem's FLAC anew, moved and turned over to lie as the others do."""
    path = track.file_of(stem)
    unfinished = path.with_name(f".{path.name}")
    sign = -1.0 if fit.inverted != common.inverted else 1.0

    def blocks() -> Iterator[Block]:
        sound = shifted(read_flac(path, stem.gain), fit.late_frames - common.late_frames)
        for block in of_length(sound, track.frames):
            yield block if sign > 0.0 else -block

    write_flac(unfinished, blocks(), track.rate_hz, stem.gain)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
    return stem


def _told_sum(found: NullTest) -> str:
    told = f"the stems sum to the master to {found.as_is_db:.0f} dB"
    worst_db = max(found.as_is_segments_db)
    if worst_db <= max(GOOD_DB, found.as_is_db + UNEVEN_DB):
        return told
    start_s = found.as_is_segments_db.index(worst_db) * SEGMENT_S
    return f"{told}; at worst, from {start_s:.0f} s on, {worst_db:.0f} dB"


def _told_moved(name: str, common: StemFit, fit: StemFit, rate_hz: int) -> str:
    late_frames = fit.late_frames - common.late_frames
    done = []
    if late_frames:
        late = "late" if late_frames > 0 else "early"
        done.append(
            f"came {abs(late_frames) / rate_hz * 1e3:.1f} ms ({abs(late_frames)} frames) {late} and was moved"
        )
    if fit.inverted != common.inverted:
        done.append("had the opposite polarity and was turned over")
    return f"{name} {', '.join(done)}: beside the master that gains {fit.gained_db:.0f} dB"


def _faults(found: NullTest, rate_hz: int) -> Iterator[str]:
    """What still differs, told only where it explains the difference."""
    if found.as_is_db <= GOOD_DB or found.aligned_db >= found.as_is_db - EXPLAINED_DB:
        return
    common = found.common
    if common.late_frames:
        late = "early" if common.late_frames > 0 else "late"
        ms = abs(common.late_frames) / rate_hz * 1e3
        yield f"the master is {ms:.1f} ms {late} beside its stems, which stay where they are"
    if common.inverted:
        yield "the master has the opposite polarity of its stems, which stay as they are"
    for name, fit in found.stems.items():
        if fit.gain_db is None:
            yield f"{name} is silent, or is not in the master"
            continue
        if fit.late_frames != common.late_frames:
            late = "late" if fit.late_frames > common.late_frames else "early"
            ms = abs(fit.late_frames - common.late_frames) / rate_hz * 1e3
            yield f"{name} is {ms:.1f} ms {late} beside the master"
        if fit.inverted != common.inverted:
            yield f"{name} has the opposite polarity of the master"
    start_s, worst_db = max(found.segments, key=lambda segment: segment[1])
    yield f"aligned, to {found.aligned_db:.0f} dB; at worst, from {start_s:.0f} s on, {worst_db:.0f} dB"


def _stem_null(name: str, fit: StemFit, moved: StemFit | None, common: StemFit) -> StemNull:
    return StemNull(
        name=name,
        late_frames=fit.late_frames,
        inverted=fit.inverted,
        gain_db=None if fit.gain_db is None else round(fit.gain_db, 2),
        moved_frames=common.late_frames - moved.late_frames if moved else 0,
        turned=moved is not None and moved.inverted != common.inverted,
        gained_db=round(moved.gained_db, 1) if moved else 0.0,
    )
