"""An installation's own certificate authority, and one certificate for each part."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.installation.errors import InstallationError
from deploy.installation.private_file import make_private_folder, write_private
from services.platform.tls import FILES

_CA, _CERTIFICATE, _KEY = FILES
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Lifetime:
    """How long a certificate is valid, and how long before its end a new one takes its place."""

    valid: datetime.timedelta
    remaining: datetime.timedelta


@dataclass(frozen=True)
class Authority:
    """A certificate that signs those of the parts, and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, folder: Path, names: Sequence[str], lifetime: Lifetime) -> bool:
        """Give a part, in its folder, a certificate for servers and clients, and a new private key; whether it needed one.

        names: DNS names and addresses. The first is the part's own. A certificate that lasts and has all of them is kept, and a new one
        keeps the names of the one before.
        """
        names = [_canonical(name) for name in names]
        present = names_of(folder / _CERTIFICATE)
        known = folder / _CA
        trusted = known.is_file() and known.read_text() == self.pem
        if trusted and lasts(folder / _CERTIFICATE, lifetime.remaining) and set(names) <= set(present) and (folder / _KEY).is_file():
            return False
        make_private_folder(folder)
        own = ec.generate_private_key(ec.SECP256R1())
        end = min(_now() + lifetime.valid, self.certificate.not_valid_after_utc)
        all_names = dict.fromkeys((*names, *(present if trusted else ())))
        certificate = (
            _builder(names[0], own, self.certificate.subject, end)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in all_names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        write_private(folder / _KEY, _pem(own))
        write_private(folder / _CERTIFICATE, certificate.public_bytes(Encoding.PEM).decode())
        write_private(known, self.pem)
        return True


def open_authority(folder: Path) -> Authority | None:
    """The authority whose ca.crt and ca.key are in a folder; None if they are not, or are of another kind."""
    certificate, key = folder / _CA, folder / "ca.key"
    if not certificate.is_file() or not key.is_file():
        return None
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except ValueError:
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        return None
    return Authority(certificate_in(certificate), private)


def create_authority(folder: Path, name: str, valid: datetime.timedelta) -> Authority:
    """Make an authority, and write its ca.crt and ca.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(name, key, _name(name), _now() + valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(certificate, key)
    make_private_folder(folder)
    write_private(folder / "ca.key", _pem(key))
    write_private(folder / _CA, authority.pem)
    return authority


def certificate_in(file: Path) -> x509.Certificate:
    """The certificate in a file. Raises InstallationError if it holds something else."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        raise InstallationError(f"{file} contains no certificate; restore it, or remove it to get a new one") from None


def lasts(file: Path, left: datetime.timedelta) -> bool:
    """Whether there is a certificate that is valid for longer than `left`."""
    return file.is_file() and certificate_in(file).not_valid_after_utc - _now() > left


def names_of(file: Path) -> list[str]:
    """The DNS names and addresses in a certificate; none without one."""
    if not file.is_file():
        return []
    names = certificate_in(file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _builder(name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, end: datetime.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks may differ.
        .not_valid_before(_now() - datetime.timedelta(hours=1))
        .not_valid_after(end)
    )


def _canonical(name: str) -> str:
    """An address in its shortest form."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
