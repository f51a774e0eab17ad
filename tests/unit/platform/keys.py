"""Ed25519 keys for tests."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.platform.identity import Signer, Verifier


class Keys:
    """Issuers with keys in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._public: dict[str, str] = {}

    def signer(self, issuer: str, *, trusted: bool = True, clock: Callable[[], float] = time.time) -> Signer:
        key = Ed25519PrivateKey.generate()
        file = self._folder / f"{issuer}.pem"
        file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        if trusted:
            public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            self._public[issuer] = public.decode()
        return Signer(issuer, file, clock)

    def verifier(self, clock: Callable[[], float] = time.time) -> Verifier:
        file = self._folder / "trusted.json"
        file.write_text(json.dumps(self._public))
        return Verifier(file, clock)
