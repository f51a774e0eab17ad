"""A service's own certificate, and those of the services that it calls."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.admin.checks.findings import Finding, ok, problem, warning
from deploy.installation.authority import names_of
from services.platform.tls import FILES

_SUBJECT = "certificate"
_SETTING = "DARKROOM_INTERNAL_TLS_DIR"
_LEFT = datetime.timedelta(days=30)
_RENEW = "`darkroom-admin create FOLDER` renews those of an installation folder; then restart the part"


def check_own(folder: Path, name: str) -> list[Finding]:
    """The files in a service's folder: that they belong together, name the service, and last."""
    authority, certificate, key = (folder / file for file in FILES)
    try:
        own = x509.load_pem_x509_certificate(certificate.read_bytes())
        signers = x509.load_pem_x509_certificates(authority.read_bytes())
        matches = load_pem_private_key(key.read_bytes(), password=None).public_key() == own.public_key()
    except (OSError, ValueError) as error:
        return [problem(_SUBJECT, f"{folder} does not have a readable certificate, key and authority: {error}", f"correct {_SETTING}")]
    faults = list(_faults(own, signers, folder, name, matches=matches))
    return faults or [ok(_SUBJECT, f"names {name}, until {own.not_valid_after_utc:%Y-%m-%d}")]


def lasting(subject: str, whose: str, until: datetime.datetime, setting: str = "") -> list[Finding]:
    """A finding if a certificate has ended, or ends within a month."""
    remedy = f"{_RENEW}{f' ({setting})' if setting else ''}"
    left = until - datetime.datetime.now(datetime.UTC)
    if left <= datetime.timedelta():
        return [problem(subject, f"{whose} has ended on {until:%Y-%m-%d}", remedy)]
    return [warning(subject, f"{whose} expires in {left.days} days, on {until:%Y-%m-%d}", remedy)] if left < _LEFT else []


def end_of(told: dict[str, object]) -> datetime.datetime:
    """The expiry of a certificate, in the format of `ssl`."""
    return datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), datetime.UTC)


def _faults(own: x509.Certificate, signers: list[x509.Certificate], folder: Path, name: str, *, matches: bool) -> Iterator[Finding]:
    if not matches:
        yield problem(_SUBJECT, f"tls.key in {folder} is not the key of tls.crt", f"put both there from the same folder ({_SETTING})")
    if not any(_signed(own, signer) for signer in signers):
        yield problem(
            _SUBJECT,
            f"tls.crt in {folder} is not signed by the authority in ca.crt",
            f"put all three there from the same folder ({_SETTING})",
        )
    if name not in (names := names_of(folder / FILES[1])):
        shown = ", ".join(names[:3]) or "nobody"
        yield problem(_SUBJECT, f"tls.crt in {folder} names {shown}, not {name}", f"{_SETTING} must be the folder of {name}")
    yield from lasting(_SUBJECT, f"tls.crt in {folder}", own.not_valid_after_utc, _SETTING)
    for signer in signers:
        yield from lasting(_SUBJECT, f"the authority in {folder}", signer.not_valid_after_utc, _SETTING)


def _signed(own: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        own.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
