"""Results as pictures. matplotlib is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from remixd.errors import InvalidInput, Unavailable

from . import audience_report, ours
from .bench_quality import FLOOR
from .results import Bench, Figure, Result
from .scoring import METRICS
from .tables import REFERENCES, is_tabled, mean_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

DRAWN: Final = ("lsd_2048", "lsd_256", "convergence", "onset_correlation", "attack", "pre_echo")
OURS: Final = "#c2410c"
PEER: Final = "#64748b"
DPI: Final = 120


def check() -> None:
    """Raise Unavailable, with the command, if there is nothing to draw with."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise Unavailable("matplotlib is not installed: pip install 'remixd[bench]'") from None


def draw(result: Result, folder: Path) -> list[Path]:
    """Draw every bench of a result that compares systems, as PNG files in a folder.

    Returns the files. Raises Unavailable without matplotlib, InvalidInput if a file cannot be written.
    """
    check()
    drawn = []
    for bench in result.benches:
        figures = [figure for figure in bench.figures if is_tabled(bench, figure)]
        if bench.name == "quality":
            changes = dict.fromkeys(str(figure.case["change"]) for figure in figures)
            pictures = {f"quality-{change}": _quality(figures, change) for change in changes}
        elif bench.name == "audience":
            pictures = {"audience-regret": audience_report.draw(figures)}
        else:
            pictures = {f"{bench.name}-cost": _costs(bench)} if figures else {}
        for name, picture in pictures.items():
            drawn.append(folder / f"{name}.png")
            try:
                folder.mkdir(parents=True, exist_ok=True)
                picture.savefig(drawn[-1], dpi=DPI)
            except OSError as error:
                raise InvalidInput(f"cannot write {drawn[-1]}: {error.strerror}") from None
    return drawn


def _costs(bench: Bench) -> Picture:
    """How many times what a session costs each peer does: a panel a setting, bars with quartiles."""
    ratios = [figure for figure in bench.figures if figure.name == "times the cost"]
    over = ratios[-1].case["over"]
    settings = list(dict.fromkeys(figure.case["setting"] for figure in ratios))
    picture, axes = _panels(1, len(settings), width=5.5, height=3.0)
    for axis, setting in zip(axes[0], settings, strict=True):
        here = [each for each in ratios if (each.case["setting"], each.case["over"]) == (setting, over)]
        told = [each.summary() for each in here]
        middle = np.array([each["median"] for each in told])
        around = np.abs(np.array([[each["q1"], each["q3"]] for each in told]).T - middle)
        axis.barh([str(each.case["system"]) for each in here], middle, xerr=around, color=PEER)
        axis.axvline(1.0, color=OURS)
        axis.set_xscale("log")
        axis.set_title(str(setting), fontsize=9)
        axis.set_xlabel(f"times the CPU of {over}")
        for at, value in enumerate(middle):
            axis.annotate(f" {value:.3g}", (value, at), va="center", fontsize=8)
        axis.margins(x=0.15)
    return picture


def _quality(figures: Sequence[Figure], change: str) -> Picture:
    """Panels of stems by metrics; a bar a system, a line where another perfect take is."""
    here = [figure for figure in figures if figure.case["change"] == change]
    label = {key: METRICS[key].label for key in DRAWN}
    found = {(each.case["stem"], each.name, each.case["system"]): each for each in here}
    stems = list(dict.fromkeys(each.case["stem"] for each in here if each.name in label.values()))
    systems = [
        system
        for system in dict.fromkeys(str(each.case["system"]) for each in here)
        if system not in REFERENCES
    ]
    picture, axes = _panels(len(stems), len(DRAWN), width=2.3, height=1.4)
    for row, stem in enumerate(stems):
        for column, (key, name) in enumerate(label.items()):
            means = {
                system: mean_of(found[stem, name, system], key)
                for system in (*systems, FLOOR)
                if (stem, name, system) in found
            }
            _quality_panel(axes[row][column], systems, means)
            if row == 0:
                axes[row][column].set_title(f"{name} (best {METRICS[key].best:g})", fontsize=8)
        axes[row][0].set_ylabel(str(stem), fontsize=9)
    return picture


def _quality_panel(axis: Axes, systems: Sequence[str], means: dict[str, float]) -> None:
    floor = means.pop(FLOOR, None)
    if not means:
        axis.set_axis_off()
        return
    colours = [OURS if system == ours.NAME else PEER for system in systems]
    axis.barh(systems, [means.get(system, 0.0) for system in systems], color=colours)
    if floor is not None:
        axis.axvline(floor, color="black", linestyle="--", linewidth=0.8)
    axis.tick_params(labelsize=6)


def _panels(rows: int, columns: int, *, width: float, height: float) -> tuple[Picture, Any]:
    """A picture without a window, and its axes as (rows, columns)."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(width * columns, height * rows + 0.5), layout="constrained")
    axes = picture.subplots(rows, columns, squeeze=False, sharey=True)
    axes[0][0].invert_yaxis()  # the first on top, in all panels
    return picture, axes
