"""The module for browsers: its tables are the descriptors', and it works in a browser and in Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import chromium
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from serving import when_heard
from shelves import TRACK

from remixd.api.auth import LOCAL, Gate
from remixd.api.server import DESCRIPTORS
from remixd.web.pages import STATIC

MODULE = STATIC / "remixd.js"
WHOLE = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64}
SMALL = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32}


def exported(name: str) -> Any:
    """A table of the module; it is JSON but for trailing commas, and `new Set(...)`."""
    text = MODULE.read_text("utf-8")
    body = re.search(rf"export const {name} = (?:new Set\()?([\[{{].*?[\]}}])\)?;\n", text, re.DOTALL).group(
        1
    )
    body = re.sub(r",(\s*[\]}])", r"\1", re.sub(r"^(\s+)(\w+):", r'\1"\2":', body, flags=re.MULTILINE))
    return json.loads(body)


def is_repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


def within(message: Descriptor, seen: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """A message and all that it can hold."""
    if message.full_name not in seen:
        seen[message.full_name] = message
        for field in message.fields:
            if field.message_type is not None:
                within(field.message_type, seen)
    return seen


def test_every_method_and_field_is_one_of_the_protos():
    for name, (asked, read) in exported("METHODS").items():
        service, method = name.split("/")
        found = DESCRIPTORS[service].methods_by_name[method]
        assert set(asked) <= {field.json_name for field in found.input_type.fields}, name
        assert set(read) <= {field.json_name for field in found.output_type.fields}, name


def test_every_method_that_is_called_is_in_the_table():
    text = MODULE.read_text("utf-8").partition("export const ENUMS")[2]
    called = set(re.findall(r'"([A-Z]\w+/[A-Z]\w+)"', text))
    assert called == set(exported("METHODS"))


def test_every_value_of_an_enumeration_is_one_of_the_protos_and_none_is_missing():
    known = {
        name: {value.name for value in enum.values if value.number}
        for service in DESCRIPTORS.values()
        for method in service.methods
        for message in (method.input_type, method.output_type)
        for each in within(message, {}).values()
        for field in each.fields
        if (enum := field.enum_type) is not None
        for name in (enum.name,)
    }
    for name, values in exported("ENUMS").items():
        assert set(values) <= known[name], name
    assert set(exported("ENUMS")["Reaction"]) == known["Reaction"]


def test_exactly_those_fields_become_numbers_that_are_64_bit_integers():
    names = set(exported("INT64"))
    for method in exported("METHODS"):
        service, _, name = method.partition("/")
        output = DESCRIPTORS[service].methods_by_name[name].output_type
        for message in within(output, {}).values():
            for field in message.fields:
                single = not is_repeated(field)
                if field.type in WHOLE and message.full_name.startswith("remixd."):
                    assert single, f"{field.full_name}: a list of them is not read as numbers"
                    assert field.json_name in names, field.full_name
                elif field.json_name in names and single:
                    assert field.type in SMALL, field.full_name


class Chromium:
    """A page of the daemon's own site."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def run(self, web: Any, script: str) -> Any:
        page = self._browser.new_page()
        try:
            page.goto(f"http://{web.at}/static/remixd.js")
            url = f"http://{web.at}/"
            return page.evaluate(
                "(async () => { const m = await import('/static/remixd.js');"
                f"const url = {url!r}; {script} }})()"
            )
        finally:
            page.close()


class Node:
    """Node, which has had WebSockets since 20.10."""

    def __init__(self, program: str) -> None:
        self._program = program

    def run(self, web: Any, script: str) -> Any:
        code = (
            f"const m = await import('data:text/javascript;base64,' + (await import('node:fs'))"
            f".readFileSync({str(MODULE)!r}).toString('base64')); const url = 'http://{web.at}/';"
            f"const told = await (async () => {{ {script} }})();"
            "console.log(JSON.stringify(told)); process.exit(0);"
        )
        done = subprocess.run(
            [self._program, "--experimental-websocket", "--input-type=module", "-e", code],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["chromium", "node"])
def place(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Where the module runs."""
    if request.param == "node":
        node = shutil.which("node")
        asked = [node, "-p", "process.versions.node.split('.')[0]"]
        if not node or int(subprocess.run(asked, capture_output=True, check=True).stdout) < 20:
            pytest.skip("no Node that has WebSockets")
        yield Node(node)
        return
    with chromium() as browser:
        yield Chromium(browser)


def meanwhile(act: Callable[[], bool]) -> None:
    """Do something on the side until it says that it is done."""

    def work() -> None:
        until = time.monotonic() + 10
        while not act() and time.monotonic() < until:
            time.sleep(0.005)

    threading.Thread(target=work, daemon=True).start()


def test_sessions_are_made_found_and_ended(web, place):
    told = place.run(web, f"""
        const remixd = new m.Remixd(url);
        const made = await remixd.sessions.create({TRACK!r}, {{mode: m.ENUMS.SessionMode[1]}});
        await remixd.sessions.panic(made.id);
        const tracks = await remixd.tracks.list({{text: "song"}});
        const listed = await remixd.sessions.list();
        await remixd.sessions.delete(made.id);
        const left = await remixd.sessions.list();
        let error = null;
        try {{ await remixd.sessions.get(made.id); }} catch (caught) {{ error = caught; }}
        let wrong = null;
        const speaker = {{sink: "speaker"}};
        try {{ await remixd.sessions.create({TRACK!r}, speaker); }} catch (caught) {{ wrong = caught; }}
        remixd.close();
        return [made.enginePid, tracks.length, listed.length, left.length, error.code, wrong.field];
    """)  # fmt: skip
    assert told == [4242, 2, 1, 0, "NOT_FOUND", "sink"]


def test_signals_go_in_batches_and_each_has_its_own_answer(web, place):
    session = web.create()
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        const signals = remixd.signals("s-1");
        const all = [];
        for (let n = 0; n < 100; n += 1) all.push(signals.wish({drums: -n / 10}, {id: `a${n}`}));
        all.push(signals.react("like", {fan: "ann"}));
        const answers = await Promise.all(all);
        remixd.close();
        return [answers.length, answers[99].id, answers.every((each) => each.accepted)];
    """,
    )
    assert told == [101, "a99", True]
    assert [signal.wishes.get("drums") for signal in session.received[:3]] == [-0.0, -0.1, -0.2]
    page = web.observer.metrics.page().decode()
    calls = re.search(r'remixd_rpc_total{.*"Audience/SendSignals".*} (\d+)', page).group(1)
    assert int(calls) == 2


def test_a_watch_tells_how_it_stands_and_what_became_of_a_signal(web, place):
    web.create()
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        const found = [];
        for await (const event of remixd.watch("s-1")) {
          if (event.status) remixd.signals("s-1").wish({vocals: -18}, {id: "mine"});
          found.push(Object.keys(event)[0]);
          if (event.applied) {
            found.push(event.applied.id, event.applied.lateFrames);
            break;
          }
        }
        remixd.close();
        return found;
    """,
    )
    assert told[0] == "status"
    assert told[-3:] == ["applied", "mine", 3]


def test_a_watch_goes_on_after_the_connection_was_lost(web, place):
    session = web.create()
    closed = []

    def cut() -> bool:
        if session.watchers and not closed:
            closed.append(web.wait(web.gateway.close("a test")))
        return bool(closed)

    meanwhile(cut)
    told = place.run(
        web,
        """
        const states = [];
        const remixd = new m.Remixd(url, {onState: (state) => states.push(state)});
        const found = [];
        for await (const event of remixd.watch("s-1")) {
          found.push(Object.keys(event)[0]);
          if (found.length === 3) break;
        }
        remixd.close();
        return [found, states];
    """,
    )
    assert told == [["status", "resumed", "status"], ["open", "waiting", "open"]]


def test_what_only_reads_is_asked_again_after_the_connection_was_lost(web, place):
    web.create()
    told = place.run(
        web,
        f"""
        let cuts = 0;
        class Fickle extends WebSocket {{
          send(data) {{
            if (cuts && data.includes("method")) {{ cuts -= 1; this.close(); }} else super.send(data);
          }}
        }}
        const remixd = new m.Remixd(url, {{WebSocket: Fickle}});
        cuts = 2;
        const track = await remixd.tracks.get({TRACK!r});
        const listed = await remixd.sessions.list();
        cuts = 1;
        let error = null;
        try {{ await remixd.sessions.create({TRACK!r}); }} catch (caught) {{ error = caught; }}
        const after = await remixd.sessions.list();
        cuts = 1;
        const made = await remixd.sessions.create({TRACK!r}, {{requestId: m.newId()}});
        remixd.close();
        return [track.id, listed.length, error.code, after.length, made.id];
    """,
    )
    assert told == [TRACK, 1, "UNAVAILABLE", 1, "s-2"]


def test_packets_are_heard_as_they_are(web, place):
    session = web.create()
    thread = when_heard(web, session, lambda: session.play(3, level=0.25))
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        const found = [];
        for await (const packet of remixd.listen("s-1")) {
          found.push([packet.sample, packet.lengthFrames, packet.pcm.length,
                      packet.pcm.every((each) => each === 0.25)]);
          if (found.length === 3) break;
        }
        remixd.close();
        return found;
    """,
    )
    thread.join(5)
    assert told == [[0, 480, 960, True], [480, 480, 960, True], [960, 480, 960, True]]


def test_who_takes_packets_too_slowly_skips_and_is_told(web, place):
    session = web.create()
    thread = when_heard(web, session, lambda: session.play(45) or web.loop.call_later(0.05, session.play, 45))
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        const packets = remixd.listen("s-1")[Symbol.asyncIterator]();
        await packets.next();
        await new Promise((resolve) => setTimeout(resolve, 500));
        let frames = 480, skipped = 0;
        for (let n = 0; n < 50; n += 1) {
          const packet = (await packets.next()).value;
          frames += packet.lengthFrames;
          skipped += packet.skippedFrames;
        }
        remixd.close();
        return [frames + skipped, skipped > 0];
    """,
    )
    thread.join(5)
    assert told == [90 * 480, True]


def test_a_console_answers_each_command_and_tells_what_became_of_it(web, place):
    session = web.create()
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        const decks = remixd.console("s-1");
        const answer = await decks.perform({deck: "A", seek: {positionS: 2.5}, at: m.ENUMS.When[2]});
        let applied = null;
        for await (const event of decks.events) if (event.applied) { applied = event.applied; break; }
        remixd.close();
        return [answer.accepted, applied.id === answer.id];
    """,
    )
    assert told == [True, True]
    assert (session.performed[0].action.value, session.performed[0].at) == (2.5, "bar")


def test_a_token_is_sent_first(web, place, monkeypatch):
    seen = []
    monkeypatch.setattr(Gate, "admit", lambda _gate, _method, bearer, _peer: seen.append(bearer) or LOCAL)
    place.run(
        web,
        """
        const remixd = new m.Remixd(url, {token: "a-token"});
        await remixd.sessions.list();
        remixd.close();
        return 0;
    """,
    )
    assert seen == ["Bearer a-token"]


def test_opus_comes_with_what_a_decoder_needs(web, place):
    session = web.create()

    def play() -> bool:
        web.run(session.play, 2)
        return not web.sessions.held

    meanwhile(play)
    told = place.run(
        web,
        """
        const remixd = new m.Remixd(url);
        let found = null;
        for await (const packet of remixd.listen("s-1", {format: "SAMPLE_FORMAT_OPUS"})) {
          found = [new TextDecoder().decode(packet.format.codecHeader.slice(0, 8)), packet.format.codecFrames,
                   packet.encoded.length, packet.encoded[0].length > 0, packet.pcm.length];
          break;
        }
        remixd.close();
        return found;
    """,
    )
    web.run(web.start_over)
    assert told == ["OpusHead", 960, 1, True, 0]
