"""Where an installation keeps its certificates, keys, passwords and settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from deploy.installation.errors import InstallationError
from edge.topology import EDGE, SERVICES
from services.platform.tls import SCALER

OPERATOR = "operator"
"""The administrator and prober of an installation: a certificate, and a user of NATS without limits."""
CERTIFIED = (*SERVICES, EDGE, "nats", "triton", OPERATOR, SCALER)
"""The parts that have certificates."""
MOUNTED = Path("/etc/darkroom")
"""Where containers find their secrets (`secrets`), certificates (`tls`) and `trusted-keys.json`."""

NATS_URL, DATABASE_URL, SIGNING_KEY = "nats-url", "database-url", "signing-key.pem"
S3_ACCESS_KEY, S3_SECRET_KEY, WEBHOOK_KEY = "s3-access-key", "s3-secret-key", "webhook-secrets.key"
_SETTINGS = {
    NATS_URL: "DARKROOM_NATS_URL_FILE",
    DATABASE_URL: "DARKROOM_DATABASE_URL_FILE",
    SIGNING_KEY: "DARKROOM_SIGNING_KEY_FILE",
    S3_ACCESS_KEY: "DARKROOM_S3_ACCESS_KEY_FILE",
    S3_SECRET_KEY: "DARKROOM_S3_SECRET_KEY_FILE",
    WEBHOOK_KEY: "DARKROOM_WEBHOOK_SECRETS_KEY_FILE",
}


@dataclass(frozen=True)
class Installation:
    """The folder of one installation. `deploy.installation.create` makes it."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Installation:
        """An existing one. Raises InstallationError if the folder holds none."""
        found = cls(folder.absolute())
        if not found.settings_file.is_file() or not found.trusted_keys_file.is_file():
            raise InstallationError(f"{folder} is not an installation folder; `darkroom-admin create {folder}` makes one")
        return found

    @property
    def authority(self) -> Path:
        """Folder with the certificate authority: ca.crt, and ca.key, which no part needs."""
        return self.folder / "tls" / "authority"

    def tls(self, part: str) -> Path:
        """Folder with ca.crt, tls.crt and tls.key of a part."""
        return self.folder / "tls" / part

    def secrets(self, part: str) -> Path:
        """Folder with a part's secrets, one file each."""
        return self.folder / "secrets" / part

    def secret(self, part: str, name: str) -> str | None:
        """The content of one of these files; None if there is none."""
        file = self.secrets(part) / name
        # Services do not count a newline at the end, either.
        return file.read_text().removesuffix("\n").removesuffix("\r") if file.is_file() else None

    @property
    def nats_users_file(self) -> Path:
        """The part of NATS's configuration with its users and their rights, for an `include`."""
        return self.secrets("nats") / "users.conf"

    @property
    def databases_file(self) -> Path:
        """SQL that makes the services' roles and databases, for the administrator of PostgreSQL."""
        return self.secrets("postgres") / "databases.sql"

    @property
    def trusted_keys_file(self) -> Path:
        """JSON object of service to public key."""
        return self.folder / "trusted-keys.json"

    @property
    def settings_file(self) -> Path:
        """The settings that are no secrets and common to all parts, one NAME=value a line."""
        return self.folder / "settings.env"

    @property
    def settings(self) -> dict[str, str]:
        """The content of that file."""
        values = dotenv_values(self.settings_file, interpolate=False) if self.settings_file.is_file() else {}
        return {name: value for name, value in values.items() if value is not None}

    def service_environment(self, service: str, root: Path | None = None) -> dict[str, str]:
        """The variables that give a service the places of its secrets, keys and certificates: below `root` (such as `MOUNTED`) as they are
        mounted in a container; without it, in this folder."""
        secrets = self.secrets(service) if root is None else root / "secrets"
        tls = self.tls(service) if root is None else root / "tls"
        trusted = self.trusted_keys_file if root is None else root / self.trusted_keys_file.name
        files = {_SETTINGS[name]: str(secrets / name) for name in _SETTINGS if os.path.lexists(self.secrets(service) / name)}
        return {**files, "DARKROOM_TRUSTED_KEYS_FILE": str(trusted), "DARKROOM_INTERNAL_TLS_DIR": str(tls)}


def addresses() -> Mapping[str, str]:
    """Where services find each other by their names: the internal and the public listener of each."""
    internal = {f"DARKROOM_{name.upper()}_ADDRESS": f"{name}:7001" for name in SERVICES}
    public = {f"DARKROOM_{one.name.upper()}_PUBLIC_ADDRESS": f"{one.name}:7000" for one in SERVICES.values() if one.public}
    return {**internal, **public, "DARKROOM_TRITON_ADDRESS": "triton:8001"}
