"""What a run found, in one format for every bench: raw samples first, and what they come to.

A result file is one JSON object. `format` and `version` say how to read it; `complete` is false for a run
that was interrupted, whose figures so far are kept. Every bench has its figures, every figure its raw
samples. Files of an older version are read; those of a newer one are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from remixd.errors import InvalidInput

FORMAT: Final = "remixd-bench"
VERSION: Final = 1

Statistic = Literal["median", "q1", "q3", "p90", "p95", "p99", "p999", "max", "min", "mean"]
QUANTILES: Final[Mapping[Statistic, float]] = {
    "min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99,
    "p999": 0.999, "max": 1.0,
}  # fmt: skip
Case: TypeAlias = Mapping[str, str | int | float]
State = Literal["running", "done", "skipped", "failed", "interrupted"]


SAMPLES_LEAST: Final = {"p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""Of how many samples a quantile says more than the greatest of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A figure to reach: `statistic` is at most `at_most`, in the figure's unit."""

    statistic: Statistic
    at_most: float

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Limit:
        """Read one of a result file. Raises ValueError for a statistic that is none, or no number."""
        statistic, at_most = value["statistic"], float(value["at_most"])
        if statistic not in (*QUANTILES, "mean") or not math.isfinite(at_most):
            raise ValueError(f"there is no limit {statistic!r} of {at_most}")
        return cls(statistic=statistic, at_most=at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured, many times.

    Attributes:
        name: what it is, the same in every run.
        unit: "ms", "us", "share", "ratio", "count"; a share is of real time or of a deadline.
        samples: every measurement, in order.
        case: what was varied, such as the block size.
        limits: what it should reach.
        note: how it was measured, where the name does not tell.
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    case: Case = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not self.samples or not all(math.isfinite(sample) for sample in self.samples):
            raise InvalidInput(f"the figure {self.name!r} has samples that are no numbers, or none")
        object.__setattr__(self, "samples", tuple(map(_short, self.samples)))

    def summary(self) -> dict[str, float]:
        """Quantiles, mean, and spread: the distance between the quartiles, as a share of the median."""
        samples = np.asarray(self.samples)
        found: dict[str, float] = {name: float(np.quantile(samples, at)) for name, at in QUANTILES.items()}
        width = found["q3"] - found["q1"]
        spread = width / abs(found["median"]) if found["median"] else 0.0
        return {"count": len(samples), "mean": float(samples.mean()), "spread": spread, **found}

    @property
    def met(self) -> bool | None:
        """Whether every limit is kept that there are samples enough to judge; None if there is none."""
        judged = [limit for limit in self.limits if self.tells(limit.statistic)]
        if not judged:
            return None
        summary = self.summary()
        return all(summary[limit.statistic] <= limit.at_most for limit in judged)

    def tells(self, statistic: str) -> bool:
        """Whether there are samples enough for a statistic: of fewer a high quantile is their greatest."""
        return len(self.samples) >= SAMPLES_LEAST.get(statistic, 1)

    def to_json(self) -> dict[str, Any]:
        """The figure as a result file holds it."""
        return {
            "name": self.name,
            "case": dict(self.case),
            "unit": self.unit,
            "note": self.note,
            "limits": [asdict(limit) for limit in self.limits],
            "met": self.met,
            "summary": {name: _short(value) for name, value in self.summary().items()},
            "samples": list(self.samples),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Figure:
        """Read one of a result file; its summary is made anew from its samples."""
        return cls(
            name=str(value["name"]),
            unit=str(value["unit"]),
            samples=tuple(map(float, value["samples"])),
            case={str(name): _plain(part) for name, part in dict(value["case"]).items()},
            limits=tuple(Limit.from_json(limit) for limit in value["limits"]),
            note=str(value["note"]),
        )


@dataclass(slots=True, kw_only=True)
class Bench:
    """What one bench found. `reason` says why it did not end well; `skips` tell which parts it left out."""

    name: str
    question: str
    state: State = "running"
    reason: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    skips: list[dict[str, str]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The bench as a result file holds it."""
        return {**self.head(), "figures": [figure.to_json() for figure in self.figures]}

    def head(self) -> dict[str, Any]:
        """The same without its figures."""
        return {
            "name": self.name,
            "question": self.question,
            "state": self.state,
            "reason": self.reason,
            "settings": self.settings,
            "skips": self.skips,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Bench:
        """Read one of a result file."""
        plain: dict[str, Any] = {name: str(value[name]) for name in ("name", "question", "state", "reason")}
        return cls(
            **plain,
            settings=dict(value["settings"]),
            skips=[{name: str(skip[name]) for name in ("part", "reason")} for skip in value["skips"]],
            figures=[Figure.from_json(figure) for figure in value["figures"]],
        )


@dataclass(slots=True, kw_only=True)
class Result:
    """A run of one or more benches.

    Attributes:
        started_at, ended_at: UTC, as RFC 3339 writes it; `ended_at` is empty while it runs.
        complete: whether every bench that was asked for ran to its end, or said why it cannot.
        interrupted: whether somebody ended it early.
        machine, versions, commit: where and what it ran.
        settings: how it was asked to run.
        noise: figures of a fixed amount of work and of short sleeps, before and after.
    """

    started_at: str
    ended_at: str = ""
    complete: bool = False
    interrupted: bool = False
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    commit: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    noise: list[Figure] = field(default_factory=list)
    benches: list[Bench] = field(default_factory=list)
    _texts: dict[int, tuple[Figure, str]] = field(default_factory=dict, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The whole result file."""
        return {
            **self._head(),
            "noise": [figure.to_json() for figure in self.noise],
            "benches": [bench.to_json() for bench in self.benches],
        }

    def _head(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "complete": self.complete,
            "interrupted": self.interrupted,
            "machine": self.machine,
            "versions": self.versions,
            "commit": self.commit,
            "settings": self.settings,
        }

    def _text(self) -> str:
        """The result file as text: each figure is written once, since a run saves after every figure."""
        benches = [
            _with_list(_dumps(bench.head()), "figures", map(self._figure_text, bench.figures))
            for bench in self.benches
        ]
        head = _with_list(_dumps(self._head()), "noise", map(self._figure_text, self.noise))
        return _with_list(head, "benches", benches)

    def _figure_text(self, figure: Figure) -> str:
        kept = self._texts.get(id(figure))
        if kept is None or kept[0] is not figure:
            kept = self._texts[id(figure)] = figure, _dumps(figure.to_json())
        return kept[1]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        """Read a result file. Raises InvalidInput for what is none, or of a newer version."""
        if value.get("format") != FORMAT:
            raise InvalidInput("this is no result of `remixd bench`")
        if not isinstance(value.get("version"), int) or not 1 <= value["version"] <= VERSION:
            raise InvalidInput(
                f"this result is of version {value.get('version')}; this remixd reads up to {VERSION}"
            )
        return cls(
            started_at=str(value["started_at"]),
            ended_at=str(value["ended_at"]),
            complete=bool(value["complete"]),
            interrupted=bool(value["interrupted"]),
            machine=dict(value["machine"]),
            versions=dict(value["versions"]),
            commit=_commit(value["commit"]),
            settings=dict(value["settings"]),
            noise=[Figure.from_json(figure) for figure in value["noise"]],
            benches=[Bench.from_json(bench) for bench in value["benches"]],
        )

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises InvalidInput, naming it, if it cannot be written."""
        partial = path.with_name(f".{path.name}.partial")
        try:
            partial.write_text(self._text() + "\n", "utf-8", "replace")
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InvalidInput(f"cannot write {path}: {error.strerror}") from None

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a file. Raises InvalidInput, naming it, if it is no result that can be read."""
        try:
            return cls.from_json(json.loads(path.read_text("utf-8")))
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise InvalidInput(f"{path}: {error}") from None
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from None


def _commit(value: Any) -> dict[str, Any] | None:
    return {"id": str(value["id"]), "changed": bool(value["changed"])} if value else None


def _plain(value: Any) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _with_list(text: str, name: str, parts: Iterable[str]) -> str:
    """An object's text with one more member: a list of texts."""
    return f"{text[:-1]}, {_dumps(name)}: [{', '.join(parts)}]}}"


def _short(value: float) -> float:
    """Nine significant digits: more than any clock tells."""
    return float(f"{value:.9g}")
