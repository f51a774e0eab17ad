"""The command line of `darkroom-admin`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from deploy.admin import check_command, create_command, migrate_command, service_command
from deploy.admin.sources import add_options
from deploy.installation import InstallationError
from deploy.local.errors import StackError
from edge.topology import DATABASES

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0, 1 for a problem, 2 for wrong usage or settings."""
    options = _parser().parse_args(arguments)
    run: Run = options.run
    try:
        return run(options)
    except (InstallationError, StackError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        print(f"{error.filename} cannot be used: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="darkroom-admin", description="Make, check and administer an installation of Darkroom.")
    add_options(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def added(name: str, description: str, **options: Any) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=description, description=description[0].upper() + description[1:] + ".", **options)

    create_command.add_create(added("create", "make an installation folder with certificates, keys, passwords and settings, or renew it"))
    create_command.add_kubernetes(added("kubernetes", "print the secrets of an installation folder as objects of Kubernetes"))
    check_command.add(
        added("check", "check that settings are valid and that databases, NATS, storage, Triton and services can be used from here")
    )
    migrate_command.add(added("migrate", "migrate the databases to the newest version"))
    for service in DATABASES:
        # Everything behind its name is the service's, --help as well: no argument begins with a null character.
        own = added(service, f"administer {service}: `darkroom-admin {service} --help`", add_help=False, prefix_chars="\0")
        service_command.add(own, service)
    return parser
