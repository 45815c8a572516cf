"""Phones that join a session: links with an invitation, and what one is changed into. Thread: [control].

An invitation is one token for everybody who sees a QR code, so it is good for one call, `Join`. That one
gives each phone a token of its own, by which it is one fan, with quotas of its own, and can speak for no
other. Fans who joined have names that begin with `join:`: no phone can take that of a fan of some app.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final
from urllib.parse import urlsplit

import segno

from remixd.api.auth import calling
from remixd.api.tokens import sign
from remixd.config import Address
from remixd.errors import InvalidInput, Unsupported
from remixd.settings import Auth
from remixd.v1 import sessions_pb2 as pb

LIFETIME_S: Final = (60.0, 604_800.0)
LIFETIME_DEFAULT_S: Final = 43_200.0
SITE_LENGTH_MAX: Final = 200
PREFIX: Final = "join:"
_HANDLE: Final = re.compile(r"[0-9a-f]{24,64}")


class Joining:
    """Makes links, and fans of those who come by them.

    Args:
        auth: the secret that signs tokens.
        asks_for_tokens: whether calls need any.
    """

    def __init__(self, auth: Auth, *, asks_for_tokens: bool) -> None:
        self._auth = auth
        self._asks = asks_for_tokens
        self._site = ""

    def serve_at(self, site: str) -> None:
        """Let links lead to this site unless they are told another."""
        self._site = site.rstrip("/")

    def link(self, request: pb.CreateJoinTokenRequest) -> pb.CreateJoinTokenResponse:
        """A link to join a session that there is. Raises InvalidInput, and Unsupported without a secret."""
        low, high = LIFETIME_S
        lifetime_s = request.lifetime_s or LIFETIME_DEFAULT_S
        if not low <= lifetime_s <= high:
            raise InvalidInput(f"lifetime_s goes from {low:g} to {high:g}", field="lifetime_s")
        site = _checked(request.site or self._site)
        made = pb.CreateJoinTokenResponse(link=f"{site}/join/{request.session}", caution=_caution(site))
        if self._asks:
            caller = calling()
            expires = int(min(time.time() + lifetime_s, caller.expires_unix_s))
            made.token = self._sign(f"invitation:{request.session}", "join", request.session, expires)
            made.expire_time.FromSeconds(expires)
            made.link += f"#token={made.token}"
        code = segno.make_qr(made.link, error="l", boost_error=True)
        made.qr.extend("".join("1" if dark else "0" for dark in row) for row in code.matrix)
        return made

    def join(self, request: pb.JoinRequest) -> pb.JoinResponse:
        """Make a fan of whoever calls. Raises InvalidInput for a handle that could be guessed."""
        if not _HANDLE.fullmatch(request.handle):
            raise InvalidInput("handle is 24 to 64 hexadecimal digits, made at random", field="handle")
        made = pb.JoinResponse(fan=PREFIX + request.handle)
        if self._asks:
            expires = int(calling().expires_unix_s)
            made.token = self._sign(made.fan, "listener", request.session, expires)
            made.expire_time.FromSeconds(expires)
        return made

    def _sign(self, sub: str, scope: str, session: str, expires_unix_s: int) -> str:
        if self._auth.hs256_secret_file is None:
            raise Unsupported(
                "this daemon has no secret to sign invitations with: set auth.hs256_secret_file"
            )
        claims: dict[str, Any] = {"sub": sub, "scope": scope, "session": [session], "exp": expires_unix_s}
        if self._auth.audience:
            claims["aud"] = self._auth.audience
        if self._auth.issuer:
            claims["iss"] = self._auth.issuer
        return sign(self._auth.hs256_secret_file, claims)


def _checked(site: str) -> str:
    """The address of a site as links begin with it. Raises InvalidInput if it is none."""
    if not site:
        raise InvalidInput(
            "this daemon serves no web: name a site, such as https://radio.example", field="site"
        )
    try:
        parts = urlsplit(site)
        is_site = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/")
        is_site = is_site and not (parts.query or parts.fragment or parts.username) and site.isprintable()
    except ValueError:
        is_site = False
    if not is_site or len(site) > SITE_LENGTH_MAX:
        raise InvalidInput("site is an address such as https://radio.example", field="site")
    return site.rstrip("/")


def _caution(site: str) -> str:
    host = urlsplit(site).hostname or ""
    if host == "localhost" or Address(host, 0).is_loopback:
        return "this link works on this machine only: phones need an address of the network, over TLS"
    if host in ("0.0.0.0", "::"):  # noqa: S104 (a comparison)
        return "this link has no host that phones could find: name the site, such as https://radio.example"
    return ""
