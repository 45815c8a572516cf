"""How far the stems of a track are from its master: `[null_test]` in `track.toml`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from remixd.track.fields import Fields

_SEGMENTS_MOST: Final = 10_000
_LATEST_FRAMES: Final = 10**6
_DB: Final = (-300.0, 300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StemNull:
    """One stem beside the master.

    Attributes:
        late_frames, inverted: how it still lies; negative where it comes early.
        gain_db: of the stem in the master; None where it is not in it, or silent.
        moved_frames, turned: how the import moved it (negative: to earlier) and whether it turned it over.
        gained_db: by how much less is left of the master for it.
    """

    name: str
    late_frames: int
    inverted: bool
    gain_db: float | None
    moved_frames: int = 0
    turned: bool = False
    gained_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NullReport:
    """What is left of the master when the playing stems are taken away, in dB beside it.

    Attributes:
        residual_db: of the whole song, the stems as they are in the package.
        aligned_db: the same with lags, polarities and gains put right.
        segment_s: how long each of `segments_db` is.
        segments_db: of every stretch of the song, the stems as they are.
        stems: those that play.
    """

    residual_db: float
    aligned_db: float
    segment_s: float
    segments_db: tuple[float, ...]
    stems: tuple[StemNull, ...]

    def to_toml(self) -> dict[str, Any]:
        """As it stands in `track.toml`; what is not known is left out."""
        document = asdict(self)
        document["segments_db"] = list(self.segments_db)
        document["stems"] = [
            {name: value for name, value in asdict(stem).items() if value is not None} for stem in self.stems
        ]
        return document


def read_null_report(fields: Fields) -> NullReport:
    """Read what `to_toml` gave. Raises InvalidInput, naming the field."""
    segments_db = fields.numbers("segments_db", *_DB)
    if len(segments_db) > _SEGMENTS_MOST:
        raise fields.fail("segments_db", f"holds {len(segments_db)} values, more than {_SEGMENTS_MOST}")
    return NullReport(
        residual_db=fields.number("residual_db", *_DB),
        aligned_db=fields.number("aligned_db", *_DB),
        segment_s=fields.number("segment_s", 0.1, 3600.0),
        segments_db=segments_db,
        stems=tuple(_read_stem(stem) for stem in fields.tables("stems")),
    )


def _read_stem(fields: Fields) -> StemNull:
    return StemNull(
        name=fields.text("name"),
        late_frames=fields.integer("late_frames", -_LATEST_FRAMES, _LATEST_FRAMES),
        inverted=fields.flag("inverted"),
        gain_db=fields.optional_number("gain_db", *_DB),
        moved_frames=fields.integer("moved_frames", -_LATEST_FRAMES, _LATEST_FRAMES),
        turned=fields.flag("turned"),
        gained_db=fields.number("gained_db", *_DB),
    )
