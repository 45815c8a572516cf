"""A real daemon with its web, and pages of it in Chromium."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from processes import Daemon, run, write_song
from scipy.interpolate import CubicSpline

from remixd.bench import browsers
from remixd.errors import Unavailable
from remixd.units import RATE_HZ

QUANTUM = 128
TURNS = 8
"""A machine that is busy loses sound now and then, which is told: then it is heard once more."""

SONG_S = 16.0
STEMS_HZ = {"drums": 220.0, "bass": 110.0, "vocals": 1000.0}

Sound: TypeAlias = np.ndarray[Any, Any]


def a_song(folder: Path, key: str, tuning: float) -> Path:
    """A folder of sines, one a stem."""
    return write_song(folder, {name: tuning * hz for name, hz in STEMS_HZ.items()}, SONG_S, 0.15, key)


@contextlib.contextmanager
def serving(folder: Path, *options: str, web: str = "127.0.0.1:0") -> Iterator[tuple[Daemon, str]]:
    """A daemon on two songs, and the address of its web."""
    library = folder / "library"
    for name, key, tuning in (("one", "A minor", 1.0), ("two", "C# major", 1.26)):
        done = run("import", a_song(folder / name, key, tuning), "--library", library)
        assert done.returncode == 0, done.stderr
    daemon = Daemon(library, folder / "errors", "--web", web, *options)
    try:
        line = daemon.process.stdout.readline()
        assert line.startswith("  web: "), line
        yield daemon, line.removeprefix("  web: ").strip()
    finally:
        daemon.stop()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none."""
    with contextlib.ExitStack() as stack:
        try:
            browser = stack.enter_context(browsers.chromium())
        except Unavailable as error:
            pytest.skip(str(error))
        yield browser


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait for something to be so; what it is then."""
    end_s = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return found


def shows(page: Any, expression: str) -> None:
    """Wait until an expression is true in a page (whose policy lets nobody wait there)."""
    until(lambda: page.evaluate(f"Boolean({expression})"))


def captured(page: Any, name: str, seconds: float) -> tuple[Sound, Sound]:
    """What the worklet of a page's object `name` plays next: each frame's sample of the session, and it."""
    told = page.evaluate(
        f"async (frames) => {{ const it = await {name}.sound.capture(frames);"
        "return {places: it.places, left: Array.from(it.left)}; }",
        round(seconds * RATE_HZ),
    )
    left = np.asarray(told["left"])
    quanta = np.arange(len(told["places"])) * QUANTUM
    return np.interp(np.arange(quanta[-1]), quanta, told["places"]), left[: quanta[-1]]


def off_by(daemon: Daemon, session: str, page: Any, name: str) -> float:
    """By how much what a page plays is another sound than the daemon's mix at that sample, as a share."""
    lost = f"[{name}.sound.state.underruns, {name}.sound.state.gaps]"
    for _turn in range(TURNS):
        before = page.evaluate(lost)
        mix, (places, played) = _heard_both(daemon, session, page, name)
        if mix.gaps == 0 and page.evaluate(lost) == before:
            break
    else:
        pytest.fail("there was a gap in every turn")
    assert np.all(np.abs(np.diff(places) - 1) < 0.01)
    there = CubicSpline(np.arange(mix.frames) + mix.first_sample, mix.pcm[:, 0])(places)
    return float(np.sqrt(np.mean((played - there) ** 2)) / np.sqrt(np.mean(there**2)))


def _heard_both(daemon: Daemon, session: str, page: Any, name: str) -> Any:
    heard: dict[str, Any] = {}

    def listen() -> None:
        with daemon.client() as client:
            heard["mix"] = client.listen(session, seconds=1.6)

    listening = threading.Thread(target=listen)
    listening.start()
    page.wait_for_timeout(600)
    sound = captured(page, name, 0.15)
    listening.join()
    return heard["mix"], sound
