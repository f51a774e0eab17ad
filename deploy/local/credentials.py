"""The passwords and keys of a stack: random, created once, kept in files that only their owner can read (0600)."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from deploy.installation import keys
from deploy.installation.private_file import write_private
from deploy.local.layout import Layout
from edge.topology import DATABASES, SERVICES

OPERATOR = "darkroom"
"""The user of NATS without limits, and the name of the certificate with which the stack asks its parts."""


def _random() -> str:
    return secrets.token_hex(24)


@dataclass(frozen=True)
class Credentials:
    """Secrets with which the parts of one stack authenticate to each other. Hexadecimal, so that they never need quoting."""

    postgres: str = field(default_factory=_random)
    nats: str = field(default_factory=_random)
    s3_access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    s3_secret_key: str = field(default_factory=_random)
    databases: dict[str, str] = field(default_factory=lambda: {name: _random() for name in DATABASES})
    nats_users: dict[str, str] = field(default_factory=lambda: {name: _random() for name in SERVICES})
    first_administrator: str = field(default_factory=_random)
    """With which the first administrator signs in where others than this machine's users could."""


def load_credentials(layout: Layout) -> Credentials:
    """Read the stack's secrets; missing ones (the first time, all of them) are created and written."""
    stored = json.loads(layout.secrets_file.read_text()) if layout.secrets_file.is_file() else {}
    known = {field.name for field in fields(Credentials)}
    credentials = Credentials(**{name: value for name, value in stored.items() if name in known})
    databases = {name: _random() for name in DATABASES if name not in credentials.databases}
    nats_users = {name: _random() for name in SERVICES if name not in credentials.nats_users}
    credentials = replace(credentials, databases=credentials.databases | databases, nats_users=credentials.nats_users | nats_users)
    if asdict(credentials) != stored:
        write_private(layout.secrets_file, json.dumps(asdict(credentials), indent=2) + "\n")
    return credentials


def signing_key_file(layout: Layout, issuer: str) -> Path:
    """An issuer's private key, PEM."""
    return layout.keys / f"{issuer}.pem"


def trusted_keys_file(layout: Layout) -> Path:
    """JSON object of issuer to public key, PEM."""
    return layout.keys / "trusted.json"


def webhook_secrets_key_file(layout: Layout) -> Path:
    """The keys that encrypt webhook secrets in the database, 32 bytes in base64 a line."""
    return layout.keys / "webhook-secrets"


def create_webhook_secrets_key(layout: Layout) -> None:
    """Create the first of these keys, unless there is one."""
    keys.create_webhook_secrets_key(webhook_secrets_key_file(layout))


def create_signing_keys(layout: Layout) -> None:
    """Create an Ed25519 key pair per issuer; trusted.json maps each issuer to its public key. Existing keys are kept."""
    keys.create_signing_keys({issuer: signing_key_file(layout, issuer) for issuer in SERVICES}, trusted_keys_file(layout))
