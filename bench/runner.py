"""Finds benches, runs them, and keeps what they found, also when they are interrupted.

A bench is a module `bench_<thing>.py` with `run(task: Task) -> None`; the first line of its docstring is the
question it answers. It hands its figures to the task as it goes. One that cannot run here raises `Skipped`
with the reason; one that cannot do a part of its work calls `task.skip`.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from remixd.errors import NotFound, RemixdError, nearest

from .machine import describe_commit, describe_machine, describe_versions
from .noise import measure_noise
from .results import Bench, Case, Figure, Limit, Result
from .shares import Clock, OverTime, in_order, stopped_after, termination_interrupts

LOG: Final = logging.getLogger(__name__)

PREFIX: Final = "bench_"
ALL: Final = "all"
NOISE_S: Final = 2.0
NOISE_QUICK_S: Final = 0.5

Tell = Callable[[str], None]


class Skipped(Exception):
    """This bench cannot run here; the message says why, for a person."""


class Task:
    """What a bench is given to work with.

    Attributes:
        quick: whether to settle for few samples.
        seconds: how long what lasts is to last; None for the bench's own idea of it.
        full: whether everything is crossed with everything, however long that takes.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        quick: bool,
        tell: Tell,
        keep: Callable[[], None],
        seconds: float | None = None,
        full: bool = False,
    ) -> None:
        self.quick = quick
        self.seconds = seconds
        self.full = full
        self._bench = bench
        self._tell = tell
        self._keep = keep

    def settings(self, **settings: Any) -> None:
        """Note how the bench is set up."""
        self._bench.settings.update(settings)

    def tell(self, doing: str) -> None:
        """Say what is being done, to who waits."""
        self._tell(f"{self._bench.name}: {doing}")

    def skip(self, part: str, reason: str) -> None:
        """Note that a part of the bench cannot be done here."""
        self._bench.skips.append({"part": part, "reason": reason})
        self._keep()

    def figure(
        self,
        name: str,
        unit: str,
        samples: Iterable[float],
        case: Case,
        *,
        limits: Sequence[Limit] = (),
        note: str = "",
    ) -> None:
        """Keep a figure: see `results.Figure`."""
        measured = tuple(map(float, samples))
        self.figures(
            [Figure(name=name, unit=unit, samples=measured, case=case, limits=tuple(limits), note=note)]
        )

    def figures(self, figures: Iterable[Figure]) -> None:
        """Keep many figures, written at once."""
        self._bench.figures += figures
        self._keep()


def bench_names() -> list[str]:
    """Every bench there is."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name.removeprefix(PREFIX) for module in found if module.name.startswith(PREFIX))


def question_of(name: str) -> str:
    """What a bench answers: the first line of its docstring. Raises NotFound for an unknown bench."""
    return (_module(name).__doc__ or "").partition("\n")[0]


def _question_here(name: str) -> str:
    """The question of a bench; nothing of one that cannot be imported, which is told when its turn comes."""
    try:
        return question_of(name)
    except ImportError:
        return ""


def run(
    name: str,
    *,
    quick: bool,
    path: Path | None,
    tell: Tell,
    seconds: float | None = None,
    full: bool = False,
) -> Result:
    """Run one bench, or `all`, and return what was found.

    Args:
        name: of the bench.
        quick: few samples: minutes become seconds.
        path: the result file, written anew after every figure; None for no file.
        tell: called with what is being done.
        seconds: how long what lasts is to last; None for each bench's own idea of it.
        full: everything crossed with everything: see `Task`.

    Raises NotFound for an unknown bench, InvalidInput if the file cannot be written. A bench that fails does
    not hold back the others. When all run quickly each has a share of five minutes, and is ended, and marked,
    when that is over. Ctrl-C and SIGTERM end the run; what was found until then is returned, marked.
    """
    names = in_order(bench_names()) if name == ALL else [name]
    questions = [_question_here(each) for each in names]
    result = Result(
        started_at=_now(),
        machine=describe_machine(),
        versions=describe_versions(),
        commit=describe_commit(),
        settings={"bench": name, "quick": quick, "seconds": seconds, "full": full},
    )

    def keep() -> None:
        if path is not None:
            result.save(path)

    keep()
    noise_s = NOISE_QUICK_S if quick else NOISE_S
    try:
        with termination_interrupts():
            tell("noise floor")
            result.noise += measure_noise(noise_s, "before")
            clock = Clock(time.monotonic()) if name == ALL and quick else None
            for each, question in zip(names, questions, strict=True):
                bench = Bench(name=each, question=question)
                result.benches.append(bench)
                limit_s = clock.begin(each, time.monotonic()) if clock else None
                task = Task(bench, quick=quick, tell=tell, keep=keep, seconds=seconds, full=full)
                _run_one(bench, task, limit_s)
                keep()
            tell("noise floor")
            result.noise += measure_noise(noise_s, "after")
            result.complete = all(bench.state in ("done", "skipped") for bench in result.benches)
    except KeyboardInterrupt:
        result.interrupted = True
    result.ended_at = _now()
    keep()
    return result


def _run_one(bench: Bench, task: Task, limit_s: float | None) -> None:
    began, before = time.monotonic(), sum(os.times()[:4])
    try:
        with stopped_after(limit_s):
            _module(bench.name).run(task)
        bench.state = "done"
    except OverTime:
        bench.state = "interrupted"
        bench.reason = f"its time, {limit_s:.0f} s, was over; what it found until then is kept"
        task.tell(bench.reason)
    except KeyboardInterrupt:
        bench.state, bench.reason = "interrupted", "it was interrupted; what it found until then is kept"
        raise
    except Skipped as skipped:
        bench.state, bench.reason = "skipped", str(skipped)
    except ModuleNotFoundError as error:
        bench.state = "skipped"
        bench.reason = f"{error.name} is not installed: pip install 'remixd[bench]'"
    except RemixdError as error:
        bench.state, bench.reason = "failed", str(error)
    except Exception as error:
        LOG.exception("bench %s failed", bench.name)
        bench.state, bench.reason = "failed", f"{type(error).__name__}: {error}"
    finally:
        cpu_s = sum(os.times()[:4]) - before  # of this process and its children that have ended
        bench.settings.update(took_s=round(time.monotonic() - began, 3), took_cpu_s=round(cpu_s, 3))


def _module(name: str) -> Any:
    names = bench_names()
    if name not in names:
        raise NotFound(f"there is no bench {name!r}: {nearest(name, names)}", kind="bench", name=name)
    return importlib.import_module(f".{PREFIX}{name}", __package__)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
