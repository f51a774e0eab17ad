"""The keys with which the services sign, and those that encrypt webhook secrets."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from deploy.installation.errors import InstallationError
from deploy.installation.private_file import write_private


def create_signing_keys(files: Mapping[str, Path], trusted_keys: Path) -> None:
    """Create an Ed25519 private key for each issuer, PEM, and write a JSON object of issuer to public key. Existing keys are kept.

    Raises InstallationError for a file that holds something else.
    """
    trusted: dict[str, str] = {}
    for issuer, path in files.items():
        if not path.is_file():
            private = Ed25519PrivateKey.generate()
            write_private(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        try:
            public = load_pem_private_key(path.read_bytes(), password=None).public_key()
        except ValueError:
            raise InstallationError(f"{path} contains no private key; restore it, or remove it to get a new one") from None
        trusted[issuer] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    content = json.dumps(trusted, indent=2) + "\n"
    if not trusted_keys.is_file() or trusted_keys.read_text() != content:
        write_private(trusted_keys, content)


def create_webhook_secrets_key(path: Path) -> None:
    """Create a file with the first of the keys that encrypt webhook secrets in the database, 32 bytes in base64, unless there is one."""
    if not path.is_file():
        write_private(path, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
