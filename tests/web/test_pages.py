"""The pages' files, what a browser may do with them, and sessions whose pages go."""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections.abc import Callable

import pytest

from remixd.api.server import DESCRIPTORS
from remixd.web import leaving
from remixd.web.pages import PAGES, STATIC

SCRIPTS = sorted(STATIC.rglob("*.js"))
PAGE_SCRIPTS = [script for script in SCRIPTS if script.name != "remixd.js"]
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
SAID = (
    r'\bt: "([^"]+)"', r'\bt\("([^"]+)"', r'\btLabel: "([^"]+)"', r'\btHint: "([^"]+)"',
    r'say\([^,]+, "([^"]+)"',
)  # fmt: skip


def text_of(web, path: str) -> str:
    status, body = web.ask(path)
    assert status == 200
    return body


@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_page_brings_no_script_or_style_of_its_own_and_asks_nobody_else(web, path):
    page = text_of(web, path)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://|//\w", page)
    for file in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert web.ask(file)[0] == 200, file


def test_every_answer_tells_the_browser_to_run_nothing_from_elsewhere(web):
    for path in (*PAGES, "/static/remixd.js", "/healthz", "/nowhere"):
        connection = http.client.HTTPConnection(web.at.host, web.at.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        policy = answer.getheader("content-security-policy")
        assert policy.startswith("default-src 'self';"), path
        assert "unsafe" not in policy
        assert answer.getheader("x-content-type-options") == "nosniff"
        connection.close()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text(script):
    assert not re.search(MARKUP, script.read_text("utf-8"))


def test_every_method_that_a_page_calls_is_one_of_the_protos():
    called = re.compile(r'"([A-Z]\w+)/([A-Z]\w+)"(?:, \{([^{}]*)\})?')
    found = [
        (script.name, *each) for script in PAGE_SCRIPTS for each in called.findall(script.read_text("utf-8"))
    ]
    assert len(found) > 4
    for name, service, method, asked in found:
        takes = DESCRIPTORS[service].methods_by_name[method].input_type
        fields = re.sub(r'"[^"]*"', "", asked).split(",")
        keys = {part.split(":")[0].strip() for part in fields if part.strip()}
        assert keys <= {field.json_name for field in takes.fields}, f"{name}: {service}/{method}"


def test_every_word_that_is_said_is_in_the_table():
    table = set(re.findall(r'^  "([\w.-]+)": \[', (STATIC / "words.js").read_text("utf-8"), re.MULTILINE))
    said = {
        word
        for script in SCRIPTS
        for pattern in SAID
        for word in re.findall(pattern, script.read_text("utf-8"))
    }
    assert len(said) > 30
    assert said <= table


def eventually(check: Callable[[], object]) -> None:
    end_s = time.monotonic() + 5
    while not check():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def is_there(web) -> bool:
    return web.ask("/v1/Sessions/GetSession", {"session": "s-1"})[0] == 200


def test_a_session_whose_page_went_ends_after_a_while(web, monkeypatch):
    monkeypatch.setattr(leaving, "STAY_S", 0.15)
    web.create()
    assert web.ask("/v1/leave", {"session": "s-1"})[0] == 200
    assert is_there(web)
    eventually(lambda: not is_there(web))


def test_a_page_that_comes_back_keeps_its_session(web, monkeypatch):
    monkeypatch.setattr(leaving, "STAY_S", 0.15)
    web.create()
    web.ask("/v1/leave", {"session": "s-1"})
    assert web.ask("/v1/stay", {"session": "s-1"})[0] == 200
    time.sleep(0.4)
    assert is_there(web)


def test_a_session_lasts_as_long_as_one_of_its_pages(web, monkeypatch):
    monkeypatch.setattr(leaving, "STAY_S", 0.1)
    web.create()
    web.ask("/v1/leave", {"session": "s-1"})  # of the test before, whose session had this name
    for page in ("one", "two"):
        web.ask("/v1/stay", {"session": "s-1", "page": page})
    web.ask("/v1/leave", {"session": "s-1", "page": "one"})
    time.sleep(0.3)
    assert is_there(web)
    web.ask("/v1/leave", {"session": "s-1", "page": "two"})
    eventually(lambda: not is_there(web))


async def test_nobody_keeps_or_ends_what_another_holds(monkeypatch):
    monkeypatch.setattr(leaving, "STAY_S", 0.02)
    ended = []

    def end_by(who):
        async def end() -> None:
            ended.append(who)

        return end

    pages = leaving.Leaving()
    pages.leave("s-1", "owner", "a", end_by("owner"))
    pages.stay("s-1", "fan", "b")
    pages.leave("s-1", "fan", "b", end_by("fan"))
    await asyncio.sleep(0.1)
    assert sorted(ended) == ["fan", "owner"]


@pytest.mark.parametrize("path", ["/v1/leave", "/v1/stay"])
def test_a_page_of_no_session_is_told_so(web, path):
    assert web.ask(path, {"session": "s-9"})[0] == 404
    assert web.ask(path, {})[0] == 400
    web.create()
    assert web.ask(path, {"session": "s-1", "page": "x" * 65})[0] == 400
    assert web.ask(path, {"session": "s-1", "page": 7})[0] == 400
    assert web.ask(path, [])[0] == 400
