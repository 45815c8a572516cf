"""The page in a real browser, in front of the real daemon: what is heard, what is shown, what survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import captured, chromium, off_by
from processes import STEMS_HZ, Daemon, run, write_song

from remixd.bench.browsers import free_port, until
from remixd.units import RATE_HZ
from remixd.web.pages import STATIC

TITLE = "<img src=x onerror=alert(1)> & three"
PLAYS = "remixdPage.sound.state?.isPlaying"


class Site:
    """A daemon with a page, and a browser that looks at it."""

    def __init__(self, daemon: Daemon, port: int, browser: Any) -> None:
        self.daemon = daemon
        self.url = f"http://127.0.0.1:{port}"
        self._browser = browser
        self._contexts: list[Any] = []

    def open(self, sound: str = "pcm", script: str = "", **options: Any) -> Any:
        """A page of a person of their own, with what went wrong in it as `.faults`."""
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        context.add_init_script(f"localStorage['remixd-format'] ??= '{sound}'; {script}")
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(self.url)
        page.wait_for_selector(".song")
        return page

    def play(self, page: Any) -> str:
        """One click; the session that plays once it sounds."""
        page.click(".song")
        until(page, PLAYS)
        return str(until(page, "remixdPage.session"))

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_song(tmp_path_factory.mktemp("songs") / "three sines")


@pytest.fixture(scope="module")
def running(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    library = tmp_path_factory.mktemp("library")
    assert run("import", song, "--library", library, "--warm").returncode == 0
    port = free_port()
    with chromium() as browser:
        daemon = Daemon(library, tmp_path_factory.mktemp("log") / "errors", "--web", f"127.0.0.1:{port}")
        try:
            with daemon.client() as client:
                client.edit_track(client.tracks()[0].id, title=TITLE)
            yield Site(daemon, port, browser)
        finally:
            daemon.stop()


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    yield running
    running.close()
    with running.daemon.client() as client:
        for session in client.sessions():
            client.delete_session(session.id)


def level(sound: np.ndarray[Any, Any], frequency_hz: float) -> float:
    """The amplitude of one tone."""
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(len(sound)) / RATE_HZ)
    return float(2 * abs(np.mean(sound * turn)))


def eventually(check: Callable[[], object], timeout_s: float = 8.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < end_s
        time.sleep(0.05)


@pytest.mark.parametrize(("sound", "off"), [("pcm", 0.01), ("opus", 0.05)])
def test_what_the_worklet_plays_is_the_daemons_mix_at_its_own_sample(site, sound, off):
    page = site.open(sound)
    session = site.play(page)
    assert off_by(site.daemon, session, page, "remixdPage") < off
    assert page.faults == []


def test_a_key_on_a_fader_takes_a_voice_out_of_what_is_heard_and_why_says_so(site):
    page = site.open()
    session = site.play(page)
    fader = page.locator("rx-fader[data-dimension=vocals]")
    fader.focus()
    fader.press("Home")
    with site.daemon.client() as client:
        eventually(lambda: client.session(session).mix["vocals"] == -60.0)
    page.wait_for_timeout(500)
    _, played = captured(page, "remixdPage", 0.2)
    assert level(played, STEMS_HZ["vocals"]) < 1e-3
    assert level(played, STEMS_HZ["bass"]) > 0.1
    until(page, "document.querySelector('.reasons').textContent.includes('the wish for')")
    assert until(page, "remixdPage.sound.delayMs") < 1000


def test_a_preset_is_one_click_and_panic_undoes_it(site):
    page = site.open()
    session = site.play(page)
    page.click("[data-preset=karaoke]")
    with site.daemon.client() as client:
        eventually(lambda: client.session(session).mix["vocals"] < -20)
        page.click("text=Artist’s own mix")
        eventually(lambda: client.session(session).mix["vocals"] == 0.0)


def test_a_click_on_the_lanes_goes_there_and_the_playhead_is_what_is_heard(site):
    page = site.open()
    site.play(page)
    page.wait_for_timeout(800)
    box = page.locator("rx-lanes .surface").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 100)
    until(page, "remixdPage.positionS > 5.9 && remixdPage.positionS < 7")
    gap = page.evaluate(
        "remixdPage.sound.capture(4800).then((it) => remixdPage.sound.heardSample - it.places[0])"
    )
    assert abs(gap) < 0.5 * RATE_HZ


def test_a_hand_keeps_its_place_while_the_daemon_is_away_and_the_sound_comes_back(site):
    page = site.open()
    session = site.play(page)
    fader = page.locator("rx-fader[data-dimension=bass]")
    track = fader.locator(".rx-track").bounding_box()
    page.mouse.move(track["x"] + track["width"] * 0.8, track["y"] + 10)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 0.7, track["y"] + 10)
    site.daemon.process.kill()
    site.daemon.process.wait()
    page.mouse.move(track["x"] + track["width"] * 0.4, track["y"] + 10, steps=4)
    held = page.evaluate("document.querySelector('[data-dimension=bass]').value")
    assert held < -10
    until(page, "document.querySelector('rx-connection').dataset.state === 'waiting'")
    site.daemon.kill()
    until(page, "document.querySelector('rx-connection').dataset.state === 'open'", 20)
    with site.daemon.client() as client:
        eventually(lambda: client.session(session).mix["bass"] == pytest.approx(held))
    assert page.evaluate("document.querySelector('[data-dimension=bass]').value") == held
    page.mouse.up()
    before = page.evaluate("remixdPage.sound.state.sample")
    until(page, f"{PLAYS} && remixdPage.sound.state.sample > {before} + 24000")
    _, played = captured(page, "remixdPage", 0.2)
    assert level(played, STEMS_HZ["bass"]) == pytest.approx(0.2 * 10 ** (held / 20), rel=0.1)


def test_a_reload_goes_on_with_the_same_session(site):
    page = site.open()
    session = site.play(page)
    page.reload()
    assert until(page, "globalThis.remixdPage?.session") == session
    until(page, PLAYS)


def test_while_it_flows_the_director_moves_and_a_slider_stays_where_it_was_put(site):
    page = site.open()
    page.evaluate("localStorage['remixd-flow'] = '1'")
    page.reload()
    page.wait_for_selector(".song")
    session = site.play(page)
    fader = page.locator("rx-fader[data-dimension=vocals]")
    fader.focus()
    fader.press("Home")
    with site.daemon.client() as client:
        assert client.session(session).mode == "directed"
        eventually(lambda: -60 < client.session(session).mix["vocals"] < -1)
    assert page.evaluate("document.querySelector('[data-dimension=vocals]').value") == -60


def test_a_song_that_is_made_ready_says_so_until_it_is_heard(site):
    page = site.open()
    caches = site.daemon.library / "cache"
    shutil.rmtree(next(folder for folder in caches.iterdir() if folder.is_dir()))
    os.kill(site.daemon.pid, signal.SIGSTOP)  # a fast machine has it ready before anybody grows impatient
    try:
        page.click(".song")
        page.wait_for_selector(".patience:not([hidden])")
        assert "ready" in page.locator(".patience").text_content()
    finally:
        os.kill(site.daemon.pid, signal.SIGCONT)
    until(page, PLAYS)
    page.wait_for_selector(".patience", state="hidden")


def test_a_browser_without_webcodecs_hears_samples(site):
    page = site.open("auto", "delete globalThis.AudioDecoder;")
    site.play(page)
    assert page.evaluate("remixdPage.sound.format") == "SAMPLE_FORMAT_F32"


def test_a_browser_that_keeps_nothing_plays_all_the_same(site):
    denied = "{ get() { throw new DOMException('denied', 'SecurityError'); } }"
    page = site.open(script="")
    context = page.context
    context.add_init_script(
        f"for (const kind of ['local', 'session']) Object.defineProperty(window, kind + 'Storage', {denied});"
    )
    bare = context.new_page()
    bare.goto(site.url)
    bare.wait_for_selector(".song")
    site.play(bare)


def test_a_hand_goes_on_after_the_line_was_lost_and_nothing_was_asked_meanwhile(site):
    page = site.open()
    session = site.play(page)
    page.wait_for_selector(".strips rx-fader")
    page.evaluate("remixdPage.seek(4)")
    page.evaluate("import('/static/ui/base.js').then(({remixd}) => { remixd.line.socket.close(); })")
    until(page, "document.querySelector('rx-connection').dataset.state === 'open'")
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Pause").click()
    with site.daemon.client() as client:
        eventually(lambda: client.session(session).decks[0].state != "playing")
    page.get_by_role("button", name="Play", exact=True).click()
    with site.daemon.client() as client:
        eventually(lambda: client.session(session).decks[0].state == "playing")


def test_a_song_that_is_chosen_while_another_opens_is_the_one_that_plays(site):
    page = site.open()
    first = site.play(page)
    until(page, "remixdPage.exporter.isAllowed")
    page.evaluate("""async () => {
      const { remixd } = await import("/static/ui/base.js");
      const create = remixd.sessions.create;
      remixd.sessions.create = async (...asked) => {
        await new Promise((resolve) => setTimeout(resolve, 800));
        return create(...asked);
      };
    }""")
    page.click(".song")
    page.locator("button.record").click()
    page.click(".song")
    session = until(page, f"{PLAYS} && remixdPage.session")
    assert session != first
    with site.daemon.client() as client:
        eventually(lambda: [each.id for each in client.sessions()] == [session])


def test_a_long_library_is_shown_on_demand(site):
    page = site.open()
    page.evaluate("""async () => {
      const { remixd } = await import("/static/ui/base.js");
      const whole = remixd.call.bind(remixd);
      remixd.call = async (method, asked) => {
        if (method !== "Tracks/ListTracks") return whole(method, asked);
        const from = Number(asked.pageToken || 0);
        const named = (_, at) => ({id: `t${from + at}`, title: `song ${from + at}`});
        const tracks = Array.from({length: 60}, named);
        return {tracks, nextPageToken: from < 60 ? String(from + 60) : ""};
      };
      remixdPage.library.load();
    }""")
    more = page.get_by_text("More songs")
    more.click()
    until(page, "document.querySelectorAll('.song').length === 120")
    titles = page.locator(".song-title").all_text_contents()
    assert titles == [f"song {at}" for at in range(120)]
    assert more.is_hidden()


def test_a_title_is_text_whatever_it_says(site):
    page = site.open()
    site.play(page)
    assert page.locator("h1:visible").text_content() == TITLE
    assert page.locator(".song-title").first.text_content() == TITLE
    assert page.locator("main img").count() == 0


def test_a_song_that_is_gone_is_told_in_words(site):
    page = site.open()
    page.evaluate("remixdPage.start({id: 'gone-00000000', title: 'Gone'})")
    page.wait_for_selector(".note.wrong")
    assert "choose another" in page.locator(".note.wrong").text_content()
    site.play(page)


def test_an_export_is_a_wav_of_what_played_meanwhile(site, tmp_path):
    page = site.open()
    site.play(page)
    page.click(".record")
    page.wait_for_timeout(1200)
    with page.expect_download() as waiting:
        page.click(".record")
    waiting.value.save_as(tmp_path / "out.wav")
    data = (tmp_path / "out.wav").read_bytes()
    assert data[:4] == b"RIFF"
    raw = np.frombuffer(data[44:], np.uint8).reshape(-1, 3).astype(np.int32)
    samples = ((raw[:, 0] << 8 | raw[:, 1] << 16 | raw[:, 2] << 24) >> 8) / 2**23
    left = samples[::2][9600:28800]
    for frequency_hz in STEMS_HZ.values():
        assert level(left, frequency_hz) == pytest.approx(0.2, rel=0.1)


def test_the_page_is_small_and_asks_nobody_else(site):
    page = site.open()
    asked: set[str] = set()
    page.on("request", lambda each: asked.add(each.url))
    page.reload()
    page.wait_for_selector(".song")
    site.play(page)
    page.wait_for_timeout(300)
    assert all(url.startswith(f"{site.url}/") for url in asked)
    files = [STATIC / path for url in asked if (path := url.partition("/static/")[2])]
    assert len(files) > 15
    assert sum(each.stat().st_size for each in [STATIC / "index.html", *files]) < 300_000


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (3840, 2160)])
def test_nothing_is_wider_than_the_screen_and_what_is_pressed_is_large_enough(site, width, height):
    page = site.open(viewport={"width": width, "height": height})
    site.play(page)
    page.wait_for_selector(".strips rx-fader")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "[...document.querySelectorAll('button, select, input[type=text], rx-fader, rx-knob, rx-pad')]"
        ".filter((each) => each.offsetParent && !each.matches('.undo'))"
        ".filter((each) => each.getBoundingClientRect().height < 43.5)"
        ".map((each) => each.className || each.tagName)"
    )
    assert small == []


def test_both_languages_have_every_word(site):
    page = site.open(locale="ko-KR")
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.locator("nav a").first.text_content() == "듣기"
    page.click("text=English")
    assert page.locator("nav a").first.text_content() == "Listen"
    missing = page.evaluate(
        "import('/static/words.js').then(({WORDS}) => Object.entries(WORDS).filter(([, row]) =>"
        " row.length !== 2 || row.some((word) => !word)).map(([key]) => key))"
    )
    assert missing == []


def test_bench_draws_what_was_counted(site):
    page = site.open()
    site.play(page)
    page.keyboard.press("Tab")
    fader = page.locator("rx-fader[data-dimension=bass]")
    fader.focus()
    fader.press("ArrowLeft")
    page.wait_for_timeout(500)
    bench = page.context.new_page()
    bench.goto(f"{site.url}/bench")
    until(bench, "document.querySelectorAll('.chart p')[0]?.textContent.includes('p95')")
    until(bench, "document.querySelector('.figures dd').textContent === '1'")
    until(bench, "document.querySelector('.worst li')?.textContent.includes('took')")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_wrong(site, axe, scheme):
    page = site.open(color_scheme=scheme)
    site.play(page)
    page.wait_for_selector(".strips rx-fader")
    page.evaluate(axe + "; 0")
    told = page.evaluate("axe.run().then((it) => JSON.stringify(it.violations.map((each) =>"
                         " [each.id, each.nodes.map((node) => node.html.slice(0, 120))])))")  # fmt: skip
    assert json.loads(told) == []
