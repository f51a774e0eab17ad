"""The token with which a machine joins, and the protection of the exchange."""

from __future__ import annotations

import pytest

from services.platform.joining import JoinKeys, JoinToken, digest_of_request, secret_of

TOKEN = JoinToken("https://photos.example.com", "photos.example.com:8444", "ab" * 32, 123, "cd" * 32)
FIELDS = ("123", "gpu-box", "request", "key", "0.1.0", "1800000000")


def test_a_token_is_one_word_that_holds_everything() -> None:
    text = TOKEN.text()
    assert text.startswith("dkw_")
    assert text.replace("_", "").replace("-", "").isalnum()
    assert JoinToken.parse(f" {text}\n") == TOKEN


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not begin with dkw_"),
        ("dk_sk_1234", "does not begin with dkw_"),
        ("dkw_", "incomplete"),
        (TOKEN.text()[:-5], "incomplete"),
        (TOKEN.text()[:60] + TOKEN.text()[61:], "incomplete"),
        (TOKEN.text() + "é", "incomplete"),
    ],
)
def test_what_is_no_whole_token_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        JoinToken.parse(text)


def test_secrets_differ_by_token_and_by_server() -> None:
    secrets = {secret_of(pepper, token_id) for pepper in (b"a" * 32, b"b" * 32) for token_id in (1, 2)}
    assert len(secrets) == 4
    assert {len(secret) for secret in secrets} == {32}


def test_a_request_counts_with_its_own_code_only() -> None:
    keys = TOKEN.keys
    mac = keys.mac(FIELDS)
    assert keys.matches(FIELDS, mac)
    assert TOKEN.secret not in mac
    for number in range(len(FIELDS)):
        changed = [*FIELDS[:number], FIELDS[number] + "x", *FIELDS[number + 1 :]]
        assert not keys.matches(changed, mac)
    # What moves from one field to the next makes another request.
    assert not keys.matches(("12", "3gpu-box", *FIELDS[2:]), mac)
    assert not JoinKeys(b"x" * 32).matches(FIELDS, mac)
    assert not keys.matches(FIELDS, "é")


def test_a_reply_can_be_read_with_the_token_and_for_its_request_only() -> None:
    digest = digest_of_request(*FIELDS[:4])
    sealed = TOKEN.keys.seal(b"password", digest)
    assert "password" not in sealed
    assert TOKEN.keys.open(sealed, digest) == b"password"
    for keys, context, text in (
        (JoinKeys(b"x" * 32), digest, sealed),
        (TOKEN.keys, digest_of_request("124", *FIELDS[1:4]), sealed),
        (TOKEN.keys, digest, f"{'A' * 20}{sealed[20:]}"),
        (TOKEN.keys, digest, ""),
    ):
        with pytest.raises(ValueError, match="not made with this token"):
            keys.open(text, context)
