"""The flow, one way: signal, audience, taste, goal, plan, command, kernel, sink; report, receipt, why."""

from __future__ import annotations

import functools
import tomllib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from importlinter.cli import lint_imports
from processes import SONG_S, STEMS_HZ

from remixd.api import audience_convert
from remixd.api.server import Server
from remixd.audience.audience import Audience
from remixd.audience.taste import Tastes
from remixd.client import Applied, AsyncClient, Session
from remixd.config import Address
from remixd.control.census import Censuses
from remixd.control.ingest import import_path
from remixd.control.metrics import Metrics
from remixd.control.receipts import Receipts
from remixd.control.sessions import Sessions
from remixd.control.streams import Watcher
from remixd.control.supervisor import Supervisor
from remixd.director.planner import Director
from remixd.track.library import Library
from remixd.units import RATE_HZ

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
FLOW = (
    ("signal", audience_convert, "signals_from_proto"),
    ("audience", Audience, "take"),
    ("taste", Tastes, "observe"),
    ("goal", Audience, "wanted"),
    ("plan", Director, "plan"),
    ("command", Receipts, "send"),
    ("report", Receipts, "take"),
    ("receipt", Watcher, "put_answer"),
)
"""The stations that a wish passes, in order, and the calls that it passes them by."""


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stations that were passed, each when it had first been of use to the wish."""
    stations: list[str] = []

    def note(station: str, owner: object, name: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def noted(*args, **kwargs):
            is_new = station not in stations and (station == "signal" or "signal" in stations)
            if is_new and station not in ("goal", "plan"):
                stations.append(station)
            done = original(*args, **kwargs)
            if is_new and ((station == "goal" and done) or (station == "plan" and done.moves)):
                stations.append(station)
            return done

        monkeypatch.setattr(owner, name, noted)

    for station in FLOW:
        note(*station)
    return stations


@pytest.fixture
async def client(library: Path, runtime: Path) -> AsyncIterator[AsyncClient]:
    """A daemon's parts in this process, but for the engine, and a client that speaks gRPC with them."""
    supervisor = Supervisor(runtime / "instance")
    await supervisor.start()
    with Library(library) as opened:
        sessions = Sessions(opened, supervisor)
        server = Server(opened, sessions, import_path, Censuses(sessions, supervisor, opened, Metrics()).take)
        address = await server.start(Address("127.0.0.1", 0))
        async with AsyncClient(str(address)) as opened_client:
            yield opened_client
        await server.stop(0.1)
        await sessions.close()
    await supervisor.stop()


def level_db(pcm: np.ndarray, frequency_hz: float) -> float:
    """How loud one sine is."""
    window = np.hanning(len(pcm))
    turning = np.exp(-2j * np.pi * frequency_hz * np.arange(len(pcm)) / RATE_HZ)
    return float(20 * np.log10(abs(np.sum(pcm * window * turning)) * 2 / np.sum(window) + 1e-12))


def read_left(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 2, 3)
    padded = np.pad(raw[:, 0], ((0, 0), (1, 0)))
    return np.ascontiguousarray(padded).view("<i4")[:, 0] / 2.0**31


async def test_a_wish_flows_from_send_signals_to_the_sink_and_its_reason_comes_back(
    client: AsyncClient, passed: list[str], tmp_path: Path
) -> None:
    [track] = await client.tracks()
    out = tmp_path / "sink.wav"
    session = await client.create_session(track.id, directed=True, sink=f"file:{out}")
    async with client.watch(session.id) as events:
        answer = await client.signal(session.id, {"bass": -24.0}, fan="mina")
        async for event in events:
            if isinstance(event, Applied):
                applied = event
            elif isinstance(event, Session) and event.mix["bass"] < 0.0:
                moved = event
            if passed[-1:] == ["receipt"] and event.sample > applied.settled_sample + RATE_HZ // 5:
                break
    await client.delete_session(session.id)

    assert passed == [station for station, _, _ in FLOW]
    assert applied.id == answer.id
    assert applied.sample == answer.planned_sample
    assert applied.sample / RATE_HZ % (SONG_S / 4) == pytest.approx(0.0, abs=1e-9), "on a bar"
    assert "a fan wishes bass at -24 dB" in applied.because == moved.because["bass"]
    [move] = applied.moves
    sound = read_left(out)
    before = level_db(sound[applied.sample - RATE_HZ // 4 : applied.sample], STEMS_HZ["bass"])
    after = level_db(sound[applied.settled_sample : applied.settled_sample + RATE_HZ // 10], STEMS_HZ["bass"])
    assert after - before == pytest.approx(move.value, abs=0.3)
    assert level_db(sound[applied.settled_sample :], STEMS_HZ["other"]) == pytest.approx(
        level_db(sound[: applied.sample], STEMS_HZ["other"]), abs=0.1
    )


async def test_who_waits_in_a_directed_session_waits_for_the_bar(client: AsyncClient) -> None:
    [track] = await client.tracks()
    session = await client.create_session(track.id, directed=True)
    answer = await client.signal(session.id, {"bass": -3.0}, wait=True)
    assert answer.because == "bass at the next bar"
    assert answer.applied is not None
    assert answer.applied.sample == answer.planned_sample
    assert answer.applied.because.startswith("a fan wishes bass at -3 dB")


def test_imports_point_one_way_along_the_flow(capsys: pytest.CaptureFixture[str]) -> None:
    kept = lint_imports(config_filename=str(PYPROJECT), no_cache=True)
    assert kept == 0, capsys.readouterr().out
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    flow = ["api", "control", "director", "audience", "track", "mix"]
    first = [layer.partition(" | ")[0] for layer in layers]
    assert [layer for layer in first if layer.removeprefix("remixd.") in flow] == [
        f"remixd.{name}" for name in flow
    ]
