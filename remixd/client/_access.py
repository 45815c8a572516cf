"""How a client proves who it is, and whom it talks to: a token, certificates."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from remixd.config import Address
from remixd.errors import InvalidInput

Metadata = tuple[tuple[str, str], ...]

TOKEN_BYTES_MAX: Final = 8192
FILE_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a client shows, and what it trusts.

    Attributes:
        token: sent with every call; empty for none.
        token_file: holds the token instead, and is read anew for every call: it may be renewed meanwhile.
        ca: who signs the daemon's certificate, PEM; None for those whom this machine trusts.
        certificate, key: of the client itself, PEM, where the daemon asks for one.
    """

    token: str = ""
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def of(
        cls,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        ca: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
    ) -> Access:
        """What is given, else what REMIXD_TOKEN, _TOKEN_FILE, _CA, _CERTIFICATE and _KEY say.

        Raises InvalidInput for a certificate without its key, or the other way round.
        """

        def path(given: str | os.PathLike[str] | None, name: str) -> Path | None:
            named = given or os.environ.get(name)
            return Path(named) if named else None

        if token is None and token_file is None:
            token = os.environ.get("REMIXD_TOKEN")
        found = cls(
            token=(token or "").strip(),
            token_file=None if token else path(token_file, "REMIXD_TOKEN_FILE"),
            ca=path(ca, "REMIXD_CA"),
            certificate=path(certificate, "REMIXD_CERTIFICATE"),
            key=path(key, "REMIXD_KEY"),
        )
        if (found.certificate is None) != (found.key is None):
            raise InvalidInput("a client's certificate and its key go together: one of them is missing")
        return found

    def metadata(self) -> Metadata:
        """What goes with a call. Raises InvalidInput for a token that cannot be sent."""
        token = _read(self.token_file).decode("ascii", "replace").strip() if self.token_file else self.token
        if not token:
            return ()
        if len(token) > TOKEN_BYTES_MAX or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidInput("the token is none: it is one line of letters, digits, dots and dashes")
        return (("authorization", f"Bearer {token}"),)

    def credentials(self, address: Address) -> grpc.ChannelCredentials | None:
        """How a channel is encrypted; None for one that is not: on this machine, where no `ca` is given.

        Raises InvalidInput if a file cannot be read.
        """
        if address.is_loopback and self.ca is None and self.certificate is None:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca) if self.ca else None,
            private_key=_read(self.key) if self.key else None,
            certificate_chain=_read(self.certificate) if self.certificate else None,
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from None


def with_metadata(stub: Any, metadata: Callable[[], Metadata]) -> Any:
    """A stub, each of whose calls sends what `metadata` gives then."""

    def sending(call: Callable[..., Any]) -> Callable[..., Any]:
        def send(*args: Any, **options: Any) -> Any:
            more = tuple(options.pop("metadata", None) or ())
            return call(*args, metadata=(*more, *metadata()) or None, **options)

        return send

    for name, call in list(vars(stub).items()):
        setattr(stub, name, sending(call))
    return stub
