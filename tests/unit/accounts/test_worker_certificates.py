"""What the authority signs for workers of other machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.installation.authority import create_authority
from services.accounts.domain.worker_certificates import LIFE, WorkerAuthority
from services.platform.errors import DarkroomError, ErrorReason

URN = "urn:darkroom:worker:7:gpu-box"
NOW = datetime.now(UTC).replace(microsecond=0)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@pytest.fixture
def authority(tmp_path: Path) -> WorkerAuthority:
    create_authority(tmp_path / "authority", "Darkroom test", timedelta(days=3650))
    return WorkerAuthority(tmp_path / "authority")


def _request(key: Key, *extensions: x509.ExtensionType, subject: str = "anything") -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM).decode()


def test_the_certificate_says_what_the_server_decides(authority: WorkerAuthority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue(_request(key, subject="accounts"), URN, NOW)
    certificate = x509.load_pem_x509_certificate(issued.pem.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pem.encode()))
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["inference"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [URN]
    assert len(list(names)) == 2
    assert certificate.subject.rfc4514_string() == "CN=inference"
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.not_valid_after_utc == issued.ends == NOW + LIFE


@pytest.mark.parametrize(
    "extension",
    [
        x509.SubjectAlternativeName([x509.DNSName("accounts")]),
        x509.BasicConstraints(ca=True, path_length=None),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    ],
)
def test_a_request_cannot_ask_for_names_or_rights(authority: WorkerAuthority, extension: x509.ExtensionType) -> None:
    _assert_refused(authority, _request(ec.generate_private_key(ec.SECP256R1()), extension), "ask for no extensions")


def test_other_keys_are_refused(authority: WorkerAuthority) -> None:
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()):
        _assert_refused(authority, _request(key), "P-256")


def test_what_is_no_request_of_the_key_s_holder_is_refused(authority: WorkerAuthority) -> None:
    _assert_refused(authority, "no request", "certificate request")
    parsed = x509.load_pem_x509_csr(_request(ec.generate_private_key(ec.SECP256R1())).encode())
    der = bytearray(parsed.public_bytes(Encoding.DER))
    # Another name than the one that was signed.
    at = der.index(b"anything")
    der[at : at + 8] = b"somebody"
    _assert_refused(authority, x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode(), "signed with its own key")


def test_a_folder_must_hold_an_authority(tmp_path: Path) -> None:
    for name in ("one", "other"):
        create_authority(tmp_path / name, "Darkroom test", timedelta(days=3650))
    (tmp_path / "one" / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(ValueError, match="does not hold an authority"):
        WorkerAuthority(tmp_path / "one")


def _assert_refused(authority: WorkerAuthority, request: str, message: str) -> None:
    with pytest.raises(DarkroomError, match=message) as refused:
        authority.issue(request, URN, NOW)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "certificate_request")
