"""One plot of one figure: every case a row, with its spread, its limits and its floor.

Rows of many samples show how those are distributed, rows of few each of them. matplotlib draws once for both:
an SVG whose ink is the page's, and a PNG on white.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

INK: Final = "#010203"
"""What becomes the page's own colour in an SVG."""
COLOURS: Final = ("#d9622b", "#3b82c4", "#3f9b62", "#a855a0")
"""Of the runs: to be seen on white and on black."""
LIMIT_COLOUR: Final = "#dc2626"
FLOOR_COLOUR: Final = "#6b8e23"
MANY: Final = 30
"""Samples from which a row shows a distribution."""
TAIL: Final = 100
BINS: Final = 60
WIDE: Final = 30.0
"""Times the least from which the axis is logarithmic."""
DECADES: Final = 3000.0
"""Times the least up to which 2 and 5 are told beside 1."""
LABEL_MOST: Final = 70
DPI: Final = 110
WIDTH_INCHES: Final = 9.0
ROW_INCHES: Final = 0.22
HALF: Final = 0.42
"""Of a row's height, how far what is drawn in it goes up and down."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case: its samples, whose run it is, and where its limits and its floor are."""

    label: str
    samples: Sequence[float]
    run: int = 0
    limits: Sequence[float] = ()
    floor: float | None = None


def draw_rows(title: str, unit: str, rows: Sequence[Row], png: Path) -> str:
    """Draw rows; writes a PNG and returns an SVG element for a page.

    Raises InvalidInput if the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure as Picture

    settings: Any = {
        "text.parse_math": False, "svg.fonttype": "none", "text.color": INK, "axes.edgecolor": INK,
        "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "font.size": 8,
    }  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks
        height = ROW_INCHES * len(rows) + 0.9
        picture = Picture(figsize=(WIDTH_INCHES, height))
        axes = picture.add_axes((0.36, 0.5 / height, 0.61, 1.0 - 0.9 / height))
        _draw(axes, title, unit, rows)
        try:
            picture.savefig(png, dpi=DPI, facecolor="white")
        except OSError as error:
            raise InvalidInput(f"cannot write {png}: {error.strerror}") from None
        return _svg(picture)


def _draw(axes: Axes, title: str, unit: str, rows: Sequence[Row]) -> None:
    shown = [np.asarray(row.samples, np.float64) * (100.0 if unit == "share" else 1.0) for row in rows]
    marks = [
        np.asarray([*row.limits, *([] if row.floor is None else [row.floor])], np.float64)
        * (100.0 if unit == "share" else 1.0)
        for row in rows
    ]
    every = np.concatenate([*shown, *marks])
    logarithmic = bool(every.min() > 0 and every.max() > WIDE * every.min())
    if logarithmic:
        _scale(axes, float(every.max() / every.min()))
    for at, (row, samples, at_marks) in enumerate(zip(rows, shown, marks, strict=True)):
        _draw_row(axes, at, samples, COLOURS[row.run % len(COLOURS)], logarithmic=logarithmic)
        limits, floor = at_marks[: len(row.limits)], at_marks[len(row.limits) :]
        axes.vlines(limits, at - HALF, at + HALF, colors=LIMIT_COLOUR, linewidths=1.6)
        axes.vlines(floor, at - HALF, at + HALF, colors=FLOOR_COLOUR, linewidths=1.6, linestyles="dotted")
    axes.set_yticks(range(len(rows)), [row.label[:LABEL_MOST] for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel({"share": "%", "": "no unit"}.get(unit, unit))
    axes.grid(axis="x", color="#808080", alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _scale(axes: Axes, times: float) -> None:
    """A logarithmic axis with plain numbers; the fewer decades, the more of them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if times < DECADES else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_row(axes: Axes, at: int, samples: Floats, colour: str, *, logarithmic: bool) -> None:
    low, middle, high = np.quantile(samples, [0.25, 0.5, 0.75])
    if len(samples) >= MANY and samples.max() > samples.min():
        values = np.log(samples) if logarithmic else samples
        counts, edges = np.histogram(values, BINS)
        heights = np.sqrt(counts / counts.max()) * 2 * HALF  # the root, so that single late ones are seen
        places = np.exp(edges) if logarithmic else edges
        axes.fill_between(
            places,
            at + HALF,
            at + HALF - np.append(heights, 0.0),
            step="post",
            color=colour,
            alpha=0.45,
            lw=0,
        )
    else:
        axes.scatter(samples, np.full(len(samples), at), s=7, color=colour, alpha=0.7, linewidths=0)
    axes.hlines(at, low, high, colors=colour, linewidths=2.4)
    axes.vlines(middle, at - HALF * 0.7, at + HALF * 0.7, colors=INK, linewidths=1.4)
    if len(samples) >= TAIL:
        tail = np.quantile(samples, [0.9, 0.99, 0.999, 1.0])
        axes.scatter(tail, np.full(len(tail), at + HALF * 0.6), marker="|", s=22, color=INK, linewidths=0.8)


def _svg(picture: Picture) -> str:
    """The picture as an element of a page: no ids but those it needs, nothing from elsewhere."""
    written = io.StringIO()
    about: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    picture.savefig(written, format="svg", transparent=True, metadata=about)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[A-Za-z0-9.]+_[0-9]+"', "", text)
    return text.replace(INK, "currentColor")
