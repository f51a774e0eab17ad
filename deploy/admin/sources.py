"""Where the settings of the services come from: an installation folder, a stack of `make up`, or the environment of this process."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.installation import Installation
from deploy.installation.folder import NATS_URL, OPERATOR, addresses
from edge.topology import SERVICES
from services.platform.environment import PREFIX
from services.platform.tls import MutualTls

# Nobody listens here where settings are only checked, but a service needs the setting.
_LISTENERS = {
    "DARKROOM_LISTEN": "0.0.0.0:7000",
    "DARKROOM_INTERNAL_LISTEN": "0.0.0.0:7001",
    "DARKROOM_AUTHORIZATION_LISTEN": "0.0.0.0:7002",
}
# Settings of the supervisor, and of clients.
_OF_OTHERS = ("DARKROOM_STACK", "DARKROOM_URL", "DARKROOM_API_KEY")


@dataclass(frozen=True)
class Source:
    """The environment of each service, and what the operator knows besides."""

    environments: Mapping[str, Mapping[str, str]]
    """By service: all of its process's variables."""
    description: str
    """Where an operator has written settings."""
    public_url: str = ""
    nats_url: str = ""
    """The URL of a user without limits."""
    tls: MutualTls | None = None
    """The operator's certificate."""
    setting_names: tuple[str, ...] = ()
    """The names of these settings."""
    per_service: bool = True
    """Whether each service has an environment of its own, so that all can be looked at together."""
    secrets: tuple[Path, ...] = ()
    """Folders whose files are for their owner alone."""
    on_this_machine: bool = False
    """Whether all parts run here."""

    def of(self, service: str) -> Mapping[str, str]:
        """The environment in which a service is checked, also with settings that only others have."""
        return {**self.environments[service], **({f"{PREFIX}PUBLIC_URL": self.public_url} if self.public_url else {})}

    def private_files(self) -> Iterator[Path]:
        """All files in these folders."""
        return (path for folder in self.secrets for path in folder.rglob("*") if path.suffix != ".crt")


def add_options(parser: argparse.ArgumentParser, *, inherited: bool = False) -> None:
    """The options that say which source. `inherited`: of a command, after which they are accepted as well as before it."""
    default = {"default": argparse.SUPPRESS} if inherited else {"default": None}
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--installation", type=Path, metavar="FOLDER", help="the folder that `create` made", **default)
    chosen.add_argument("--stack", type=Path, metavar="FOLDER", help="the stack of `make up` in a folder, such as .darkroom", **default)


def source_of(options: argparse.Namespace) -> Source:
    """The chosen one; by default, the variables of this process. Raises InstallationError or StackError for a folder that is none."""
    if options.installation is not None:
        return _installation(Installation.open(options.installation))
    if options.stack is not None:
        return _stack(options.stack)
    written = tuple(name for name in os.environ if name.startswith(PREFIX) and name not in _OF_OTHERS)
    return Source(
        {service: {**_LISTENERS, **os.environ} for service in SERVICES}, "the environment", setting_names=written, per_service=False
    )


def _installation(installation: Installation) -> Source:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    settings = installation.settings

    def environment(service: str) -> dict[str, str]:
        secrets = installation.service_environment(service)
        # DARKROOM_X in settings.env replaces the file.
        kept = {name: value for name, value in secrets.items() if name.removesuffix("_FILE") not in settings}
        return {**outside, **_LISTENERS, **addresses(), **kept, **settings}

    return Source(
        {service: environment(service) for service in SERVICES},
        str(installation.settings_file),
        settings.get(f"{PREFIX}PUBLIC_URL", ""),
        installation.secret(OPERATOR, NATS_URL) or "",
        MutualTls(installation.tls(OPERATOR)),
        tuple(settings),
        secrets=(installation.folder / "secrets", installation.folder / "tls"),
    )


def _stack(folder: Path) -> Source:
    # Images hold neither the supervisor nor the servers of such a stack.
    from deploy.local.assembly import open_stack
    from deploy.local.credentials import OPERATOR as STACK_OPERATOR
    from deploy.local.programs.services import service_environment
    from deploy.local.supervisor import inherited_environment

    config = open_stack(folder).config
    outside = inherited_environment(config.layout)
    return Source(
        {service: {**outside, **service_environment(config, service)} for service in SERVICES},
        str(config.layout.settings_file),
        config.public_url,
        config.nats_url,
        config.tls(STACK_OPERATOR),
        tuple(config.settings.services),
        secrets=(config.layout.keys,),
        on_this_machine=True,
    )
