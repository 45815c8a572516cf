"""A daemon that is set up as for the open network: nothing of fans and tokens is left behind anywhere."""

from __future__ import annotations

import json
import signal
import time

import pytest
import tokens
from processes import run

from remixd.client import Client, Signal
from remixd.errors import NotFound, Unauthenticated

HANDLE = "mina-kim-of-seoul-1987"


def until(condition):
    end_s = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def everything_below(*folders):
    return b"".join(path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file())


def test_fans_and_tokens_leave_no_trace_and_a_taste_outlives_its_key(start_daemon, tmp_path):
    authority = tokens.Authority(tmp_path)
    certificate, key = authority.issue("server")
    secret = tokens.secret_file(tmp_path)
    config = tmp_path / "remixd.toml"
    config.write_text(
        f'[tls]\ncertificate = "{certificate.name}"\nkey = "{key.name}"\n'
        f'[auth]\nhs256_secret_file = "{secret.name}"\n[log]\nformat = "json"\nlevel = "debug"\n'
    )
    daemon = start_daemon("--config", str(config))
    made = run("token", "make", "--config", config, "--scope", "listener", "--sub", HANDLE)
    token = made.stdout.strip()
    trusted = {"ca": authority.path}
    with (
        Client(daemon.address, token=tokens.hs256(scope="admin", sub="root"), **trusted) as admin,
        Client(daemon.address, token=token, **trusted) as fan,
    ):
        session = admin.create_session(admin.tracks()[0].id, directed=True).id
        fan.send(session, [Signal(id="a", wishes={"bass": -9.0}, consent="taste")])
        until(lambda: fan.taste(session, HANDLE).values["bass"] < -6.0)
        before = fan.taste(session, HANDLE)
        keys = daemon.state / "fan-keys.json"
        old = json.loads(keys.read_text())["keys"][0]["id"]
        assert run("fans", "rotate", REMIXD_STATE=str(daemon.state)).returncode == 0
        log = daemon.log
        until(lambda: "fans are known by other keys now" in log.read_text())
        (again,) = fan.send(session, [Signal(id="a", wishes={"bass": -9.0}, consent="taste")])
        assert again.duplicate  # a signal that is replayed, under the new key too
        assert fan.taste(session, HANDLE) == before
        with pytest.raises(NotFound), Client(
            daemon.address, token=tokens.hs256(session="another"), **trusted
        ) as stranger:  # fmt: skip
            stranger.session(session)
        admin.delete_session(session)
        secret.write_bytes(b"another secret of quite enough bytes")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "keys of tokens are read" in log.read_text())
        with pytest.raises(Unauthenticated):
            fan.sessions()
    left = everything_below(daemon.library, daemon.state) + log.read_bytes()
    assert daemon.stop() == 0
    left += everything_below(daemon.library, daemon.state) + log.read_bytes()
    assert HANDLE.encode() not in left
    assert token.encode() not in left
    assert token.partition(".")[2].encode() not in left
    for line in log.read_text().splitlines():
        assert json.loads(line)["event"]
    audit = (next(daemon.state.rglob("audit.jsonl"))).read_text()
    assert [json.loads(line)["method"] for line in audit.splitlines()] == [
        "CreateSession", "DeleteSession", "Reload",
    ]  # fmt: skip
    assert old.encode() not in (daemon.library / "tastes.sqlite").read_bytes()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])  # noqa: S104 - what is refused
def test_beyond_this_machine_nothing_is_served_unless_it_is_secured(tmp_path, host):
    done = run("serve", "--listen", f"{host}:0", "--library", tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "without tokens and TLS it serves this machine only" in done.stderr
