"""Beats from a CSV: a time in seconds a line and, if known, the number of the beat in its bar.

    time_s,beat
    0.520,1
    0.989,2

The first line may be such a heading. Columns are separated by commas, semicolons or tabs; what follows a #
is left out. Either every line numbers its beat or none does. A bar begins at every 1; its beats are taken for
quarters. The beats are as many as there are lines: none is added before, between or after them.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Final

from remixd.analysis.grids import COUNTS, SongNames, Span, broken, check_range
from remixd.track.analysis import LEAST_BEAT_S, LONGEST_S
from remixd.track.fields import printable

LARGEST_BYTES: Final = 8 * 2**20
_SEPARATORS: Final = re.compile(r"[,;\t]")


def read_csv(path: Path, _song: SongNames) -> list[Span]:
    """Every line as a span of one beat. Raises InvalidInput, naming the line. Thread: [ingest]."""
    name = printable(path.name)
    if path.stat().st_size > LARGEST_BYTES:
        raise broken(name, "", f"is larger than {LARGEST_BYTES >> 20} MB")
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise broken(name, "", "is not UTF-8") from None
    rows = [row for number, line in enumerate(lines, start=1) if (row := _row(name, number, line))]
    if not rows:
        raise broken(name, "", "holds no beats")
    numbered = rows[0][2] is not None
    for line, _, beat in rows:
        if (beat is not None) != numbered:
            raise broken(name, f"line {line}", "either every line numbers its beat, or none does")
    return _spans(name, rows)


def _row(name: str, line: int, text: str) -> tuple[int, float, int | None] | None:
    """The line's number, time and beat; None for a line without any, and for the heading."""
    columns = [column.strip() for column in _SEPARATORS.split(text.partition("#")[0])]
    while columns and not columns[-1]:
        columns.pop()
    if not columns or (line == 1 and columns[0].lower().startswith("time")):
        return None
    where = f"line {line}"
    if len(columns) > 2:
        raise broken(name, where, f"has {len(columns)} columns; a time and a beat's number are expected")
    time_s = check_range(name, where, "time_s", columns[0], 0.0, LONGEST_S)
    if len(columns) < 2:
        return line, time_s, None
    beat = check_range(name, where, "beat", columns[1], *COUNTS)
    if beat != int(beat):
        raise broken(name, where, f"beat {beat:g} is not a whole number")
    return line, time_s, int(beat)


def _spans(name: str, rows: list[tuple[int, float, int | None]]) -> list[Span]:
    for (_, before_s, _), (line, time_s, _) in itertools.pairwise(rows):
        if time_s - before_s < LEAST_BEAT_S:
            problem = f"{time_s:g} s is not {LEAST_BEAT_S:g} s after the {before_s:g} s before it"
            raise broken(name, f"line {line}", problem)
    metre = _metre([beat for _, _, beat in rows if beat is not None])
    return [
        Span(
            where=f"line {line}",
            start_s=time_s,
            period_s=LEAST_BEAT_S,
            metre=metre,
            number=beat or 1,
            beats=1,
        )
        for line, time_s, beat in rows
    ]


def _metre(beats: list[int]) -> str | None:
    """The commonest count of beats from a 1 to before the next; the greatest number where no bar is whole."""
    if not beats:
        return None
    ones = [index for index, beat in enumerate(beats) if beat == 1]
    counts = Counter(b - a for a, b in itertools.pairwise(ones))
    return f"{min(counts.most_common(1)[0][0] if counts else max(beats), COUNTS[1])}/4"
