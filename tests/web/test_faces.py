"""What all pages owe to eyes and fingers: axe-core finds nothing, all fits, and is large enough to be hit."""

from __future__ import annotations

import json

import pytest
from browsing import chromium, serving, shows, until

FANS = 60
READY = {
    "/": "document.querySelector('.song')",
    "/dj": "window.remixdConsole?.desk.status && window.remixdConsole.told",
    "/join": "document.querySelector('.crowd-row canvas')",
    "/bench": "document.querySelector('.figures')",
}
WRONG = """axe.run().then((it) => JSON.stringify(it.violations.map((each) =>
  [each.id, each.nodes.map((node) => node.html.slice(0, 120))])))"""
PRESSED = "button, select, input:not([type=checkbox]), label:has(input), rx-fader, rx-knob"
SMALL = f"""[...document.querySelectorAll('{PRESSED}')]
  .filter((it) => it.offsetParent && it.tabIndex >= 0 || it.matches('label'))
  .map((it) => [it.dataset.control || it.className || it.tagName, it.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 27).map(([name]) => name)"""
CUT = """[...document.querySelectorAll('button, .rx-told, .pick span')]
  .filter((it) => it.offsetParent && it.clientWidth > 1 && it.scrollWidth > it.clientWidth + 1)
  .map((it) => it.textContent)"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A crowd before one session, two decks of another, and a browser."""
    with (
        serving(tmp_path_factory.mktemp("faces")) as (daemon, site),
        daemon.client() as client,
        chromium() as browser,
    ):
        one, two = (track.id for track in client.tracks())
        crowd, hands = client.create_session(one, directed=True).id, client.create_session(one).id
        for fan in range(FANS):
            client.signal(crowd, {"drums": -18.0 if fan % 2 else 4.0, "tempo": 1.1}, fan=f"fan-{fan}")
        with client.console(crowd) as console:
            console.lock("pitch")
            console.take("space")
        with client.console(hands) as console:
            console.load("B", two)
            console.cue("A", 1, "set")
            console.loop("A", 4.0)
        until(lambda: client.session(hands).decks[1].state == "resting")
        yield browser, site, {"/dj": [f"?session={crowd}", f"?session={hands}"], "/join": [f"/{crowd}"]}


def opened(house, name, place, **options):
    """A page in a context of its own, once it shows what it has."""
    browser, site, _ = house
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.set_default_timeout(10_000)
    page.goto(f"{site}{name}{place}")
    if name == "/join":
        page.locator(".consent .strong").click()
    shows(page, READY[name])
    return page


def places(house, name):
    return house[2].get(name, [""])


@pytest.mark.parametrize("name", READY)
def test_axe_finds_nothing_wrong_dark_and_light_in_both_languages(house, axe, name):
    for place in places(house, name):
        page = opened(house, name, place, color_scheme="dark")
        page.evaluate(axe + "; 0")
        for language, scheme in (("en", "dark"), ("en", "light"), ("ko", "light")):
            page.emulate_media(color_scheme=scheme)
            if page.evaluate("document.documentElement.lang") != language:
                page.locator("[data-t='other-language']").click()
            assert json.loads(page.evaluate(WRONG)) == [], (place, language, scheme)
        page.context.close()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (3840, 2160)])
@pytest.mark.parametrize("name", ["/dj", "/join"])
def test_all_fits_and_a_finger_hits_it(house, name, width, height):
    for place in places(house, name):
        page = opened(house, name, place, viewport={"width": width, "height": height})
        for _ in ("en", "ko"):
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(SMALL) == []
            assert page.evaluate(CUT) == []
            page.locator("[data-t='other-language']").click()
        page.context.close()


def test_a_control_with_the_focus_is_never_behind_the_crossfader(house):
    page = opened(house, "/dj", places(house, "/dj")[1], viewport={"width": 1280, "height": 800})
    hidden = page.evaluate("""(() => [...remixdControls.values()].filter(({id, element}) => {
      if (!/^A[.]/.test(id) || !element.offsetParent || element.disabled) return false;
      scrollTo(0, 0);
      element.focus();
      const box = element.getBoundingClientRect();
      const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return !element.contains(at);
    }).map(({id}) => id))()""")
    assert hidden == []
    page.context.close()
