"""Certificates of workers that join from other machines, signed by the installation's authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.platform.delegation import DELEGATED
from services.platform.errors import DarkroomError, ErrorReason

LIFE = timedelta(days=90)
"""How long a worker's certificate is good for."""
_FIELD = "certificate_request"
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A new certificate."""

    pem: str
    ends: datetime


class WorkerAuthority:
    """Signs certificates for workers. Everything in them but the key is decided here: a request cannot ask for a name, nor for rights."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds ca.crt and ca.key. Raises ValueError where they are no such pair, and OSError."""
        self._certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        key = load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self._certificate.public_key():
            raise ValueError(f"{folder} does not hold an authority: ca.crt and its ca.key, on an elliptic curve")
        self._key = key

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """Its SHA-256, in hexadecimal."""
        return self._certificate.fingerprint(SHA256()).hex()

    def issue(self, request: str, worker: str, now: datetime) -> IssuedCertificate:
        """A certificate for a worker, by its full name. Raises FIELD_INVALID for a request that is none, or that asks for something."""
        public_key = _key_of(request)
        ends = min(now + LIFE, self._certificate.not_valid_after_utc).replace(microsecond=0)
        names = x509.SubjectAlternativeName([x509.DNSName(DELEGATED), x509.UniformResourceIdentifier(worker)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DELEGATED)]))
            .issuer_name(self._certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCKS_DIFFER)
            .not_valid_after(ends)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            # Nobody calls a worker, so with it nobody can pass for a server either.
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        )
        return IssuedCertificate(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode(), ends)


def _key_of(request: str) -> ec.EllipticCurvePublicKey:
    try:
        parsed = x509.load_pem_x509_csr(request.encode())
        key, signed, asked = parsed.public_key(), parsed.is_signature_valid, len(parsed.extensions)
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise _refused("be a certificate request (PKCS #10, PEM)") from None
    if not signed:
        raise _refused("be signed with its own key")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refused("have a key on the curve P-256")
    if asked:
        raise _refused("ask for no extensions: the server decides what the certificate says")
    return key


def _refused(must: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{_FIELD} must {must}", field=_FIELD)
