"""Links by which phones join: what an invitation is good for, and what a phone gets by it."""

from __future__ import annotations

import time
from contextlib import contextmanager

import grpc
import jwt
import pytest
import segno
import tokens
from serving import PlainNames, Service
from shelves import TRACK

from remixd.api.auth import Gate
from remixd.api.scopes import RULES
from remixd.api.tokens import Keyring
from remixd.client import Client, Signal
from remixd.errors import Forbidden, InvalidInput, NotFound, Unauthenticated, Unsupported
from remixd.settings import Auth, Settings
from remixd.v1 import sessions_pb2 as pb
from remixd.v1 import sessions_pb2_grpc

SITE = "https://radio.example"
HANDLE = "0123456789abcdef01234567"
OTHER = "fedcba98765432100123abcd"


@contextmanager
def house_of(auth):
    service = Service(gate=Gate(Keyring(auth)), settings=Settings(auth=auth), fan_keys=PlainNames())
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture
def auth(tmp_path):
    return Auth(hs256_secret_file=tokens.secret_file(tmp_path), leeway_s=0.0)


@pytest.fixture
def house(auth):
    with house_of(auth) as service:
        yield service


@contextmanager
def calling(service, token):
    with Client(str(service.address), token=token) as client:
        yield client


@contextmanager
def stub(service):
    with grpc.insecure_channel(str(service.address)) as channel:
        yield sessions_pb2_grpc.SessionsStub(channel)


def start(service, token=""):
    bearer = (("authorization", f"Bearer {token}"),) if token else ()
    with stub(service) as sessions:
        sessions.CreateSession(pb.CreateSessionRequest(track=TRACK), timeout=5, metadata=bearer)


def invite(service, session="s-1", **more):
    scope = {"authorization": f"Bearer {tokens.hs256(sub='dj', scope='dj create')}"}
    with stub(service) as sessions:
        request = pb.CreateJoinTokenRequest(session=session, site=SITE, **more)
        return sessions.CreateJoinToken(request, timeout=5, metadata=tuple(scope.items()))


def join(service, token, handle=HANDLE, session="s-1"):
    with stub(service) as sessions:
        bearer = (("authorization", f"Bearer {token}"),) if token else ()
        return sessions.Join(pb.JoinRequest(session=session, handle=handle), timeout=5, metadata=bearer)


@pytest.fixture
def playing(house):
    start(house, tokens.hs256(sub="app", scope="create"))
    start(house, tokens.hs256(sub="app", scope="create"))
    return house


def test_each_phone_becomes_one_fan_of_that_session_and_can_speak_for_no_other(playing):
    made = invite(playing)
    phone, other = join(playing, made.token), join(playing, made.token, OTHER)
    assert (phone.fan, other.fan) == (f"join:{HANDLE}", f"join:{OTHER}")
    assert join(playing, made.token).fan == phone.fan
    with calling(playing, phone.token) as client:
        assert client.signal("s-1", {"drums": -6.0}).accepted
        with pytest.raises(Forbidden):
            client.signal("s-1", {"drums": -6.0}, fan=other.fan)
        with pytest.raises(NotFound):
            client.signal("s-2", {"drums": -6.0})
        with pytest.raises(Forbidden):
            client.panic("s-1")
    assert [signal.fan for signal in playing.session("s-1").received] == [phone.fan]


def test_of_a_batch_in_which_a_phone_speaks_for_another_nothing_counts(playing):
    phone = join(playing, invite(playing).token)
    batch = [Signal(id=f"{number}", wishes={"drums": -6.0}) for number in range(40)]
    with calling(playing, phone.token) as client, pytest.raises(Forbidden):
        client.send("s-1", [*batch, Signal(id="theirs", fan=f"join:{OTHER}", wishes={"drums": -6.0})])
    assert not playing.session("s-1").received


def test_invitations_to_two_sessions_have_a_quota_each(playing):
    subs = {
        jwt.decode(invite(playing, session).token, options={"verify_signature": False})["sub"]
        for session in ("s-1", "s-2", "s-2")
    }
    assert len(subs) == 2, "quotas are by `sub`"


def test_an_invitation_is_good_for_joining_and_for_nothing_else(playing):
    token = invite(playing).token
    keyring_rules = [method for method, rule in RULES.items() if "join" in rule.scopes]
    assert keyring_rules == ["/remixd.v1.Sessions/Join"]
    with calling(playing, token) as client:
        for act in (
            client.sessions,
            lambda: client.signal("s-1", {"drums": 0.0}),
            lambda: client.panic("s-1"),
        ):
            with pytest.raises(Forbidden):
                act()
    with pytest.raises(grpc.RpcError) as caught:
        join(playing, token, session="s-2")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_fan_cannot_invite_and_nobody_joins_without_an_invitation(playing):
    phone = join(playing, invite(playing).token)
    with calling(playing, phone.token) as client, pytest.raises(Forbidden):
        client.join_link("s-1", site=SITE)
    for token in ("", phone.token, tokens.hs256(scope="join", session="s-1", secret=b"x" * 40)):
        with pytest.raises(grpc.RpcError) as caught:
            join(playing, token)
        assert caught.value.code().name in ("UNAUTHENTICATED", "PERMISSION_DENIED")


@pytest.mark.parametrize("handle", ["", "mina", HANDLE[:-1], HANDLE.upper(), HANDLE + "x", "a" * 65])
def test_a_handle_that_could_be_guessed_is_refused(playing, handle):
    with pytest.raises(grpc.RpcError) as caught:
        join(playing, invite(playing).token, handle)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_phone_is_let_go_when_the_invitation_is_over_and_that_when_its_maker_is(playing):
    made = invite(playing, lifetime_s=60.0)
    assert 50 < made.expire_time.seconds - time.time() <= 60
    assert join(playing, made.token).expire_time == made.expire_time
    longest = invite(playing, lifetime_s=604_800.0)
    assert longest.expire_time.seconds - time.time() <= 600  # its maker's token
    with pytest.raises(grpc.RpcError), calling(playing, made.token):
        invite(playing, lifetime_s=59.0)


def test_the_qr_code_says_the_link_and_the_token_is_in_the_fragment_alone(playing):
    made = invite(playing)
    assert made.link == f"{SITE}/join/s-1#token={made.token}"
    code = segno.make_qr(made.link, error="l")
    assert list(made.qr) == ["".join("01"[bool(dark)] for dark in row) for row in code.matrix]
    assert not made.caution


def test_without_tokens_a_link_carries_none_and_a_link_to_loopback_is_cautioned():
    service = Service()
    try:
        start(service)
        with Client(str(service.address)) as client:
            plain = client.join_link("s-1", site="http://127.0.0.1:7401")
            with pytest.raises(InvalidInput):
                client.join_link("s-1")
            for site in ("ftp://x", "https://x/path", "https://user@x", "https://x?y", "radio.example"):
                with pytest.raises(InvalidInput):
                    client.join_link("s-1", site=site)
            with pytest.raises(NotFound):
                client.join_link("s-9", site=SITE)
        assert (plain.link, plain.expires_unix_s) == ("http://127.0.0.1:7401/join/s-1", None)
        assert "this machine only" in plain.caution
        assert join(service, "").fan == f"join:{HANDLE}"
    finally:
        service.stop()


def test_keys_of_somebody_else_cannot_sign_invitations(tmp_path):
    auth = Auth(jwks_file=tokens.jwks_file(tmp_path, "EdDSA"))
    with house_of(auth) as service:
        token = tokens.signed("EdDSA", scope="create dj")
        start(service, token)
        with calling(service, token) as client, pytest.raises(Unsupported, match="hs256_secret_file"):
            client.join_link("s-1", site=SITE)
        with calling(service, "nonsense") as client, pytest.raises(Unauthenticated):
            client.join_link("s-1", site=SITE)
