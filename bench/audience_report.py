"""What the trials of fans and crowds found, as tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .audience_policies import EXPONENTIAL, ORACLE, OURS
from .results import Figure
from .tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

COLUMNS: Final = ("utility", "its p10", "regret", "served", "minutes until served", "moves", "reversals")
NOTE: Final = (
    "Utility in the last two minutes, the oracle's 1; regret over ten minutes, in phrases of the best mix, "
    "with its 95 % interval; fans ever served to 90 %, and minutes until then; moves and reversals a minute."
)
COLOURS: Final = {OURS: "#c2410c", EXPONENTIAL: "#0f766e"}
OTHERS: Final = "#64748b"
RESAMPLES: Final = 400


def tables_of(figures: Sequence[Figure]) -> Iterator[Table]:
    """A table a cell of single fans, and one of the crowds."""
    found = {(each.name, tuple(map(str, each.case.values()))): each for each in figures}
    cells = dict.fromkeys(
        (str(each.case["family"]), str(each.case["activity"])) for each in figures if each.name == "regret"
    )
    for family, activity in cells:
        systems = [
            str(each.case["system"])
            for each in figures
            if each.name == "regret" and (each.case["family"], each.case["activity"]) == (family, activity)
        ]
        rows = [_row(found, family, activity, system) for system in systems]
        means = [_mean(found["regret", (family, activity, system)]) for system in systems]
        served = [at for at, system in enumerate(systems) if system != ORACLE]
        best = min(served, key=means.__getitem__)
        yield Table(
            title=f"{family} fans, {activity}",
            note=NOTE,
            columns=("system", *COLUMNS),
            rows=tuple(rows),
            best=frozenset({(best, 3)}),
        )
    crowd = [each for each in figures if each.name == "utility in a crowd"]
    if crowd:
        yield _crowd_table(crowd, [each for each in figures if each.name == "shift by bots"])


def _row(found: dict[Any, Figure], family: str, activity: str, system: str) -> tuple[str, ...]:
    def of(name: str) -> Figure:
        return found[name, (family, activity, system)]

    low, high = _interval(of("regret"))
    return (
        system,
        f"{_mean(of('utility')):.3f}",
        f"{np.quantile(of('utility').samples, 0.1):.3f}",
        f"{_mean(of('regret')):.1f} ({low:.1f} to {high:.1f})",
        f"{_mean(of('served')):.0%}",
        f"{_mean(of('minutes until served')):.1f}",
        f"{_mean(of('moves a minute')):.1f}",
        f"{_mean(of('reversals a minute')):.1f}",
    )


def _crowd_table(utilities: Sequence[Figure], shifts: Sequence[Figure]) -> Table:
    systems = list(dict.fromkeys(str(each.case["system"]) for each in utilities))
    moved = {tuple(map(str, each.case.values())): each for each in shifts}
    rows: dict[tuple[str, str, str], list[str]] = {}
    for each in utilities:
        family, bots, verified, _ = key = tuple(map(str, each.case.values()))
        cell = f"{_mean(each):.3f}"
        if key in moved:
            cell += f" ({np.median(moved[key].samples):.2f})"
        rows.setdefault((family, bots, verified), []).append(cell)
    return Table(
        title="Crowds of casual fans",
        note="Mean utility of the honest in the last two minutes, the best for each 1; in brackets how far "
        "bots shifted the goal, where the range is 2 (median of crowds).",
        columns=("family", "bots", "verified", *systems),
        rows=tuple((*key, *cells) for key, cells in rows.items()),
    )


def draw(figures: Sequence[Figure]) -> Picture:
    """Regret of every policy, a panel a cell: families down, activities across; bars with 95 % intervals."""
    from matplotlib.figure import Figure as Picture

    regrets = [each for each in figures if each.name == "regret" and each.case["system"] != ORACLE]
    families = list(dict.fromkeys(str(each.case["family"]) for each in regrets))
    activities = list(dict.fromkeys(str(each.case["activity"]) for each in regrets))
    picture = Picture(figsize=(3.4 * len(activities) + 1.0, 1.7 * len(families) + 0.4), layout="constrained")
    axes = picture.subplots(len(families), len(activities), squeeze=False, sharey=True, sharex=True)
    axes[0][0].invert_yaxis()
    for row, family in enumerate(families):
        for column, activity in enumerate(activities):
            here = [e for e in regrets if (e.case["family"], e.case["activity"]) == (family, activity)]
            systems = [str(each.case["system"]) for each in here]
            means = np.array([_mean(each) for each in here])
            around = np.abs(np.array([_interval(each) for each in here]).T - means)
            colours = [COLOURS.get(system, OTHERS) for system in systems]
            axes[row][column].barh(systems, means, xerr=around, color=colours)
            axes[row][column].set_title(f"{family}, {activity}", fontsize=8)
            axes[row][column].tick_params(labelsize=7)
    picture.supxlabel("regret over ten minutes, phrases of the best mix", fontsize=8)
    return picture


def _mean(figure: Figure) -> float:
    return float(np.mean(figure.samples))


def _interval(figure: Figure) -> tuple[float, float]:
    """95 % of the mean, by bootstrap over fans."""
    samples = np.asarray(figure.samples)
    drawn = np.random.default_rng(0).integers(0, len(samples), (RESAMPLES, len(samples)))
    low, high = np.quantile(samples[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
