"""The daemon as an operator has it: health, metrics, and an end that is heard coming."""

from __future__ import annotations

import json
import signal
import ssl
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest
import tokens
from processes import Daemon

from remixd.client import Client
from remixd.errors import Unavailable


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own)
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def web_of(daemon: Daemon) -> str:
    line = daemon.process.stdout.readline()
    assert line.startswith("  web: "), line
    return line.removeprefix("  web: ").strip()


@pytest.fixture
def daemon(start_daemon) -> Daemon:
    return start_daemon("--web", "127.0.0.1:0", "--drain", "1")


def test_what_is_heard_fades_out_before_the_daemon_ends(daemon: Daemon):
    web = web_of(daemon)
    assert json.loads(get(f"{web}/healthz")[1])["ready"] is True
    with Client(daemon.address, reconnect=False) as client:
        track = client.tracks()[0].id
        session = client.create_session(track).id
        packets = iter(client.packets(session))
        before = [next(packets) for _ in range(50)]
        client.signal(session, {"vocals": -3.0}, wait=True)
        page = get(f"{web}/metrics")[1]
        asked_s = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        after = [next(packets)]
        code, health = get(f"{web}/healthz")
        assert (code, json.loads(health)["ready"]) == (503, False)
        with pytest.raises(Unavailable, match="about to stop"):
            client.create_session(track)
        with pytest.raises(Unavailable, match="the daemon is stopping"):  # noqa: PT012 (the end of a stream)
            while True:
                after.append(next(packets))
    assert daemon.process.wait(20) == 0
    assert 0.9 < time.monotonic() - asked_s < 8
    loud, quiet = (np.abs(np.concatenate([p.pcm for p in some])).max() for some in (before, after[-5:]))
    assert quiet < loud / 100
    assert 'remixd_signal_to_sound_seconds_count{mode="hands-on"} 1.0' in page
    assert 'remixd_sessions{mode="hands-on"} 1.0' in page
    assert 'remixd_block_cost_ratio_count{engine="1"}' in page


def test_a_second_sigterm_ends_it_at_once(start_daemon):
    daemon = start_daemon("--drain", "60")
    with daemon.client() as client:
        session = client.create_session(client.tracks()[0].id).id
        packets = iter(client.packets(session))
        next(packets)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert daemon.process.poll() is None
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(10) == 0
    assert "ending at once" in daemon.log.read_text()


def test_the_web_asks_for_the_same_tokens_over_the_same_certificates(start_daemon, tmp_path: Path):
    authority = tokens.Authority(tmp_path)
    certificate, key = authority.issue("server")
    secret = tokens.secret_file(tmp_path)
    config = tmp_path / "remixd.toml"
    config.write_text(
        f'[tls]\ncertificate = "{certificate.name}"\nkey = "{key.name}"\n'
        f'[auth]\nhs256_secret_file = "{secret.name}"\n'
    )
    web = web_of(start_daemon("--config", str(config), "--web", "127.0.0.1:0"))
    assert web.startswith("https://127.0.0.1:")
    trusted = ssl.create_default_context(cafile=authority.path)

    def ask(method: str, **headers: str) -> int:
        request = urllib.request.Request(  # noqa: S310
            f"{web}/v1/{method}", b"{}", {"Content-Type": "application/json", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusted) as answer:  # noqa: S310 (our own)
                return answer.status
        except HTTPError as error:
            return error.code

    listener, admin = tokens.hs256(scope="listener"), tokens.hs256(scope="admin", sub="root")
    assert ask("Sessions/ListSessions") == 401
    assert ask("Sessions/ListSessions", Authorization="Bearer nonsense") == 401
    assert ask("Sessions/ListSessions", Authorization=f"Bearer {admin}") == 200
    assert ask("Tracks/DeleteTrack", Authorization=f"Bearer {listener}") == 403


def test_the_stats_are_of_what_plays(shared_daemon: Daemon, client: Client) -> None:
    before = client.stats()
    [track] = client.tracks()
    hands, directed = (client.create_session(track.id, sink="null", directed=each) for each in (False, True))
    with client.packets(hands.id) as packets, client.watch(directed.id) as events:
        next(packets), next(events)
        client.signal(directed.id, {"bass": -3.0}, fan="mina")
        client.signal(hands.id, {"bass": -90.0}, fan="mina")
        told = client.stats()
    assert (told.sessions, told.directed_sessions, told.lost_sessions) == (2, 1, 0)
    assert (told.listeners, told.watchers, told.tracks) == (1, 1, 1)
    assert told.fans == 2
    assert told.signals.get("accepted", 0) - before.signals.get("accepted", 0) == 1
    assert told.signals.get("clamped", 0) - before.signals.get("clamped", 0) == 1
    assert {each.pid for each in told.engines} <= shared_daemon.engines
    assert sum(each.sessions for each in told.engines) == 2
    assert all(0.0 < each.load < each.load_max for each in told.engines)
