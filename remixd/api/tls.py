"""The encryption of gRPC: certificates, read again when their files change. Thread: [control]."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from remixd.errors import InvalidInput
from remixd.settings import Tls, read_secret

log = logging.getLogger(__name__)


def server_credentials(tls: Tls) -> grpc.ServerCredentials:
    """What a server shows, and what it asks clients to show.

    Raises InvalidInput for files that cannot be used, or a key that everybody may read.
    """
    kept = _Files(tls)
    return grpc.dynamic_ssl_server_credentials(
        kept.first,
        kept.fetch,  # type: ignore[arg-type]  # None is for no change, which the stubs forget
        require_client_authentication=kept.is_mutual,
    )


class _Files:
    """The files of a server's credentials."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self.is_mutual = tls.client_ca is not None
        self._stamps = self._stamp()
        self.first = self._read()

    def _stamp(self) -> list[int]:
        paths = (self._tls.certificate, self._tls.key, self._tls.client_ca)
        return [path.stat().st_mtime_ns if path is not None and path.exists() else 0 for path in paths]

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key = self._tls.certificate, self._tls.key
        if certificate is None or key is None:
            raise InvalidInput("tls.certificate and tls.key go together: one of them is missing")
        pair = read_secret(key), read_secret(certificate, is_secret=False)
        authorities = read_secret(self._tls.client_ca, is_secret=False) if self._tls.client_ca else None
        _check(certificate, key, self._tls.client_ca)
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authorities)

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """What handshakes are done with from now on; None for what was before. In a thread of gRPC's."""
        stamps = self._stamp()
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            found = self._read()
        except (InvalidInput, OSError) as error:
            log.error("certificates stay as they were: %s", error)
            return None
        log.info("certificates are read again")
        return found


def _check(certificate: Path, key: Path, client_ca: Path | None) -> None:
    """Raise InvalidInput, in a sentence, for files that no handshake can be done with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")  # nobody is there to be asked
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput(f"{certificate} and {key} are no certificate and its key: {error}") from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (ssl.SSLError, OSError) as error:
            raise InvalidInput(f"{client_ca} holds no certificates: {error}") from None
