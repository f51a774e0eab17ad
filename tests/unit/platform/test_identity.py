import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
import structlog

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity, Signer, current_identity
from tests.unit.platform.keys import Keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def _bearer(signer: Signer, account_id: int) -> str:
    return dict(signer.service_metadata(account_id))["authorization"]


def test_identity_token_names_account_and_key(keys: Keys) -> None:
    token = keys.signer("accounts").identity_token(12, 34)
    identity = keys.verifier().identity(token)
    assert (identity.account_id, identity.key_id, identity.service) == (12, 34, None)


def test_identity_token_carries_what_the_key_may_do_and_ends_with_it(keys: Keys) -> None:
    signer, verifier = keys.signer("accounts"), keys.verifier()
    assert verifier.identity(signer.identity_token(12, 34)).scopes is None
    token = signer.identity_token(12, 34, {"tasks:read", "files:read"}, 0.5)
    assert verifier.identity(token).scopes == {"files:read", "tasks:read"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 1


def test_identity_token_carries_the_account_s_own_limit_of_streams(keys: Keys) -> None:
    signer, verifier = keys.signer("accounts"), keys.verifier()
    assert [verifier.identity(signer.identity_token(12, 34, max_streams=own)).max_streams for own in (None, 0, 7)] == [None, 0, 7]


def test_identity_token_tells_when_the_session_was_refreshed(keys: Keys) -> None:
    signer, verifier = keys.signer("accounts"), keys.verifier()
    assert [verifier.identity(signer.identity_token(12, 34, refreshed=moment)).refreshed for moment in (0, 1_800_000_000_000_001)] == [
        0,
        1_800_000_000_000_001,
    ]
    # One of the previous version, which does not say.
    assert verifier.identity(signer.identity_token(12, 34)).refreshed == 0


def test_only_accounts_may_issue_identities(keys: Keys) -> None:
    token = keys.signer("files").identity_token(12, 34)
    _assert_refused(lambda: keys.verifier().identity(token))


def test_service_token_names_service_and_account(keys: Keys) -> None:
    authorization = _bearer(keys.signer("tasks"), 12)
    identity = keys.verifier().service(authorization)
    assert (identity.account_id, identity.service) == (12, "tasks")


def test_tokens_of_one_kind_are_no_tokens_of_the_other(keys: Keys) -> None:
    signer = keys.signer("accounts")
    verifier = keys.verifier()
    _assert_refused(lambda: verifier.service(f"Bearer {signer.identity_token(1, 2)}"))
    _assert_refused(lambda: verifier.identity(_bearer(signer, 1).removeprefix("Bearer ")))


def test_unknown_issuer_is_refused(keys: Keys) -> None:
    authorization = _bearer(keys.signer("stranger", trusted=False), 1)
    _assert_refused(lambda: keys.verifier().service(authorization))


def test_forged_signature_is_refused(keys: Keys) -> None:
    keys.signer("accounts")
    verifier = keys.verifier()
    forged = keys.signer("accounts", trusted=False).identity_token(1, 2)
    _assert_refused(lambda: verifier.identity(forged))


def test_unsigned_token_is_refused(keys: Keys) -> None:
    keys.signer("accounts")
    unsigned = jwt.encode({"iss": "accounts", "aud": "darkroom", "sub": "1", "key": 2, "exp": 4_000_000_000}, None, algorithm="none")
    _assert_refused(lambda: keys.verifier().identity(unsigned))


@pytest.mark.parametrize("ahead", [-90, -6, 0, 6, 90, 3600])
def test_clocks_that_differ_never_make_a_token_invalid(keys: Keys, ahead: int) -> None:
    signer = keys.signer("accounts", clock=lambda: time.time() + ahead)
    verifier = keys.verifier()
    verified: list[Callable[[], Identity]] = [
        lambda: verifier.identity(signer.identity_token(1, 2)),
        lambda: verifier.service(_bearer(signer, 1)),
    ]
    for identity in verified:
        if ahead in (-90, 3600):
            with structlog.testing.capture_logs() as lines:
                _assert_refused(identity, ErrorReason.UNAVAILABLE)
            assert [(line["event"], line["issuer"]) for line in lines] == [("clocks_differ", "accounts")]
            assert abs(lines[0]["token_ends_in_seconds"] - (60 + ahead)) < 5
        else:
            assert identity().account_id == 1


def test_a_token_ends_even_when_it_was_seen_before(keys: Keys) -> None:
    now = [1_800_000_000.0]
    token = keys.signer("accounts", clock=lambda: now[0]).identity_token(1, 2)
    verifier = keys.verifier(lambda: now[0])
    assert verifier.identity(token).account_id == 1
    now[0] += 66
    _assert_refused(lambda: verifier.identity(token), ErrorReason.UNAVAILABLE)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJFZERTQSJ9.e30.AAAA"])
def test_nonsense_is_refused(keys: Keys, token: str) -> None:
    keys.signer("accounts")
    _assert_refused(lambda: keys.verifier().identity(token))


def test_no_identity_outside_of_a_call() -> None:
    with pytest.raises(DarkroomError) as raised:
        current_identity()
    assert raised.value.reason is ErrorReason.PERMISSION_DENIED


def _assert_refused(verify: Callable[[], object], reason: ErrorReason = ErrorReason.API_KEY_INVALID) -> None:
    with pytest.raises(DarkroomError) as raised:
        verify()
    assert raised.value.reason is reason
