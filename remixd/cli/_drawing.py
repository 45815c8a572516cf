"""A track drawn in the terminal: levels of its stems, bars, sections and time, a column a moment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from rich.cells import cell_len, set_cell_size

from remixd.cli._out import BLOCKS, minutes
from remixd.track.overview import Levels

NAME_COLUMNS: Final = 10
LEAST_COLUMNS: Final = 20
MIX_ROWS: Final = 3
_NEAREST_TICKS: Final = 2
_NEAREST_NUMBERS: Final = 5
_NEAREST_TIMES: Final = 8
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)


def columns_of(width: int) -> int:
    """How many columns are drawn in a terminal of `width`, beside the names."""
    return max(LEAST_COLUMNS, width - NAME_COLUMNS - 1)


def draw_track(package: Mapping[str, Any], levels: Mapping[str, Levels], columns: int) -> list[str]:
    """Draw a track, a line each.

    Args:
        package: a track in JSON's types.
        levels: rms by the name of each stem that plays, float64 (columns,) each; may be empty.
        columns: how wide it is, without the names.
    """
    per_s = columns / max(package["duration_s"], 1e-6)
    lines: list[tuple[str, str]] = []
    if levels:
        mix = np.sqrt(sum(np.square(level) for level in levels.values()))
        loudest = max(float(np.max(mix)), 1e-9)
        lines += [
            ("mix" if row == 0 else "", text) for row, text in enumerate(_bars(mix / loudest, MIX_ROWS))
        ]
        for name, level in levels.items():
            lines.append((name, _bars(level / max(float(np.max(level)), 1e-9), 1)[0]))
    if package["energy_curve"]:
        lines.append(("energy", _bars(_stretched(package["energy_curve"], columns), 1)[0]))
    if package["singing"]:
        lines.append(("sung", _marked(package["singing"], per_s, columns)))
    ticks, numbers = _grid(package["beats_s"], package["downbeats_s"], per_s, columns)
    if ticks.strip():
        lines += [("beats", ticks), ("bars", numbers)]
    if package["sections"]:
        spans = [
            (part["start_s"] * per_s, part["end_s"] * per_s, part["label"]) for part in package["sections"]
        ]
        lines.append(("sections", _spans(spans, columns)))
    step_s = next((step for step in _STEPS_S if step * per_s >= _NEAREST_TIMES), _STEPS_S[-1])
    times = [(time_s * per_s, minutes(time_s)) for time_s in range(0, int(package["duration_s"]) + 1, step_s)]
    lines.append(("time", _placed(times, columns)))
    return [f"{set_cell_size(name, NAME_COLUMNS)} {text}".rstrip() for name, text in lines]


def _bars(levels: Levels, rows: int) -> list[str]:
    """Levels of 0 to 1 as bars, the upper rows first; what sounds at all is seen."""
    heights = np.ceil(np.clip(levels, 0.0, 1.0) * rows * 8 - 0.25).astype(int)
    return [
        "".join(BLOCKS[min(max(height - 8 * row, 0), 8)] for height in heights)
        for row in reversed(range(rows))
    ]


def _stretched(values: Sequence[float], columns: int) -> Levels:
    """A value a second, as a mean or a repeated value a column."""
    count = len(values)
    edges = np.arange(columns + 1) * count / columns
    sums = np.interp(edges, np.arange(count + 1), np.concatenate([[0.0], np.cumsum(values)]))
    return np.asarray(np.diff(sums) / np.diff(edges))


def _marked(spans: Iterable[Mapping[str, float]], per_s: float, columns: int) -> str:
    """A line where there is a span in a column."""
    line = [" "] * columns
    for span in spans:
        first = min(int(span["start_s"] * per_s), columns - 1)
        last = min(max(first + 1, math.ceil(span["end_s"] * per_s)), columns)
        line[first:last] = "━" * (last - first)
    return "".join(line)


def _grid(
    beats_s: Sequence[float], downbeats_s: Sequence[float], per_s: float, columns: int
) -> tuple[str, str]:
    """Beats and downbeats where there is room, else each 2nd, 4th, 8th ... bar; and the numbers of bars."""
    ticks = [" "] * columns
    if _apart(beats_s, per_s) >= _NEAREST_TICKS:
        _put(ticks, beats_s, per_s, "·")
    apart = _apart(downbeats_s, per_s)
    _put(ticks, downbeats_s[:: _every(apart, _NEAREST_TICKS)], per_s, "|")
    every = _every(apart, _NEAREST_NUMBERS)
    numbers = [(time_s * per_s, str(bar)) for bar, time_s in enumerate(downbeats_s, start=1)][::every]
    return "".join(ticks), _placed(numbers, columns)


def _apart(times_s: Sequence[float], per_s: float) -> float:
    """Columns from one to the next, in the mean."""
    return per_s * (times_s[-1] - times_s[0]) / (len(times_s) - 1) if len(times_s) > 1 else float("inf")


def _every(apart: float, least: float) -> int:
    every = 1
    while every * apart < least:
        every *= 2
    return every


def _put(line: list[str], times_s: Iterable[float], per_s: float, sign: str) -> None:
    for time_s in times_s:
        if (column := int(time_s * per_s)) < len(line):
            line[column] = sign


def _placed(texts: Iterable[tuple[float, str]], columns: int) -> str:
    """Texts that begin at their columns; one that would touch the one before it, or the end, is left out."""
    line = ""
    for at, text in texts:
        start = int(at)
        if (start > len(line) or start == 0) and start + len(text) <= columns:
            line = line.ljust(start) + text
    return line.ljust(columns)


def _spans(spans: Iterable[tuple[float, float, str]], columns: int) -> str:
    """Labels in their spans, cut where these are short; each begins with a line."""
    line = ""
    for start, end, label in spans:
        first, last = int(start), min(int(end), columns)
        line = set_cell_size(line, first) if cell_len(line) < first else line
        if last > first:
            line += "│" + set_cell_size(label, last - first - 1)
    return set_cell_size(line, columns)
