"""Bearer tokens: JSON Web Tokens (RFC 7519), and the keys that sign them. Thread: [control].

A key is good for one algorithm, which it alone decides, never the token: RFC 8725, 3.1. A token says `exp`
and `sub`; it may say `scope`, `session`, `fans` and `verified`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from remixd.api.scopes import SCOPES
from remixd.errors import InvalidInput, Unauthenticated
from remixd.settings import Auth, read_secret

log = logging.getLogger(__name__)

SECRET_BYTES_MIN: Final = 32
RSA_BITS_MIN: Final = 2048
TOKEN_LENGTH_MAX: Final = 8192
NAME_LENGTH_MAX: Final = 128
SESSIONS_MAX: Final = 1024
KEYS_MAX: Final = 64
KNOWN_MAX: Final = 4096
LOOK_S: Final = 1.0
"""How often the files of keys are looked at."""

NOT_VALID: Final = "the token is not valid here"
"""Told of every fault of a token but its age, so that nobody can find out which."""

_PINNED: Final = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says, once it is found to be genuine.

    Attributes:
        sub: who calls.
        key_id: of the key that signed it.
        scopes: some of SCOPES.
        sessions: the only sessions that it is for; None for any.
        fans: whether the caller speaks for many fans, and not for `sub` alone.
        verified: whether the issuer vouches for `sub` being one person.
        expires_unix_s: when it is over.
    """

    sub: str
    key_id: str
    scopes: frozenset[str]
    sessions: frozenset[str] | None
    fans: bool
    verified: bool
    expires_unix_s: float


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    algorithm: str
    material: Any

    def fits(self, algorithm: object, kid: object) -> bool:
        return self.algorithm == algorithm and (not self.kid or kid is None or self.kid == kid)


def _secret_key(path: Path) -> _Key:
    secret = read_secret(path).strip()
    if len(secret) < SECRET_BYTES_MIN:
        raise InvalidInput(f"{path} holds {len(secret)} bytes; a secret has {SECRET_BYTES_MIN} at least")
    return _Key("", "HS256", secret)


def sign(secret_file: Path, claims: dict[str, Any]) -> str:
    """A token that says these claims, signed with a secret. Raises InvalidInput if there is none."""
    key = _secret_key(secret_file)
    return jwt.encode(claims, key.material, key.algorithm)


def _public_keys(path: Path) -> list[_Key]:
    try:
        plain = json.loads(read_secret(path, is_secret=False))
        entries = plain["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(f"{path} is no JSON Web Key Set") from None
    if not isinstance(entries, list) or not 0 < len(entries) <= KEYS_MAX:
        raise InvalidInput(f"{path} holds no keys, or more than {KEYS_MAX}")
    return [_public_key(f"{path}: keys[{index}]", entry) for index, entry in enumerate(entries)]


def _public_key(where: str, entry: Any) -> _Key:
    if not isinstance(entry, dict):
        raise InvalidInput(f"{where} is no key")
    kind, curve, kid = entry.get("kty"), entry.get("crv", ""), entry.get("kid", "")
    algorithm = _PINNED.get((str(kind), str(curve)))
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        raise InvalidInput(f"{where} is not of a kind that is taken: RSA, EC P-256 or OKP Ed25519")
    if "d" in entry:
        raise InvalidInput(f"{where} is a private key: a set of public ones is asked for")
    if not isinstance(kid, str) or entry.get("use", "sig") != "sig":
        raise InvalidInput(f"{where} has no `kid` of text, or is not for signatures")
    try:
        material = jwt.PyJWK(entry, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidInput(f"{where}: {error}") from None
    if algorithm == "RS256" and material.key_size < RSA_BITS_MIN:
        raise InvalidInput(f"{where} has {material.key_size} bits; {RSA_BITS_MIN} are asked for")
    return _Key(kid, algorithm, material)


class Keyring:
    """The keys that sign tokens; they are read again when their files change, and by `reload`.

    Args:
        auth: where they are. Raises InvalidInput if one cannot be used.
        now_s: the time, in seconds of the epoch.
    """

    def __init__(self, auth: Auth, now_s: Callable[[], float] = time.time) -> None:
        self._auth = auth
        self._now_s = now_s
        self._known: dict[bytes, Claims] = {}
        self._looked_s = 0.0
        self._stamps = self._stamp()
        self._keys = self._read()

    def _read(self) -> list[_Key]:
        keys = [_secret_key(self._auth.hs256_secret_file)] if self._auth.hs256_secret_file else []
        return keys + (_public_keys(self._auth.jwks_file) if self._auth.jwks_file else [])

    def _stamp(self) -> list[tuple[int, int] | None]:
        stamps: list[tuple[int, int] | None] = []
        for path in (self._auth.hs256_secret_file, self._auth.jwks_file):
            try:
                status = path.stat() if path else None
            except OSError:
                status = None
            stamps.append((status.st_mtime_ns, status.st_ino) if status else None)
        return stamps

    def reload(self) -> None:
        """Read the keys anew. If they cannot be used, that is logged, and those of before stay."""
        self._stamps = self._stamp()
        try:
            self._keys = self._read()
        except InvalidInput as error:
            log.error("keys of tokens stay as they were: %s", error)
            return
        self._known.clear()
        log.info("%d keys of tokens are read", len(self._keys))

    def _look(self) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            if self._stamp() != self._stamps:
                self.reload()

    def claims(self, token: str) -> Claims:
        """What a genuine token says. Raises Unauthenticated."""
        self._look()
        if not token or len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise Unauthenticated(NOT_VALID)
        digest = hashlib.sha256(token.encode()).digest()
        found = self._known.get(digest)
        if found is None:
            found = _claims_of(*self._decoded(token))
            if len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[digest] = found
        if found.expires_unix_s + self._auth.leeway_s <= self._now_s():
            raise Unauthenticated("the token has expired")
        return found

    def _decoded(self, token: str) -> tuple[dict[str, Any], _Key]:
        try:
            header = jwt.get_unverified_header(token)
            for key in self._keys:
                if key.fits(header.get("alg"), header.get("kid")):
                    try:
                        return self._decoded_with(token, key), key
                    except jwt.InvalidSignatureError:
                        continue
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise Unauthenticated(NOT_VALID) from None
        raise Unauthenticated(NOT_VALID)

    def _decoded_with(self, token: str, key: _Key) -> dict[str, Any]:
        auth = self._auth
        return jwt.decode(
            token, key.material, algorithms=[key.algorithm], audience=auth.audience or None,
            issuer=auth.issuer or None, leeway=auth.leeway_s,
            options={"require": ["exp", "sub"], "verify_aud": bool(auth.audience)},
        )  # fmt: skip


def _claims_of(plain: dict[str, Any], key: _Key) -> Claims:
    """What genuine claims say. Raises Unauthenticated for what cannot be read: it is not one of ours."""
    sub, scope, session = plain.get("sub"), plain.get("scope", ""), plain.get("session")
    sessions = [session] if isinstance(session, str) else session
    if not _is_name(sub) or not isinstance(scope, str):
        raise Unauthenticated(NOT_VALID)
    if sessions is not None and (
        not isinstance(sessions, list) or len(sessions) > SESSIONS_MAX or not all(map(_is_name, sessions))
    ):
        raise Unauthenticated(NOT_VALID)
    return Claims(
        sub=str(sub),
        key_id=key.kid or key.algorithm.lower(),
        scopes=frozenset(scope.split()) & frozenset(SCOPES),
        sessions=None if sessions is None else frozenset(sessions),
        fans=plain.get("fans") is True,
        verified=plain.get("verified") is True,
        expires_unix_s=float(plain["exp"]),
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH_MAX and value.isprintable()
