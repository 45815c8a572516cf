"""The DJ's console in a browser: what hands do is done, shown everywhere and not lost."""

from __future__ import annotations

import math

import pytest
from browsing import chromium, serving, shows, until

FADER = "remixdControls.get('{}').element"
HOLD = """(async ([id, value]) => {
  const it = remixdControls.get(id).element;
  it.held = true; it.move(value);
})"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with (
        serving(tmp_path_factory.mktemp("console")) as (daemon, site),
        daemon.client() as client,
        chromium() as browser,
    ):
        yield client, site, browser


class Room:
    """One session, and consoles of it."""

    def __init__(self, client, site, browser, *, directed=False):
        self.client, self.site, self.browser = client, site, browser
        self.tracks = {track.title: track.id for track in client.tracks()}
        self.session = client.create_session(self.tracks["one"], directed=directed).id
        self.errors = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(10_000)

    def open(self, script=""):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        if script:
            page.add_init_script(script)
        page.goto(f"{self.site}/dj?session={self.session}")
        shows(page, "!!window.remixdConsole?.desk.status")
        return page

    def deck(self, name):
        return next(deck for deck in self.client.session(self.session).decks if deck.name == name)

    def channel(self, deck, name="fader"):
        return self.deck(deck).channel[name]


@pytest.fixture
def room(house):
    it = Room(*house)
    yield it
    it.context.close()
    it.client.delete_session(it.session)
    assert not it.errors


def press(page, name):
    page.locator(f"[data-control='{name}']").click()


def test_a_song_is_loaded_played_muted_and_looped_from_the_page(room):
    page = room.open()
    page.get_by_role("button", name="Load two onto deck B").click()
    until(lambda: room.deck("B").track == room.tracks["two"] and room.deck("B").state == "resting")
    page.keyboard.press("2")
    page.keyboard.press("Space")
    until(lambda: room.deck("B").state == "playing")
    press(page, "B.mute.vocals")
    press(page, "B.loop")
    until(lambda: room.deck("B").muted == ("vocals",) and room.deck("B").loop_s)
    start_s, end_s = room.deck("B").loop_s
    assert end_s - start_s == pytest.approx(2.0, abs=0.01)
    press(page, "B.half")
    until(lambda: room.deck("B").loop_s[1] - room.deck("B").loop_s[0] == pytest.approx(1.0, abs=0.01))
    page.wait_for_selector("[data-control='B.mute.vocals'][aria-pressed=true]")


def test_two_pages_show_the_same_and_the_hand_wins_where_it_is(room):
    one, other = room.open(), room.open()
    one.evaluate(HOLD, ["A.fader", -12.0])
    shows(other, f"Math.abs({FADER.format('A.fader')}.value + 12) < 0.2")
    room_fader = FADER.format("A.fader")
    other.evaluate(HOLD, ["A.fader", -3.0])
    until(lambda: room.channel("A") == pytest.approx(-3.0, abs=0.1))
    shows(one, "Math.abs(remixdConsole.desk.deck('A').channel.fader + 3) < 0.2")
    one.wait_for_timeout(700)
    assert one.evaluate(f"{room_fader}.value") == pytest.approx(-12.0, abs=0.1)
    one.evaluate(f"{room_fader}.held = false")
    shows(one, f"Math.abs({room_fader}.value + 3) < 0.2")


@pytest.mark.parametrize("moved_db", [-20.0, None])
def test_a_hand_that_holds_while_the_line_is_lost_counts_afterwards_whatever_others_did(room, moved_db):
    page = room.open()
    page.evaluate(HOLD, ["A.low", -6.0])
    until(lambda: room.channel("A", "low") == pytest.approx(-6.0, abs=0.1))
    page.evaluate("remixdConsole.desk.console.line.socket.close()")
    shows(page, "!remixdConsole.desk.console")
    assert page.get_by_text("line to the decks is lost").is_visible()
    with room.client.console(room.session) as other:
        other.eq("A", "low", -40.0)
    until(lambda: room.channel("A", "low") == pytest.approx(-40.0, abs=0.2))
    if moved_db is not None:
        page.evaluate(HOLD, ["A.low", moved_db])
    until(lambda: room.channel("A", "low") == pytest.approx(moved_db or -6.0, abs=0.2))
    shows(page, "remixdConsole.lost.hidden")


def test_the_crossfader_keeps_the_power_of_both_decks(room):
    page = room.open()
    for at in (0.2, 0.5, 0.8):
        page.evaluate(HOLD, ["cross", at])
        wanted = math.tan(at * math.pi / 2)

        def gains():
            return [10 ** (room.channel(deck) / 20) for deck in ("A", "B")]

        until(lambda wanted=wanted: gains()[1] / gains()[0] == pytest.approx(wanted, rel=0.03))
        assert sum(gain**2 for gain in gains()) == pytest.approx(2.0, rel=0.03)


def test_what_cannot_be_done_is_told_in_words(room):
    page = room.open()
    page.wait_for_selector("[aria-label='Load two onto deck C']")
    page.evaluate("""remixdConsole.load('C', {id: 'no-such-song'})""")
    page.get_by_text("there is no track 'no-such-song'").wait_for()
    page.goto(f"{room.site}/dj?session=s-gone")
    page.get_by_text("It is no longer there").wait_for()
    room.errors.clear()


def test_a_title_is_text_whatever_it_says(room):
    title = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
    room.client.edit_track(room.tracks["two"], title=title)
    try:
        page = room.open()
        page.evaluate(f"remixdConsole.load('B', {{id: '{room.tracks['two']}'}})")
        page.locator("section[data-deck='B'] h2").get_by_text(title, exact=True).wait_for()
        assert page.evaluate("[document.images.length, window.hurt ?? null]") == [0, None]
    finally:
        room.client.edit_track(room.tracks["two"], title="two")


def test_every_control_has_a_name_and_a_key_reaches_it(room):
    page = room.open()
    nameless = page.evaluate("""[...document.querySelectorAll('button, select, input, [role=slider]')]
      .filter((it) =>
      !(it.getAttribute('aria-label') || it.textContent.trim() || it.labels?.length)).length""")
    unreachable = page.evaluate("""[...remixdControls.values()].filter(({element}) =>
      element.tabIndex < 0 && !element.hasAttribute('disabled')).map(({id}) => id)""")
    assert (nameless, unreachable) == (0, [])
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Choose a deck").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.press("ArrowDown")
    until(lambda: room.channel("A") < -0.05)
    keys = page.evaluate("""[...remixdControls.values()]
      .filter(({id, key}) => key && !/^[BCD][.]/.test(id)).map(({key}) => key)""")
    assert len(set(keys)) == len(keys)


MIDI = """
window.ports = {{}};
navigator.requestMIDIAccess = async () => {{
  const input = {{name: {name!r}}};
  window.midi = (...bytes) => input.onmidimessage({{data: new Uint8Array(bytes)}});
  return {{inputs: new Map([['1', input]])}};
}};
"""


def test_a_known_controller_moves_decks_and_its_fader_takes_hold_when_it_comes_past(room):
    page = room.open(MIDI.format(name="Akai APC MINI MIDI 1"))
    page.get_by_role("button", name="Use MIDI").click()
    page.get_by_text("In use: Akai APC MINI").wait_for()
    page.evaluate("midi(0xB0, 48, 10)")
    page.evaluate("midi(0xB0, 48, 20)")
    assert room.channel("A") == pytest.approx(0.0, abs=0.1)
    page.evaluate("midi(0xB0, 48, 110)")
    page.evaluate("midi(0xB0, 48, 64)")
    until(lambda: room.channel("A") < -6.0)
    page.evaluate("midi(0x90, 48, 127)")
    until(lambda: room.deck("A").state == "resting")


def test_a_control_is_learnt_and_still_known_after_a_reload(room):
    page = room.open(MIDI.format(name="A Box"))
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("Touch a control").wait_for()
    page.locator("[data-control='A.filter']").click()
    page.evaluate("midi(0xB0, 7, 64)")
    page.get_by_text("Learnt: A · Filter").wait_for()
    page.reload()
    shows(page, "!!window.remixdConsole?.desk.status")
    page.get_by_role("button", name="Use MIDI").click()
    page.get_by_text("In use: A Box").wait_for()
    page.evaluate("midi(0xB0, 7, 64)")
    page.evaluate("midi(0xB0, 7, 96)")
    until(lambda: room.channel("A", "filter") > 0.3)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("navigator.requestMIDIAccess = async () => { throw new DOMException('denied', 'SecurityError'); };",
         "MIDI was refused: allow it"),
        ("Object.defineProperty(navigator, 'requestMIDIAccess', {value: undefined});", "no Web MIDI"),
    ],
)  # fmt: skip
def test_midi_that_is_not_to_be_had_is_told(room, script, words):
    page = room.open(script)
    page.get_by_role("button", name="Use MIDI").click()
    page.get_by_text(words).wait_for()


def test_the_crowd_is_shown_and_a_dimension_is_locked_taken_and_handed_back(house):
    room = Room(*house, directed=True)
    try:
        page = room.open()
        drums = page.locator(".vote[data-dimension='drums']")
        for fan in range(6):
            room.client.signal(room.session, {"drums": -18.0 if fan % 2 else 4.0}, fan=f"fan-{fan}")
        drums.get_by_text("6 want something").wait_for()
        for name, held in (("Lock", "locked"), ("Take", "dj"), ("Hand back", None)):
            drums.get_by_role("button", name=name, exact=True).click()
            until(lambda held=held: room.client.session(room.session).authority.get("drums") == held)
    finally:
        room.context.close()
        room.client.delete_session(room.session)
    assert not room.errors
