"""The DJ's console when things go wrong, and by keys alone; what it sounds is the daemon's mix."""

from __future__ import annotations

import shutil

import pytest
from browsing import chromium, off_by, serving, shows, until
from proxies import Proxy

from remixd.bench.browsers import free_port

FADER = "remixdControls.get('A.{}').element"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A daemon whose web keeps its port, and a line to it that can be cut."""
    port = free_port()
    folder = tmp_path_factory.mktemp("survives")
    with serving(folder, web=f"127.0.0.1:{port}") as (daemon, site), chromium() as browser:
        yield daemon, site, port, browser


class Room:
    """One session of two decks, and consoles of it."""

    def __init__(self, daemon, site, port, browser):
        self.daemon, self.site, self.port = daemon, site, port
        self.context = browser.new_context(viewport={"width": 1280, "height": 1500})
        self.context.set_default_timeout(10_000)
        with daemon.client() as client:
            self.tracks = {track.title: track.id for track in client.tracks()}
            self.session = client.create_session(self.tracks["one"]).id
            with client.console(self.session) as console:
                console.load("B", self.tracks["two"])
        until(lambda: self.deck("B").state == "resting")

    def open(self, *, site="", script=""):
        page = self.context.new_page()
        if script:
            page.add_init_script(script)
        page.goto(f"{site or self.site}/dj?session={self.session}")
        shows(page, "!!window.remixdConsole?.desk.status")
        return page

    def deck(self, name):
        with self.daemon.client() as client:
            return next(deck for deck in client.session(self.session).decks if deck.name == name)


@pytest.fixture
def room(house):
    it = Room(*house)
    yield it
    it.context.close()
    with it.daemon.client() as client:
        client.delete_session(it.session)


def grab(page, name):
    """Put the mouse on the thumb of a fader of deck A, and press."""
    box = page.locator(f"[data-control='A.{name}'] .rx-track").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    return box


def drag(page, box, share):
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - share), steps=4)


def test_a_drag_goes_on_while_the_line_is_cut_and_its_last_place_arrives(room):
    proxy = Proxy(("127.0.0.1", room.port))
    try:
        page = room.open(site=f"http://{proxy.address}")
        box = grab(page, "fader")
        drag(page, box, 0.6)
        before = page.evaluate(f"{FADER.format('fader')}.value")
        assert before < -4
        until(lambda: room.deck("A").channel["fader"] == pytest.approx(before, abs=0.1))
        proxy.stop()
        shows(page, "!remixdConsole.lost.hidden")
        drag(page, box, 0.3)
        held = page.evaluate(f"{FADER.format('fader')}.value")
        assert held < before - 5
        assert room.deck("A").channel["fader"] == pytest.approx(before, abs=0.2)
        proxy = Proxy(("127.0.0.1", room.port), listen=proxy.address)
        until(lambda: room.deck("A").channel["fader"] == pytest.approx(held, abs=0.1))
        page.mouse.up()
        assert page.evaluate(f"{FADER.format('fader')}.value") == pytest.approx(held, abs=0.1)
    finally:
        proxy.stop()


def test_after_the_daemon_came_back_the_same_decks_are_under_the_hand(room):
    page = room.open()
    box = grab(page, "fader")
    drag(page, box, 0.6)
    room.daemon.process.kill()
    room.daemon.process.wait()
    shows(page, "!remixdConsole.lost.hidden")
    drag(page, box, 0.4)
    held = page.evaluate(f"{FADER.format('fader')}.value")
    assert held < -8
    room.daemon.kill()
    until(lambda: room.deck("A").channel["fader"] == pytest.approx(held, abs=0.1), 20)
    page.mouse.up()
    shows(page, "remixdConsole.lost.hidden")
    page.locator("[data-control='B.play']").click()
    until(lambda: room.deck("B").state == "playing")
    page.locator("[data-control='B.play'][aria-pressed=true]").wait_for()


def test_a_song_that_was_deleted_meanwhile_is_told_in_words(room, tmp_path):
    song = tmp_path / "three"
    page = room.open()
    shutil.copytree(room.daemon.library.parent / "one", song)
    (song / "bass.wav").unlink()
    with room.daemon.client() as client:
        gone = client.import_track(song).id
        client.edit_track(gone, title="soon gone")
        page.get_by_label("Title, artist").fill("soon")
        load = page.get_by_role("button", name="Load soon gone onto deck C")
        load.wait_for()
        client.delete_track(gone)
    load.click()
    page.locator(".note.wrong").get_by_text(f"there is no track '{gone}'").wait_for()
    assert room.deck("C").state == "empty"


@pytest.mark.parametrize(
    ("script", "kind", "off"),
    [("", "SAMPLE_FORMAT_OPUS", 0.05), ("delete globalThis.AudioDecoder;", "SAMPLE_FORMAT_F32", 0.01)],
)
def test_hear_it_here_plays_the_daemons_mix_with_and_without_webcodecs(room, script, kind, off):
    page = room.open(script=script)
    page.get_by_role("button", name="Hear it here").click()
    shows(page, "remixdConsole.sound?.state?.isPlaying")
    assert page.evaluate("remixdConsole.sound.format") == kind
    assert off_by(room.daemon, room.session, page, "remixdConsole") < off
    page.get_by_role("button", name="Hear it here").click()
    shows(page, "!remixdConsole.sound.state?.isPlaying")


WATCHED = """(() => {
  window.reached = new Set();
  window.moved = new Set();
  const id = (event) => event.target.closest?.('[data-control]')?.dataset.control;
  addEventListener('focusin', (event) => reached.add(id(event)));
  for (const kind of ['input', 'click']) addEventListener(kind, (event) => moved.add(id(event)), true);
})()"""
QUIET = """for (const it of remixdControls.values()) it.element.addEventListener('click',
  (event) => event.stopImmediatePropagation(), true)"""


def test_each_control_is_reached_by_tab_and_moved_by_keys(room):
    """Of one deck: the others are made alike. A press is caught before it acts, so that all stay enabled."""
    page = room.open()
    page.evaluate(WATCHED)
    page.evaluate(QUIET)
    wanted = page.evaluate("""[...remixdControls.values()].filter(({id, element}) => !/^[BCD][.]/.test(id)
      && element.offsetParent && !element.disabled).map(({id}) => id)""")
    assert len(wanted) > 50
    page.locator(".skip-link").focus()
    for _ in range(400):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.dataset.control ?? document.activeElement.tagName")
        if at == "BODY":
            break
        if at in wanted:
            is_slider = page.evaluate("document.activeElement.role === 'slider'")
            page.keyboard.press(("ArrowDown" if at != "A.send" else "ArrowUp") if is_slider else "Enter")
            if is_slider:
                page.keyboard.press("ArrowUp")
    reached, moved = page.evaluate("[[...reached], [...moved]]")
    assert set(wanted) - set(reached) == set()
    assert set(wanted) - set(moved) == set()


def test_bends_in_quick_succession_leave_the_tempo_as_it_was(room):
    page = room.open()
    for key in ("Comma", "Period") * 6:
        page.keyboard.down(key)
        page.wait_for_timeout(120)
        page.keyboard.up(key)
        shows(page, f"{FADER.format('tempo')}.value !== 1 || performance.now() % 60 < 10")  # still as it was
    page.wait_for_timeout(1000)
    assert room.deck("A").tempo == pytest.approx(1.0, abs=1e-6)


def test_every_key_of_the_sheet_presses_its_control(room):
    page = room.open()
    keys = page.evaluate("""(() => {
      window.pressed = [];
      const own = [...remixdControls.values()]
        .filter(({id, key, press}) => key && press && !/^[BCD][.]/.test(id));
      for (const it of own) it.press = () => pressed.push(it.id);
      return own.map(({id, key}) => [id, key]);
    })()""")
    assert len(keys) > 30
    bends = {"A.slower", "A.faster"}
    for control, key in keys:
        page.evaluate("pressed.length = 0")
        page.keyboard.press(key)
        if control not in bends:
            assert page.evaluate("pressed") == [control], key
    page.keyboard.down("Period")
    until(lambda: room.deck("A").tempo > 1.01)
    page.keyboard.up("Period")
    until(lambda: room.deck("A").tempo == pytest.approx(1.0, abs=1e-3))
