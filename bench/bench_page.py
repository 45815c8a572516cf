"""How long from a hand on the page to changed sound, and does the sound hold while the tab is busy?

A headless Chromium opens the daemon's own page and plays a song of one steady tone. A key moves a fader;
the clock runs from the page's input event until the worklet plays the first millisecond whose level is
another one, both by the machine's clock. What the audio device takes beyond the worklet is not in it. The
tab is then kept busy: its own thread is blocked for most of the time, and for half a second now and then.
"""

from __future__ import annotations

import random
import time
from typing import Any, Final

import numpy as np

from remixd.errors import Unavailable
from remixd.units import RATE_HZ, STEM_ROLES, StemRole

from .browsers import chromium, free_port, until
from .daemons import running_daemon
from .results import Case, Limit
from .runner import Skipped, Task
from .songs import Audio

MOVES: Final = 150
MOVES_QUICK: Final = 15
BUSY_S: Final = 60.0
BUSY_QUICK_S: Final = 4.0
STARTS: Final = 5
SONG_S: Final = 20.0
TONE_HZ: Final = 1000.0
SETTLE_S: Final = 4.0
PAUSE_S: Final = (0.25, 0.4)
CHANGE_S: Final = 1.5
FOUND_LEAST: Final = 0.9
HAND_TO_EAR: Final = (Limit(statistic="p95", at_most=160.0),)
FIRST_SOUND: Final = (Limit(statistic="max", at_most=2.0),)
PAGE_BYTES: Final = (Limit(statistic="max", at_most=300_000.0),)
NO_GAPS: Final = (Limit(statistic="max", at_most=0.0),)

FOLLOW = """async () => {
  const { bus } = await import("/static/ui/base.js");
  globalThis.moved = [];
  globalThis.changed = [];
  addEventListener("input", () => moved.push(Date.now()), true);
  bus.on("changed", (ms) => changed.push(ms));
  remixdPage.sound.watchLevel(true);
}"""
BUSY = """() => {
  let turn = 0;
  globalThis.busy = setInterval(() => {
    const until = performance.now() + ((turn += 1) % 40 ? 60 : 500);
    while (performance.now() < until);
  }, 80);
}"""


def run(task: Task) -> None:
    """Measure the page in both formats, then keep the tab busy."""
    moves = MOVES_QUICK if task.quick else MOVES
    busy_s = task.seconds or (BUSY_QUICK_S if task.quick else BUSY_S)
    task.settings(moves=moves, busy_s=busy_s, pause_s=PAUSE_S)
    port = free_port()
    site = f"http://127.0.0.1:{port}/"
    try:
        with chromium() as browser, running_daemon(_tone(), None, "--web", f"127.0.0.1:{port}"):
            _measure_load(task, browser, site)
            for name in ("opus", "pcm"):
                _measure_format(task, browser, site, name, moves, busy_s)
    except Unavailable as error:
        raise Skipped(str(error)) from None


def _tone() -> dict[StemRole, Audio]:
    time_s = np.arange(round(SONG_S * RATE_HZ)) / RATE_HZ
    tone = (0.25 * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)
    silence = np.zeros_like(tone)
    return {role: np.stack([tone if role == "other" else silence] * 2, axis=1) for role in STEM_ROLES}


def _measure_load(task: Task, browser: Any, site: str) -> None:
    """What the page weighs, and how soon a click is heard."""
    task.tell("page bytes and first sound")
    firsts = []
    for turn in range(2 if task.quick else STARTS):
        context = browser.new_context()
        page = context.new_page()
        bodies: list[int] = []
        page.on("requestfinished", lambda request: bodies.append(_bytes(request)))  # noqa: B023 (of this turn)
        page.goto(site)
        page.wait_for_selector(".song")
        page.evaluate("() => addEventListener('click', () => { globalThis.clickedMs = Date.now(); }, true)")
        page.click(".song")
        started = until(page, "remixdPage.sound.state?.startedMs")
        firsts.append((started - page.evaluate("clickedMs")) / 1e3)
        if turn == 0:
            task.figure(
                "page", "bytes", [float(sum(bodies))], {}, limits=PAGE_BYTES, note="files, uncompressed"
            )
        page.evaluate("remixdPage.end()")
        context.close()
    task.figure("click to first sound", "s", firsts[:1], {"song": "never played"}, note="its cache is built")
    task.figure("click to first sound", "s", firsts[1:], {"song": "played before"}, limits=FIRST_SOUND)


def _bytes(request: Any) -> int:
    try:
        return len(request.response().body()) if "/v1/" not in request.url else 0
    except Exception:  # of a request whose page has gone: playwright's own kind
        return 0


def _measure_format(task: Task, browser: Any, site: str, name: str, moves: int, busy_s: float) -> None:
    case: Case = {"format": name}
    context = browser.new_context()
    context.add_init_script(f"localStorage.setItem('remixd-format', '{name}')")
    page = context.new_page()
    page.goto(site)
    page.wait_for_selector(".song")
    page.click(".song")
    until(page, "remixdPage.sound.state?.isPlaying")
    task.tell(f"{moves} moves of a fader, {name}")
    time.sleep(SETTLE_S)
    task.figure("hand to worklet", "ms", _move(page, moves), case, limits=HAND_TO_EAR)
    task.figure("buffer", "ms", [page.evaluate("remixdPage.sound.state.bufferMs")], case)
    task.tell(f"{busy_s:g} s of a busy tab, {name}")
    before = page.evaluate("[remixdPage.sound.state.underruns, remixdPage.sound.state.gaps]")
    page.evaluate(BUSY)
    time.sleep(busy_s)
    page.evaluate("clearInterval(busy)")
    time.sleep(0.5)
    after = page.evaluate("[remixdPage.sound.state.underruns, remixdPage.sound.state.gaps]")
    task.figure("gaps with the tab busy", "count", [sum(after) - sum(before)], case, limits=NO_GAPS)
    context.close()


def _move(page: Any, moves: int) -> list[float]:
    """Move a fader up and down. Returns the ms that each took. Raises Unavailable if few are found."""
    rng = random.Random(7)  # noqa: S311 (pauses)
    page.locator("rx-fader[data-dimension=other]").focus()
    page.evaluate(FOLLOW)
    page.wait_for_timeout(500)
    found = []
    for turn in range(moves):
        page.evaluate("() => { moved.length = 0; changed.length = 0; }")
        page.keyboard.press("Delete" if turn % 2 else "Home")
        try:
            changed, moved = until(page, "changed.length && moved.length && [changed[0], moved[0]]", CHANGE_S)
        except Unavailable:
            continue
        found.append(float(changed - moved))
        page.wait_for_timeout(rng.uniform(*PAUSE_S) * 1e3)
    if len(found) < FOUND_LEAST * moves:
        raise Unavailable(f"only {len(found)} of {moves} moves were found in the sound")
    return found
