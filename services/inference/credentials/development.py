"""A certificate to try content credentials with: `python -m services.inference.credentials.development FOLDER`.

It is under an authority that is made for it and then forgotten, so nobody else trusts it, and its names say what it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAME, _ROOT = "Darkroom development, not for production", "Darkroom development root, not for production"
_VALID = timedelta(days=365)
_CERTIFICATES, _KEY, _TRUSTED = "certificates.pem", "key.pem", "trusted.pem"


def write_certificate(folder: Path) -> None:
    """Write certificates, key and root into a folder. Raises FileExistsError rather than replace a key."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate(_ROOT, authority, authority, signs_certificates=True)
    leaf = _certificate(_NAME, own, authority, signs_certificates=False)
    key = folder / _KEY
    key.touch(mode=0o600, exist_ok=False)
    key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / _CERTIFICATES).write_bytes(leaf + root)
    (folder / _TRUSTED).write_bytes(root)


def settings_of(folder: Path) -> dict[str, str]:
    """The settings of a worker that signs with what is in a folder, and trusts its own signatures."""
    files = {"CERTIFICATES": _CERTIFICATES, "KEY": _KEY, "TRUSTED": _TRUSTED}
    return {f"DARKROOM_CONTENT_CREDENTIALS_{name}_FILE": str(folder.absolute() / file) for name, file in files.items()}


def main(arguments: Sequence[str]) -> int:
    """Write the files and print the settings that name them."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m services.inference.credentials.development FOLDER\n")
        return 2
    folder = Path(arguments[0])
    try:
        write_certificate(folder)
    except FileExistsError:
        sys.stderr.write(f"{folder / _KEY} exists, and was left unchanged.\n")
        return 1
    sys.stdout.writelines(f"{name}={value}\n" for name, value in settings_of(folder).items())
    return 0


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, authority: ec.EllipticCurvePrivateKey, *, signs_certificates: bool) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(_ROOT))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=signs_certificates, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not signs_certificates,
                key_cert_sign=signs_certificates,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if not signs_certificates:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Darkroom"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
