"""Which certificates and keys may sign content credentials, and what the key signs."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import ValidationError

from services.inference.credentials import child
from services.inference.credentials.manifest import Deed, definition
from services.inference.credentials.settings import CredentialSettings
from services.inference.credentials.signer import Signer
from tests.signing_certificate import Signing, make_signing

GOOD = make_signing()


@pytest.mark.parametrize(
    ("key", "wanted", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "", "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "", "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512", "es512"),
        (ed25519.Ed25519PrivateKey.generate(), "", "ed25519"),
        (rsa.generate_private_key(65537, 2048), "", "ps256"),
        (rsa.generate_private_key(65537, 2048), "ps384", "ps384"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_algorithm_is_valid_to_the_library(key: object, wanted: str, algorithm: str) -> None:
    made = make_signing(key=key)
    signer = Signer(made.certificates, made.key, wanted)
    assert signer.algorithm == algorithm
    asked = child.SigningJob(
        "image/gif", definition("a.gif", "image/gif", [Deed("qr_code", "created")], []), (), made.certificates, algorithm
    )
    assert child.try_signing(asked, lambda text: signer.sign(base64.b64decode(text))) == []


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Signing("", GOOD.key, ""), "need each other"),
        (Signing(GOOD.certificates, "", ""), "need each other"),
        (Signing("nothing", GOOD.key, ""), "no PEM"),
        (Signing(GOOD.certificates, "nothing", ""), "no PEM of a private key"),
        (Signing(GOOD.certificates, make_signing().key, ""), "not that of the first certificate"),
        (make_signing(days=-1), "valid from"),
        (make_signing(use=ExtendedKeyUsageOID.SERVER_AUTH), "e-mail protection or document signing"),
        (make_signing(signs_certificates=True), "signs certificates"),
        (Signing(GOOD.trusted, GOOD.key, ""), "what its key may be used for"),
        (make_signing(key=ec.generate_private_key(ec.SECP256K1())), "P-256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_sign_is_said_at_the_start(made: Signing, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CredentialSettings(content_credentials_certificates=made.certificates, content_credentials_key=made.key or None)


def test_an_algorithm_of_another_kind_of_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="signs with es256, not with ps256"):
        CredentialSettings(
            content_credentials_certificates=GOOD.certificates, content_credentials_key=GOOD.key, content_credentials_algorithm="ps256"
        )
    assert CredentialSettings().signer is None


async def test_the_key_signs_one_claim_for_a_child_and_nothing_else() -> None:
    signer = Signer(GOOD.certificates, GOOD.key)
    with pytest.raises(ValueError, match="no claim"):
        signer.sign(b"\x30\x82 a certificate")
    claim = base64.b64encode(b"\x84jSignature1 and so on").decode()
    answer = signer.answering_once()
    assert len(await answer(claim)) == 64
    with pytest.raises(ValueError, match="no further"):
        await answer(claim)
