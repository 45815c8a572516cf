"""Tokens: which are genuine, and what their callers may."""

from __future__ import annotations

import base64
import json
import time

import jwt
import pytest
import tokens
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from remixd.api.auth import LOCAL, Gate
from remixd.api.scopes import RULES, check_rules
from remixd.api.server import _methods
from remixd.api.tokens import Keyring, sign
from remixd.errors import Forbidden, InvalidInput, Unauthenticated
from remixd.settings import Auth

GET = "/remixd.v1.Sessions/GetSession"
DELETE = "/remixd.v1.Tracks/DeleteTrack"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return Keyring(Auth(hs256_secret_file=tokens.secret_file(folder), jwks_file=tokens.jwks_file(folder)))


@pytest.fixture
def gate(both):
    return Gate(both)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_each_kind_of_key_says_who_calls(both, algorithm):
    found = both.claims(tokens.signed(algorithm, scope="dj nonsense", session="s-1"))
    assert (found.sub, found.scopes, found.sessions) == ("mina", {"dj"}, {"s-1"})
    assert found.key_id == algorithm


def test_a_token_of_the_secret_says_what_the_command_line_was_told(both, tmp_path):
    made = sign(tokens.secret_file(tmp_path), tokens.claims(fans=True, session=["a", "b"]))
    found = both.claims(made)
    assert found.fans
    assert found.sessions == {"a", "b"}
    assert not found.verified


def public_pem():
    public = tokens.RSA_KEY.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def forged_with_the_public_key():
    """HS256, its secret being the RSA key that everybody knows. PyJWT itself refuses to make it."""
    import hashlib
    import hmac

    start = f"{part({'alg': 'HS256', 'kid': 'RS256'})}.{part(tokens.claims(scope='admin'))}"
    mac = hmac.digest(public_pem(), start.encode(), hashlib.sha256)
    return f"{start}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def tampered():
    head, _, signature = tokens.hs256().split(".")
    return f"{head}.{part(tokens.claims(scope='admin'))}.{signature}"


@pytest.mark.parametrize(
    "made",
    [
        lambda: tokens.hs256(b"another secret of quite enough bytes"),
        lambda: f"{part({'alg': 'none'})}.{part(tokens.claims())}.",
        lambda: f"{part({'alg': 'None', 'kid': ''})}.{part(tokens.claims())}.AAAA",
        forged_with_the_public_key,
        tampered,
        lambda: jwt.encode(tokens.claims(), tokens.EC_KEY, "ES256", headers={"kid": "RS256"}),
        lambda: jwt.encode(tokens.claims(), tokens.RSA_KEY, "RS512", headers={"kid": "RS256"}),
        lambda: tokens.hs256(exp=None),
        lambda: tokens.hs256(sub=None),
        lambda: tokens.hs256(sub=""),
        lambda: tokens.hs256(sub="x" * 129),
        lambda: tokens.hs256(scope=["admin"]),
        lambda: tokens.hs256(session=7),
        lambda: tokens.hs256(session=[["s-1"]]),
        lambda: tokens.hs256(nbf=int(time.time()) + 600),
        lambda: "x" * 10_000,
        lambda: "...",
        lambda: "토큰",
        lambda: "",
    ],
)  # fmt: skip
def test_every_token_that_is_not_genuine_is_refused_in_the_same_words(both, made):
    with pytest.raises(Unauthenticated) as caught:
        both.claims(made())
    assert str(caught.value) == "the token is not valid here"


@given(
    st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: f"{part({'alg': 'HS256'})}.{raw.hex()}.x")
)
def test_no_text_at_all_is_a_token_or_a_fault(both, text):
    with pytest.raises(Unauthenticated):
        both.claims(text)


def test_a_token_ends_when_it_says_even_one_that_was_seen_before(tmp_path):
    now = [time.time()]
    ring = Keyring(Auth(hs256_secret_file=tokens.secret_file(tmp_path), leeway_s=5.0), lambda: now[0])
    token = tokens.hs256(exp=int(now[0]) + 60)
    assert ring.claims(token).sub == "mina"
    now[0] += 64.0
    assert ring.claims(token).sub == "mina"
    now[0] += 2.0
    with pytest.raises(Unauthenticated, match="expired"):
        ring.claims(token)
    with pytest.raises(Unauthenticated, match="expired"):
        Keyring(Auth(hs256_secret_file=tokens.secret_file(tmp_path))).claims(tokens.hs256(exp=1))


def test_audience_and_issuer_must_be_those_that_are_set(tmp_path):
    auth = Auth(hs256_secret_file=tokens.secret_file(tmp_path), audience="remixd", issuer="the app")
    ring = Keyring(auth)
    assert ring.claims(tokens.hs256(aud="remixd", iss="the app")).sub == "mina"
    for other in ({}, {"aud": "remixd"}, {"aud": "else", "iss": "the app"}, {"aud": "remixd", "iss": "else"}):
        with pytest.raises(Unauthenticated):
            ring.claims(tokens.hs256(**other))


def test_keys_are_read_again_and_a_broken_file_changes_nothing(tmp_path):
    path = tokens.secret_file(tmp_path)
    ring = Keyring(Auth(hs256_secret_file=path))
    old = tokens.hs256()
    ring.claims(old)
    path.write_bytes(b"short")
    ring.reload()
    assert ring.claims(old).sub == "mina"
    path.write_bytes(b"another secret of quite enough bytes")
    ring._looked_s = 0.0  # a second later
    with pytest.raises(Unauthenticated):
        ring.claims(old)
    assert ring.claims(tokens.hs256(b"another secret of quite enough bytes")).sub == "mina"


def test_keys_that_are_no_use_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="32 at least"):
        Keyring(Auth(hs256_secret_file=tokens.secret_file(tmp_path, b"short")))
    path = tokens.secret_file(tmp_path)
    path.chmod(0o604)
    with pytest.raises(InvalidInput, match="everybody may read it"):
        Keyring(Auth(hs256_secret_file=path))
    jwks = tmp_path / "bad.json"
    private = jwt.get_algorithm_by_name("EdDSA").to_jwk(tokens.ED_KEY, as_dict=True)
    for keys, why in (
        ([{"kty": "oct", "k": "AAAA"}], "not of a kind"),
        ([{"kty": "RSA", "alg": "HS256"}], "not of a kind"),
        ([private], "private"),
        ([{"kty": "OKP", "crv": "Ed25519", "x": "!"}], r"keys\[0\]"),
        ([], "no keys"),
    ):
        jwks.write_text(json.dumps({"keys": keys}))
        with pytest.raises(InvalidInput, match=why):
            Keyring(Auth(jwks_file=jwks))


def test_every_method_has_its_rule_and_a_new_one_cannot_be_forgotten():
    check_rules(_methods())
    with pytest.raises(LookupError, match=r"nobody decided who may call /remixd\.v1\.Lights/Dim"):
        check_rules([*_methods(), "/remixd.v1.Lights/Dim"])
    with pytest.raises(LookupError, match="not served"):
        check_rules(_methods()[1:])


def test_a_scope_opens_its_methods_and_no_others(gate):
    for scope in ("listener", "dj", "create", "admin", ""):
        for method, rule in RULES.items():
            opens = scope == "admin" or scope in rule.scopes
            token = tokens.hs256(sub=f"{scope} {method}", scope=scope)
            if opens:
                assert gate.admit(method, f"Bearer {token}", "").sub == f"{scope} {method}"
            else:
                with pytest.raises(Forbidden, match="it needs the scope"):
                    gate.admit(method, f"bearer {token}", "")


def test_no_token_is_refused_and_none_is_asked_for_where_there_are_no_keys(gate):
    with pytest.raises(Unauthenticated, match="asks for a token"):
        gate.admit(GET, None, "ipv4:1.2.3.4")
    assert Gate().admit(DELETE, None, "") is LOCAL


def test_a_listener_speaks_for_itself_and_a_backend_for_its_fans(gate):
    listener = gate.admit(GET, tokens.hs256(), "")
    assert listener.fan("") == listener.fan("mina") == "mina"
    with pytest.raises(Forbidden, match="its own fan"):
        listener.fan("joon")
    assert gate.admit(GET, tokens.hs256(fans=True), "").fan("joon") == "joon"
    assert not gate.admit(GET, tokens.hs256(fans="yes"), "").fans


def test_who_sees_which_sessions(gate):
    def caller(**changed):
        return gate.admit(GET, tokens.hs256(**changed), "")

    assert caller().may_see("s-1")
    assert not caller(session="s-2").may_see("s-1")
    assert not caller(session=[]).may_see("s-1")
    assert not caller(scope="admin", session="s-2").may_see("s-1")
    backend = caller(scope="create", sub="app")
    assert not backend.may_see("s-1")
    with gate.making(backend, ["s-1"]) as made:
        made.add("s-1")
    assert caller(scope="create", sub="app").may_see("s-1")
    assert not caller(scope="create", sub="other app").may_see("s-1")
    gate.note_gone("s-1")
    assert not caller(scope="create", sub="app").may_see("s-1")
