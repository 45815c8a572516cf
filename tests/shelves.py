"""Tracks on a shelf, which no files are behind, for tests of what speaks of tracks."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from remixd.errors import NotFound, nearest
from remixd.track.analysis import Alternative, Span
from remixd.track.edited import edited
from remixd.track.edits import NO_EDITS, Edits
from remixd.track.library import EVERYTHING
from remixd.track.listing import TrackRow, row_of
from remixd.track.null_report import NullReport, StemNull
from remixd.track.package import Analysis, Chord, Section, Stem
from remixd.track.rights import Rights
from remixd.track.search import Search

TRACK = "a-song-0a1b2c3d"


def a_stem(name: str, role: Any, **changed: Any) -> Stem:
    return Stem(**{"name": name, "role": role, "file": f"stems/{name}.flac", **changed})


def an_analysis(**changed: Any) -> Analysis:
    values: dict[str, Any] = {
        "source": "demo",
        "duration_s": 4.0,
        "bpm": 120.0,
        "metre": "4/4",
        "beats_s": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
        "downbeats_s": (0.0, 2.0),
        "key": "A minor",
        "energy": 6.5,
        "loudness_lufs": -9.0,
        "chords": (Chord(start_s=0.0, end_s=4.0, name="Am"),),
        "loudness_range_lu": 6.5,
        "true_peak_dbtp": -0.5,
        "energy_curve": (0.1, 0.9, 0.8, 1.0),
        "alternatives": (
            Alternative(bpm=60.0, metre="4/4", first_beat_s=0.5, first_downbeat_s=0.5, chance=0.25),
            Alternative(bpm=120.0, metre="3/4", first_beat_s=0.0, first_downbeat_s=0.5, chance=0.125),
        ),
        "sections": (
            Section(start_s=0.0, end_s=4.0, label="chorus", how="guessed", because="A: like no other"),
        ),
        "singing": (Span(start_s=0.5, end_s=3.0),),
        "phrases_s": (0.0,),
        "onsets_s": {"drums": (0.0, 0.5)},
        "onset_strengths": {"drums": (1.0, 0.25)},
        "estimated": ("metre",),
        "confidence": {"bpm": 0.9},
    }
    return Analysis(**(values | changed))


def a_track(track_id: str = TRACK, **changed: Any) -> SimpleNamespace:
    """What the service reads of a track."""
    values: dict[str, Any] = {
        "id": track_id,
        "title": "A Song",
        "artist": "Somebody",
        "isrc": "",
        "language": "ko",
        "source_kind": "folder",
        "source_name": "a song",
        "content": "0a1b2c3d" * 8,
        "duration_s": 4.0,
        "rate_hz": 44_100,
        "frames": 176_400,
        "stems": (
            a_stem("vocals-ko", "vocals", language="ko"),
            a_stem("vocals-en", "vocals", language="en", plays=False),
            a_stem("drums", "drums"),
        ),
        "notes": ("drums was 12 ms shorter: padded",),
        "analysis": an_analysis(),
        "rights": Rights(never_mute=("drums",)),
        "edits": NO_EDITS,
        "null_test": NullReport(
            residual_db=-61.5, aligned_db=-80.0, segment_s=10.0, segments_db=(-61.0,),
            stems=(
                StemNull(name="drums", late_frames=-3, inverted=True, gain_db=-0.5, moved_frames=1105,
                         turned=True, gained_db=20.5),
                StemNull(name="vocals-ko", late_frames=0, inverted=False, gain_db=None),
            ),
        ),
    }  # fmt: skip
    return SimpleNamespace(**(values | changed))


class ShelfOfTracks:
    """The library, as far as the service sees it."""

    path = Path("/music/library")

    def __init__(self) -> None:
        self.held = {track.id: track for track in (a_track(), a_track("b-song-4e5f6a7b", title="B Song"))}

    def tracks(self, search: Search = EVERYTHING) -> list[TrackRow]:
        return search.of(row_of(track, "2030-01-31T12:00:00Z") for track in self.held.values())

    def edit(self, track_id: str, changes: Edits, reset: Collection[str]) -> SimpleNamespace:
        track = self.get(track_id)
        edits = track.edits.with_changes(changes, reset)
        edits.check_within(track.duration_s)
        self.held[track_id] = a_track(
            **(vars(track) | {"track_id": track_id, "edits": edits, "analysis": edited(an_analysis(), edits)})
        )
        return self.held[track_id]

    def get(self, track_id: str) -> SimpleNamespace:
        if track_id not in self.held:
            hint = nearest(track_id, self.held)
            raise NotFound(f"there is no track {track_id!r}: {hint}", kind="track", name=track_id)
        return self.held[track_id]

    def delete(self, track_id: str) -> None:
        del self.held[self.get(track_id).id]
