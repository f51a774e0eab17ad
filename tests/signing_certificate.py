"""Certificates that sign content credentials, under an authority of their own."""

from __future__ import annotations

import datetime
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.inference.credentials.development import settings_of, write_certificate

_Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_USED_SECONDS = 43_200


@dataclass(frozen=True)
class Signing:
    """In PEM."""

    certificates: str
    key: str
    trusted: str
    """The root."""


def make_signing(
    name: str = "Darkroom under test",
    key: _Key | None = None,
    *,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    days: int = 7,
    signs_certificates: bool = False,
) -> Signing:
    """A certificate, its key and its root. With negative `days` it has expired."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP256R1())
    root = _certificate(f"{name} root", authority, f"{name} root", authority, days=30, signs_certificates=True)
    leaf = _certificate(name, own, f"{name} root", authority, days=days, use=use, signs_certificates=signs_certificates)
    return Signing(leaf + root, _private(own), root)


def signing_settings(folder: Path) -> dict[str, str]:
    """The settings of a worker that signs, with their files in a folder, for all processes of a test run and the next ones."""
    if not folder.exists() or time.time() - folder.stat().st_mtime > _USED_SECONDS:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent))
        write_certificate(new)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            new.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(new)
    return settings_of(folder)


def _certificate(
    name: str, key: _Key, issuer: str, authority: _Key, *, days: int, signs_certificates: bool, use: x509.ObjectIdentifier | None = None
) -> str:
    now = datetime.datetime.now(datetime.UTC)
    starts = now - datetime.timedelta(days=20 if days < 0 else 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=signs_certificates, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(not signs_certificates, False, False, False, False, signs_certificates, False, False, False), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _private(key: _Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
