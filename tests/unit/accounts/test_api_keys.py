"""API keys."""

import hashlib
import re

import pytest

from services.accounts.domain.keys import derived_key, digest_of, make_key
from services.accounts.surfaces.edge.decisions import presented_key
from services.platform.rpc import catalogue

SECRET = "dk_sk_" + "aZ9" * 14 + "x"


def test_a_key_is_random_base62_and_only_its_digest_is_kept() -> None:
    key, other = make_key(), make_key()
    assert re.fullmatch(r"dk_sk_[0-9A-Za-z]{43}", key.secret)
    assert key.secret != other.secret
    assert key.digest == hashlib.sha256(key.secret.encode()).digest() == digest_of(key.secret)
    assert key.secret.startswith(key.prefix)
    assert len(key.prefix) == 12


def test_a_derived_key_is_like_any_other_and_needs_both_the_pepper_and_the_nonce() -> None:
    key = derived_key(b"pepper", b"nonce")
    assert re.fullmatch(r"dk_sk_[0-9A-Za-z]{43}", key.secret)
    assert key == derived_key(b"pepper", b"nonce")
    assert len({key.secret, derived_key(b"pepper", b"other").secret, derived_key(b"other", b"nonce").secret}) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": f"bearer  {SECRET} "},
        {"x-api-key": SECRET},
        {"authorization": "Basic eDp5", "x-api-key": SECRET},
        {"authorization": f"Bearer {SECRET}", "x-api-key": "another"},
    ],
)
def test_a_key_is_found_in_either_header(headers: dict[str, str]) -> None:
    """Where the surface has both; outside of any, every way is good."""
    for surface in (*catalogue.surfaces(), None):
        taken = {key.header.lower() for key in surface.keys} if surface is not None else headers.keys()
        usable = any(name in taken for name, value in headers.items() if SECRET in value)
        assert presented_key(headers, surface) == (SECRET if usable else None), surface


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": SECRET},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {SECRET},Bearer {SECRET}"},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": f"Bearer {SECRET[:-1]}é"},
        {"authorization": "Bearer wrong", "x-api-key": SECRET},
        {"x-api-key": SECRET.replace("dk_sk", "pi_sk")},
        {"x-api-key": SECRET + "\n" + SECRET},
    ],
)
def test_what_cannot_be_a_key_is_none(headers: dict[str, str]) -> None:
    for surface in (*catalogue.surfaces(), None):
        assert presented_key(headers, surface) is None
