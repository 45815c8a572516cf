"""Encryption: who is believed, who is let in, and what is refused before serving beyond this machine."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import tokens
from faces import AsyncFace
from serving import Service
from shelves import TRACK

from remixd.api.auth import Gate
from remixd.api.server import Server
from remixd.api.tls import server_credentials
from remixd.api.tokens import Keyring
from remixd.client import Client
from remixd.config import Address
from remixd.errors import InvalidInput, Unavailable, Unsupported
from remixd.settings import Auth, Settings, Tls


@pytest.fixture(params=[Client, AsyncFace])
def face(request):
    return request.param


@contextmanager
def encrypted(folder, client_ca=None, listen=None):
    authority = tokens.Authority(folder)
    certificate, key = authority.issue("server")
    auth = Auth(hs256_secret_file=tokens.secret_file(folder))
    settings = Settings(tls=Tls(certificate=certificate, key=key, client_ca=client_ca), auth=auth)
    service = Service(listen, settings=settings, gate=Gate(Keyring(auth)))
    try:
        yield authority, f"127.0.0.1:{service.address.port}"
    finally:
        service.stop()


def test_who_trusts_the_authority_is_served_beyond_this_machine_too(tmp_path, face):
    listen = Address("0.0.0.0", 0)  # noqa: S104 - what is tested
    with encrypted(tmp_path, listen=listen) as (authority, address):
        token = tmp_path / "token"
        token.write_text(tokens.hs256(scope="admin") + "\n")
        with face(address, token_file=token, ca=authority.path) as client:
            assert client.create_session(TRACK).track == TRACK
        stranger = tokens.Authority(tmp_path, "stranger")
        for options in ({"ca": stranger.path}, {}):
            with (
                face(address, token_file=token, timeout_s=2.0, **options) as client,
                pytest.raises(Unavailable),
            ):
                client.sessions()


def test_clients_need_a_certificate_where_one_is_asked_for(tmp_path, face):
    ours = tokens.Authority(tmp_path, "clients")
    with encrypted(tmp_path, client_ca=ours.path) as (authority, address):
        common = {"token": tokens.hs256(scope="admin"), "ca": authority.path, "timeout_s": 2.0}
        certificate, key = ours.issue("client")
        with face(address, certificate=certificate, key=key, **common) as client:
            assert client.sessions() == []
        other = tokens.Authority(tmp_path, "other").issue("intruder")
        with (
            face(address, certificate=other[0], key=other[1], **common) as client,
            pytest.raises(Unavailable),
        ):
            client.sessions()
        with face(address, **common) as client, pytest.raises(Unavailable):
            client.sessions()


def test_certificates_that_cannot_be_used_are_refused_in_a_sentence(tmp_path):
    authority = tokens.Authority(tmp_path)
    certificate, key = authority.issue("server")
    other = authority.issue("other")[1]
    with pytest.raises(InvalidInput, match="no certificate and its key"):
        server_credentials(Tls(certificate=certificate, key=other))
    with pytest.raises(InvalidInput, match="No such file"):
        server_credentials(Tls(certificate=tmp_path / "none", key=key))
    with pytest.raises(InvalidInput, match="holds no certificates"):
        server_credentials(Tls(certificate=certificate, key=key, client_ca=key))
    key.chmod(0o644)
    with pytest.raises(InvalidInput, match="everybody may read it"):
        server_credentials(Tls(certificate=certificate, key=key))


@pytest.mark.parametrize("missing", ["tls", "tokens"])
def test_beyond_this_machine_both_certificates_and_tokens_are_needed(service, tmp_path, missing):
    certificate, key = tokens.Authority(tmp_path).issue("server")
    tls = Tls() if missing == "tls" else Tls(certificate=certificate, key=key)
    auth = Auth() if missing == "tokens" else Auth(hs256_secret_file=tokens.secret_file(tmp_path))

    async def start():
        server = Server(
            service.shelf,
            service.sessions,
            service.import_path,
            service.take_census,
            settings=Settings(tls=tls, auth=auth),
        )
        try:
            await server.start(Address("0.0.0.0", 0))  # noqa: S104 - what is refused
        finally:
            await server.stop(0)

    with pytest.raises(Unsupported, match="without tokens and TLS it serves this machine only"):
        service.wait(start())
