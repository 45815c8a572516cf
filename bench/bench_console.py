"""Does the DJ's console draw four playing decks as smoothly as the browser draws nothing?

A headless Chromium shows an empty page and the console of a session with four playing decks in turn, and
notes the time between the frames that each is given: on the empty page by a loop that does nothing, on the
console by one beside its own. Ratios are of both in the same run; what each takes alone says more of the
machine.
"""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.client import Client
from remixd.errors import Unavailable

from .browsers import chromium, free_port, until
from .daemons import running_daemon
from .results import Case, Limit
from .runner import Skipped, Task
from .songs import make_music

ROUNDS: Final = 8
ROUNDS_QUICK: Final = 2
ROUND_S: Final = 5.0
ROUND_QUICK_S: Final = 3.0
SETTLE_S: Final = 2.0
SONG_S: Final = 60.0
LOOP_BEATS: Final = 32.0
DECKS: Final = "ABCD"
SIZES: Final = ((1280, 800), (1920, 1080))
SMOOTH: Final = (Limit(statistic="max", at_most=1.3),)
EMPTY: Final = "data:text/html,<title>nothing</title>"

NOTE = """(ms) => new Promise((resolve) => {
  const times = [];
  const end = performance.now() + ms;
  const next = (now) => {
    times.push(now);
    if (performance.now() < end) requestAnimationFrame(next);
    else resolve(times);
  };
  requestAnimationFrame(next);
})"""
PLAYS = "remixdConsole.panels.every((each) => each.deck?.state === 'DECK_STATE_PLAYING' && each.song)"


def run(task: Task) -> None:
    """Measure."""
    rounds = ROUNDS_QUICK if task.quick else ROUNDS
    seconds = ROUND_QUICK_S if task.quick else ROUND_S
    if task.seconds:
        seconds = task.seconds / rounds
    task.settings(rounds=rounds, round_s=seconds, decks=len(DECKS))
    port = free_port()
    try:
        with (
            chromium() as browser,
            running_daemon(make_music(SONG_S), None, "--web", f"127.0.0.1:{port}") as daemon,
            daemon.client() as client,
        ):
            console = f"http://127.0.0.1:{port}/dj?session={_four_decks(client, daemon.track)}"
            for size in SIZES[:1] if task.quick else SIZES:
                _measure(task, browser, console, size, rounds, seconds)
    except Unavailable as error:
        raise Skipped(str(error)) from None


def _four_decks(client: Client, track: str) -> str:
    """A session whose decks play on and on."""
    session = client.create_session(track).id
    with client.console(session) as console:
        for name in DECKS[1:]:
            console.load(name, track)
        end_s = time.monotonic() + 20.0
        while any(deck.state == "loading" or not deck.track for deck in client.session(session).decks):
            if time.monotonic() > end_s:
                raise Unavailable("the decks were not loaded")
            time.sleep(0.05)
        for name in DECKS:
            console.play(name)
            console.loop(name, LOOP_BEATS)
    return str(session)


def _measure(
    task: Task, browser: Any, console: str, size: tuple[int, int], rounds: int, seconds: float
) -> None:
    width, height = size
    case: Case = {"size": f"{width}x{height}"}
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    nothing: list[NDArray[np.float64]] = []
    decks: list[NDArray[np.float64]] = []
    for turn in range(rounds):
        task.tell(f"{width}x{height}, round {turn + 1} of {rounds}")
        page.goto(EMPTY)
        page.wait_for_timeout(SETTLE_S * 1e3)
        nothing.append(_frames(page, seconds))
        page.goto(console)
        until(page, f"globalThis.remixdConsole && {PLAYS}")
        page.wait_for_timeout(SETTLE_S * 1e3)
        decks.append(_frames(page, seconds))
    page.context.close()
    empty_ms, four_ms = np.concatenate(nothing), np.concatenate(decks)
    task.figure("time between frames", "ms", empty_ms, {**case, "page": "empty"})
    task.figure("time between frames", "ms", four_ms, {**case, "page": "four decks"})
    for share in (50, 95):
        ratio = float(np.percentile(four_ms, share) / np.percentile(empty_ms, share))
        task.figure(f"p{share} beside the empty page", "ratio", [ratio], case, limits=SMOOTH)


def _frames(page: Any, seconds: float) -> NDArray[np.float64]:
    """Times between frames, in ms."""
    return np.diff(np.asarray(page.evaluate(NOTE, seconds * 1e3), dtype=np.float64))
