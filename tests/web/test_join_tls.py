"""Joining as it is beyond loopback: over TLS, with tokens, by a certificate that was made here."""

from __future__ import annotations

import pytest
import tokens
from browsing import chromium, serving, until

from remixd.client import Client


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    secret = tokens.secret_file(folder)
    authority = tokens.Authority(folder)
    certificate, key = authority.issue("server")
    config = folder / "remixd.toml"
    config.write_text(
        f'[auth]\nhs256_secret_file = "{secret.name}"\n'
        f'[tls]\ncertificate = "{certificate.name}"\nkey = "{key.name}"\n'
    )
    with serving(folder, "--config", str(config)) as (daemon, site), chromium() as browser:
        assert site.startswith("https://")
        admin = tokens.hs256(scope="admin", sub="root")
        with Client(daemon.address, token=admin, ca=authority.path) as client:
            yield client, site, browser


def test_a_phone_joins_over_tls_and_its_token_is_in_no_request_line(house):
    client, site, browser = house
    session = client.create_session(client.tracks()[0].id, directed=True).id
    invited = client.join_link(session, site=site)
    assert invited.link.startswith(f"{site}/join/{session}#token=")
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 360, "height": 740})
    context.set_default_timeout(10_000)
    try:
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append((request.url, request.headers.get("referer", ""))))
        page.on("websocket", lambda opened: asked.append((opened.url, "")))
        page.goto(invited.link)
        page.get_by_role("button", name="Join").click()
        page.locator("rx-fader.of-drums").focus()
        page.keyboard.press("Home")
        until(lambda: client.session(session).fans == 1)
        assert {url.partition(":")[0] for url, _ in asked} == {"https", "wss"}
        secret = invited.link.partition("token=")[2]
        assert not [each for each in asked if secret in "".join(each)]
    finally:
        context.close()
        client.delete_session(session)
