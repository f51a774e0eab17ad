"""The keys with which a service signs, those that it trusts, and who else can read its files."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from deploy.admin.checks.findings import Finding, ok, problem, warning
from edge.topology import SERVICES

_SUBJECT = "keys"
_OWN, _TRUSTED = "DARKROOM_SIGNING_KEY_FILE", "DARKROOM_TRUSTED_KEYS_FILE"


def check_keys(service: str, signing_key_file: Path, trusted_keys_file: Path) -> list[Finding]:
    """That the private key is a key, and the public ones include its own and those of all services."""
    try:
        private = load_pem_private_key(signing_key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        return [problem(_SUBJECT, f"{signing_key_file} cannot be read as a private key: {_reason(error)}", f"correct {_OWN}")]
    if not isinstance(private, Ed25519PrivateKey):
        return [problem(_SUBJECT, f"{signing_key_file} is no Ed25519 key", f"correct {_OWN}")]
    try:
        trusted: Mapping[str, str] = json.loads(trusted_keys_file.read_text())
        known = {name: load_pem_public_key(pem.encode()) for name, pem in trusted.items()}
    except (OSError, ValueError, AttributeError) as error:
        return [problem(_SUBJECT, f"{trusted_keys_file} cannot be read as public keys: {_reason(error)}", f"correct {_TRUSTED}")]
    faults = []
    if missing := [name for name in SERVICES if name not in known]:
        faults.append(
            problem(_SUBJECT, f"{trusted_keys_file} has no key of {', '.join(missing)}", f"give every service the same ({_TRUSTED})")
        )
    if service in known and known[service] != private.public_key():
        text = f"{signing_key_file} is not the key of {service} in {trusted_keys_file}, so other services refuse its calls"
        faults.append(problem(_SUBJECT, text, f"both from the same installation folder ({_OWN}, {_TRUSTED})"))
    return faults or [ok(_SUBJECT, f"the service's own is the one that others trust; {len(known)} are trusted")]


def check_modes(files: Iterable[Path]) -> list[Finding]:
    """That only their owner can read files with secrets."""
    return [
        warning("file modes", f"users other than its owner can read {file} ({stat.S_IMODE(file.stat().st_mode):o})", f"chmod 600 {file}")
        for file in _readable_by_others(files)
    ]


def _readable_by_others(files: Iterable[Path]) -> Iterator[Path]:
    for file in files:
        # Kubernetes mounts secrets as links, in memory, for the containers of one pod alone.
        if file.is_file() and not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            yield file


def _reason(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "its content does not match"
