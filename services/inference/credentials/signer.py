"""The key of content credentials, and its certificates. It stays in the worker: a child that reads files asks for a signature."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

_CURVES: Mapping[str, tuple[str, hashes.HashAlgorithm, int]] = {
    "secp256r1": ("es256", hashes.SHA256(), 32),
    "secp384r1": ("es384", hashes.SHA384(), 48),
    "secp521r1": ("es512", hashes.SHA512(), 66),
}
"""By curve: algorithm, digest, and bytes of each of the two numbers of a signature."""
_RSA: Mapping[str, hashes.HashAlgorithm] = {"ps256": hashes.SHA256(), "ps384": hashes.SHA384(), "ps512": hashes.SHA512()}
_SHORTEST_RSA = 2048
_TO_SIGN = b"\x84jSignature1"
"""The beginning of the `Sig_structure` of a COSE_Sign1 (RFC 9052, 4.4): nothing else is signed."""
_MOST_BYTES = 1 << 20
_USES = (
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing (RFC 9336)
    x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),  # C2PA's own
)


class UnusableCertificateError(ValueError):
    """The certificates or the key cannot sign content credentials; the text says why, for the operator."""


class Signer:
    """Signs claims.

    Raises UnusableCertificateError for certificates that C2PA does not allow (C2PA 2.2, 14.5), and for a key that is not theirs.
    """

    def __init__(self, certificates: str, key: str, algorithm: str = "") -> None:
        self.certificates = certificates
        """In PEM, the signing one first."""
        own = _checked(certificates)
        private = _key(key)
        if _public(private) != own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
            raise UnusableCertificateError("the key is not that of the first certificate")
        self.algorithm, self._sign = _signing(private, algorithm)
        """`es256` and so on."""
        self.expires = own.not_valid_after_utc

    def sign(self, data: bytes) -> bytes:
        """The signature of a claim, in the form of COSE. Raises ValueError for what is no claim to be signed."""
        if not data.startswith(_TO_SIGN) or len(data) > _MOST_BYTES:
            raise ValueError("no claim to be signed")
        return self._sign(data)

    def answering_once(self) -> Callable[..., Awaitable[bytes]]:
        """Gives a child the signature of what it sends in base 64, once: a file that it reads may have taken it over."""
        left = [self]

        async def answer(data: object) -> bytes:
            if not left or not isinstance(data, str):
                raise ValueError("no further signature")
            return await asyncio.to_thread(left.pop().sign, base64.b64decode(data, validate=True))

        return answer


def _checked(certificates: str) -> x509.Certificate:
    """The first of the certificates."""
    try:
        own, *_ = x509.load_pem_x509_certificates(certificates.encode())
        extensions = own.extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        uses = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound as error:
        raise UnusableCertificateError(
            "the certificate does not say what its key may be used for (key usage, extended key usage)"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableCertificateError("the certificates are no PEM") from error
    now = datetime.now(UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        raise UnusableCertificateError(f"the certificate is valid from {own.not_valid_before_utc:%F} to {own.not_valid_after_utc:%F}")
    if not usage.digital_signature or usage.key_cert_sign:
        raise UnusableCertificateError("the certificate must be for digital signatures, and must not be one that signs certificates")
    if uses.isdisjoint(_USES):
        raise UnusableCertificateError("the certificate must be for e-mail protection or document signing (extended key usage)")
    if own.issuer == own.subject:
        raise UnusableCertificateError("the certificate has signed itself, which C2PA does not allow: another one must have signed it")
    return own


def _key(pem: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableCertificateError("the key is no PEM of a private key without a password") from error


def _public(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _signing(key: PrivateKeyTypes, wanted: str) -> tuple[str, Callable[[bytes], bytes]]:
    """The algorithm, and what signs with it."""
    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            algorithm, digest, size = _CURVES[key.curve.name]
            made: Callable[[bytes], bytes] = partial(_by_curve, key, digest, size)
        case ed25519.Ed25519PrivateKey():
            algorithm, made = "ed25519", key.sign
        case rsa.RSAPrivateKey() if key.key_size >= _SHORTEST_RSA:
            algorithm = wanted if wanted in _RSA else "ps256"
            made = partial(_by_rsa, key, _RSA[algorithm])
        case _:
            raise UnusableCertificateError("the key must be of the curve P-256, P-384, P-521 or Ed25519, or RSA with at least 2,048 bits")
    if wanted not in ("", algorithm):
        raise UnusableCertificateError(f"the key signs with {algorithm}, not with {wanted}")
    return algorithm, made


def _by_curve(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm, size: int, data: bytes) -> bytes:
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(key.sign(data, ec.ECDSA(digest))))


def _by_rsa(key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm, data: bytes) -> bytes:
    return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
