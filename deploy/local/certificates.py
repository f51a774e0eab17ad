"""The certificates of a stack's parts, for mutual TLS between them: an authority of the stack's own, and one certificate a part."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.layout import Layout, write_private

_VALID = datetime.timedelta(days=3650)
# Renewed by the first `up` after that.
_LEFT = datetime.timedelta(days=365)
_LOOPBACK = ipaddress.ip_address("127.0.0.1")


def certificate_folder(layout: Layout, part: str) -> Path:
    """The folder of a part: ca.crt, tls.crt and tls.key."""
    return layout.keys / "tls" / part


def create_certificates(layout: Layout, parts: Iterable[str]) -> None:
    """Create the authority and the parts' certificates, which name them as DNS names and 127.0.0.1. Those that last are kept."""
    authority, key = _authority(layout)
    authority_pem = authority.public_bytes(Encoding.PEM).decode()
    for part in parts:
        folder = certificate_folder(layout, part)
        folder.mkdir(parents=True, exist_ok=True)
        known = folder / "ca.crt"
        if known.is_file() and known.read_text() == authority_pem and _lasts(folder / "tls.crt"):
            continue
        own = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(part), x509.IPAddress(_LOOPBACK)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = _builder(part, own, authority.subject).add_extension(names, critical=False).add_extension(usage, critical=False)
        write_private(folder / "tls.key", _pem(own))
        write_private(folder / "tls.crt", builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
        write_private(known, authority_pem)


def _authority(layout: Layout) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    folder = layout.keys / "tls"
    folder.mkdir(exist_ok=True)
    certificate_file, key_file = folder / "ca.crt", folder / "ca.key"
    if _lasts(certificate_file) and key_file.is_file():
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Darkroom {layout.digest}"
    builder = _builder(name, key, _name(name)).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    write_private(key_file, _pem(key))
    write_private(certificate_file, certificate.public_bytes(Encoding.PEM).decode())
    return certificate, key


def _builder(name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks may differ.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALID)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _lasts(file: Path) -> bool:
    if not file.is_file():
        return False
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > _LEFT
