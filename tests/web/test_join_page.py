"""The page of a phone: nothing before consent, a wish that is heard, one session, forgotten when asked."""

from __future__ import annotations

import re

import pytest
import tokens
from browsing import chromium, serving, shows, until

from remixd.client import Client


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("join")
    secret = tokens.secret_file(folder)
    config = folder / "remixd.toml"
    config.write_text(f'[auth]\nhs256_secret_file = "{secret.name}"\n')
    with serving(folder, "--config", str(config)) as (daemon, site), chromium() as browser:
        token = tokens.hs256(scope="admin", sub="root")
        with Client(daemon.address, token=token) as client:
            yield client, site, browser


@pytest.fixture
def party(house):
    client, site, browser = house
    session = client.create_session(client.tracks()[0].id, directed=True).id
    link = client.join_link(session, site=site).link
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    context.set_default_timeout(10_000)
    yield client, session, link, context
    context.close()
    client.delete_session(session)


def joined(context, link, *, keeps=False):
    page = context.new_page()
    page.goto(link)
    if keeps:
        page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Join").click()
    page.get_by_role("button", name="Like").wait_for()
    return page


def test_nothing_is_told_and_nothing_is_kept_before_consent(party):
    _, _, link, context = party
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(link)
    page.get_by_role("button", name="Join").wait_for()
    assert not [url for url in asked if "/v1/" in url and "/v1/ws" not in url]
    assert page.evaluate("localStorage.length") == 0
    assert "#" not in page.url
    assert not [url for url in asked if "token" in url]


def test_a_wish_a_feeling_and_words_reach_the_session_as_one_fan(party):
    client, session, link, context = party
    page = joined(context, link)
    page.locator("rx-fader.of-drums").focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Like").click()
    page.get_by_placeholder(re.compile("Say it")).fill("more space")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Understood:").wait_for()
    until(
        lambda: client.session(session).fans == 1 and client.session(session).wanted.get("drums", 0.0) < -3.0
    )
    page.locator(".did .of-drums").wait_for()
    assert page.get_by_text("Shown once 50 take part").is_visible()
    assert page.evaluate("localStorage.getItem('remixd-fan')") is None


@pytest.mark.parametrize(
    ("hold", "release", "words"),
    [("take", "hand_back", "The DJ has this in hand"), ("lock", "lock", "The DJ has locked this")],
)
def test_a_dimension_that_the_dj_holds_is_told_on_the_phone_and_why(party, hold, release, words):
    client, session, link, context = party
    page = joined(context, link)
    with client.console(session) as console:
        getattr(console, hold)("bass")
        page.get_by_text(words).wait_for()
        page.locator("rx-fader.of-bass").focus()
        page.keyboard.press("Home")
        page.locator(".did .of-bass").get_by_text("the DJ holds it").wait_for()
        assert client.session(session).mix.get("bass", 0.0) == 0.0
        getattr(console, release)("bass", **({"on": False} if release == "lock" else {}))
        page.get_by_text(words).wait_for(state="hidden")
        until(lambda: client.session(session).mix["bass"] < -3.0)


def test_the_code_is_for_its_own_session_alone(party):
    client, _, link, context = party
    other = client.create_session(client.tracks()[0].id, directed=True).id
    try:
        page = context.new_page()
        page.goto(re.sub(r"/join/[^#]+", f"/join/{other}", link))
        page.get_by_role("button", name="Join").click()
        page.get_by_text("its code is too old").wait_for()
    finally:
        client.delete_session(other)


def test_who_said_so_is_known_again_and_then_forgotten_for_good(party):
    client, session, link, context = party
    page = joined(context, link, keeps=True)
    page.get_by_role("button", name="Like").click()
    page.get_by_text("Heard.").wait_for()
    handle = page.evaluate("localStorage.getItem('remixd-fan')")
    again = joined(context, link, keeps=True)
    assert again.evaluate("remixdFan.fan") == f"join:{handle}"
    again.get_by_role("button", name="Forget me").click()
    again.get_by_text("Forgotten: 1 wishes").wait_for()
    assert again.evaluate("localStorage.getItem('remixd-fan')") is None
    until(lambda: client.session(session).fans == 0)


def test_a_finger_that_holds_while_the_line_is_lost_is_heard_afterwards(party):
    client, session, link, context = party
    page = joined(context, link)
    shows(page, "remixdFan.line.line.socket")
    page.evaluate("remixdFan.line.line.socket.close()")
    page.evaluate("(() => { const it = remixdFan.faders.get('vocals'); it.held = true; it.move(-30); })()")
    until(lambda: client.session(session).wanted.get("vocals", 0.0) < -3.0)
