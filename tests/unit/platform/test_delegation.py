"""Workers that sign with keys of their own."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.platform.delegation import HEADER, SECONDS, HeldDelegation
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Signer
from tests.unit.platform.keys import Keys

WORKER = "urn:darkroom:worker:7:gpu-box"


class _Machine:
    """A machine with a key of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.key = Ed25519PrivateKey.generate()
        (folder / "key.pem").write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def delegation(self, issuer: str = "accounts", clock: Callable[[], float] = time.time) -> str:
        """What a service says about this machine's key."""
        return Signer(issuer, self.folder.parent / f"{issuer}.pem", clock).delegation(WORKER, self.key.public_key())

    def authorization(self, delegation: str | None, service: str = "inference", clock: Callable[[], float] = time.time) -> str:
        """What it calls with."""
        (self.folder / "delegation").write_text(delegation or "")
        held = HeldDelegation(self.folder / "delegation") if delegation is not None else None
        return dict(Signer(service, self.folder / "key.pem", clock, held).service_metadata(12))["authorization"]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys(tmp_path)
    for issuer in ("accounts", "files", "gateway", "inference", "tasks"):
        made.signer(issuer)
    return made


@pytest.fixture
def machine(tmp_path: Path, keys: Keys) -> _Machine:
    return _Machine(tmp_path / "machine")


def test_a_worker_signs_as_inference_while_its_delegation_lasts(machine: _Machine, keys: Keys, tmp_path: Path) -> None:
    now = time.time()
    identity = keys.verifier().service(machine.authorization(machine.delegation()))
    assert (identity.account_id, identity.service, identity.worker) == (12, "inference", WORKER)
    assert abs(identity.ends - now - SECONDS) < 5
    # The service itself is no such worker.
    itself = Signer("inference", tmp_path / "inference.pem")
    assert keys.verifier().service(dict(itself.service_metadata(12))["authorization"]).worker is None


def test_a_delegation_that_has_ended_does_not_count(machine: _Machine, keys: Keys) -> None:
    old = machine.authorization(machine.delegation(clock=lambda: time.time() - SECONDS - 60))
    with pytest.raises(DarkroomError) as refused:
        keys.verifier().service(old)
    assert refused.value.reason is ErrorReason.UNAVAILABLE
    # A token that was good stays good no longer than the delegation, although tokens are read once.
    begun = time.time()
    moment = begun
    verifier = keys.verifier(lambda: moment)
    authorization = machine.authorization(machine.delegation(clock=lambda: begun - SECONDS + 20))
    verifier.service(authorization)
    moment = begun + 40
    with pytest.raises(DarkroomError) as late:
        verifier.service(authorization)
    assert late.value.reason is ErrorReason.UNAVAILABLE


def test_only_accounts_delegates_and_only_inference(machine: _Machine, keys: Keys) -> None:
    own = jwt.encode(
        {
            "iss": "accounts",
            "aud": "darkroom-delegation",
            "sub": WORKER,
            "as": "inference",
            "key": _raw(machine.key),
            "exp": time.time() + 60,
        },
        machine.key,
        algorithm="EdDSA",
    )
    unsigned = ".".join(_encoded(part) for part in ({"alg": "none"}, {"iss": "accounts", "as": "inference"})) + "."
    good = machine.delegation()
    header, claims, signature = good.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged = f"{header}.{_encoded({**changed, 'as': 'tasks'})}.{signature}"
    for delegation in (machine.delegation("tasks"), machine.delegation("inference"), own, unsigned, forged, "", "x", good[:-4]):
        _assert_refused(keys, _signed(machine, delegation))
    _assert_refused(keys, machine.authorization(None))
    for service in ("accounts", "files", "tasks", "gateway", "stranger"):
        _assert_refused(keys, machine.authorization(good, service))


def test_a_delegation_is_for_one_key(machine: _Machine, keys: Keys, tmp_path: Path) -> None:
    other = _Machine(tmp_path / "other")
    _assert_refused(keys, other.authorization(machine.delegation()))
    # Nor does it go with a token of the service itself, whose key is another.
    (tmp_path / "stolen").write_text(machine.delegation())
    service = Signer("inference", tmp_path / "inference.pem", delegated=HeldDelegation(tmp_path / "stolen"))
    _assert_refused(keys, dict(service.service_metadata(12))["authorization"])


def test_a_delegated_token_is_no_identity_of_a_client(machine: _Machine, keys: Keys) -> None:
    with pytest.raises(DarkroomError):
        keys.verifier().identity(machine.authorization(machine.delegation()).removeprefix("Bearer "))


def test_a_new_delegation_is_used_at_once_and_kept(machine: _Machine, keys: Keys) -> None:
    file = machine.folder / "delegation"
    file.write_text(machine.delegation(clock=lambda: time.time() - SECONDS - 60))
    held = HeldDelegation(file)
    assert held.ends < time.time()
    signer = Signer("inference", machine.folder / "key.pem", delegated=held)
    signer.service_metadata(12)
    held.replace(machine.delegation())
    assert keys.verifier().service(dict(signer.service_metadata(12))["authorization"]).worker == WORKER
    assert HeldDelegation(file).token == held.token
    assert file.stat().st_mode & 0o777 == 0o600


def _signed(machine: _Machine, delegation: str) -> str:
    token = jwt.encode(
        {"iss": "inference", "aud": "darkroom-internal", "sub": "12", "exp": time.time() + 60},
        machine.key,
        algorithm="EdDSA",
        headers={HEADER: delegation},
    )
    return f"Bearer {token}"


def _raw(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode()


def _encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _assert_refused(keys: Keys, authorization: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        keys.verifier().service(authorization)
    assert refused.value.reason is ErrorReason.API_KEY_INVALID
