"""Keys, tokens and certificates, made as tests need them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

SECRET = b"a secret that is long enough for HS256"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
PRIVATE = {"RS256": RSA_KEY, "ES256": EC_KEY, "EdDSA": ED_KEY}


def claims(**changed: Any) -> dict[str, Any]:
    values = {"sub": "mina", "scope": "listener", "exp": int(time.time()) + 600}
    return {name: value for name, value in (values | changed).items() if value is not None}


def hs256(secret: bytes = SECRET, **changed: Any) -> str:
    return jwt.encode(claims(**changed), secret, "HS256")


def signed(algorithm: str, **changed: Any) -> str:
    return jwt.encode(claims(**changed), PRIVATE[algorithm], algorithm, headers={"kid": algorithm})


def secret_file(folder: Path, secret: bytes = SECRET) -> Path:
    path = folder / "secret"
    path.write_bytes(secret + b"\n")
    path.chmod(0o600)
    return path


def jwks_file(folder: Path, *algorithms: str) -> Path:
    entries = []
    for algorithm in algorithms or PRIVATE:
        made = jwt.get_algorithm_by_name(algorithm).to_jwk(PRIVATE[algorithm].public_key(), as_dict=True)
        entries.append({"kid": algorithm, "use": "sig", "alg": algorithm} | made)
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": entries}))
    return path


def pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """Who signs certificates; its files lie in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(_pem_of(builder.sign(self._key, hashes.SHA256())))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for this machine's loopback, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = _builder(subject, self._name, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        certificate, private = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(_pem_of(builder.sign(self._key, hashes.SHA256())))
        private.write_bytes(pem(key))
        private.chmod(0o600)
        return certificate, private


def _builder(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return x509.CertificateBuilder(
        subject_name=subject, issuer_name=issuer, public_key=key, serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(hours=1), not_valid_after=now + dt.timedelta(hours=1),
    )  # fmt: skip


def _pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
