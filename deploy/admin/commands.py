"""The command line of `darkroom-admin`, with the databases' migration and the administration commands of the services."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from deploy.admin import backup_command, check_command, create_command
from deploy.admin.checks.redaction import Redaction
from deploy.admin.sources import add_options, source_of
from deploy.installation import InstallationError
from deploy.local.errors import StackError
from deploy.local.layout import REPOSITORY
from edge.topology import DATABASES

Run = Callable[[argparse.Namespace], int]
_WAIT_SECONDS = 60


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
    _migrate_options(added("migrate", "migrate the databases to the newest version"))
    backup_command.add_backup(added("backup", "write all data at one moment, and the installation folder, to one file; nothing stops"))
    backup_command.add_verify(added("verify-backup", "check that a backup is whole, or that a deployment is what it holds"))
    backup_command.add_restore(added("restore", "restore a backup into empty databases and a bucket, while the services are stopped"))
    backup_command.add_restore_folder(added("restore-folder", "take the installation folder out of a backup"))
    for service in DATABASES:
        # Everything behind its name is the service's, --help as well: no argument begins with a null character.
        own = added(service, f"administer {service}: `darkroom-admin {service} --help`", add_help=False, prefix_chars="\0")
        _service_options(own, service)
    return parser


def _migrate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"{', '.join(DATABASES)} (default: all)")
    add_options(parser, inherited=True)
    parser.add_argument(
        "--wait", type=int, default=_WAIT_SECONDS, metavar="SECONDS", help="how long to wait for each database (default: %(default)s)"
    )
    parser.set_defaults(run=_migrate)


def _migrate(options: argparse.Namespace) -> int:
    """Migrate one database after the other, each under a lock of its own; exit status 1 or 2 with the first that cannot be."""
    if unknown := [name for name in options.services if name not in DATABASES]:
        print(f"{unknown[0]} has no database; those that have one are {', '.join(DATABASES)}", file=sys.stderr)
        return 2
    source = source_of(options)
    if not source.per_service and not options.services:
        print(
            "Name the service whose database is in the environment (`migrate tasks`), or give --installation or --stack.", file=sys.stderr
        )
        return 2
    redacted = Redaction(source.environments.values())
    for service in options.services or DATABASES:
        command = (sys.executable, "-m", "deploy.admin.migrating", service, str(options.wait))
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=source.environments[service],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        print(redacted(done.stdout), end="", file=sys.stderr if done.returncode else sys.stdout, flush=True)
        if done.returncode:
            return done.returncode
    return 0


def _service_options(parser: argparse.ArgumentParser, service: str) -> None:
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…")
    parser.set_defaults(run=_service, service=service)


def _service(options: argparse.Namespace) -> int:
    """Run `python -m services.SERVICE …` with the service's settings; returns its exit status."""
    arguments = options.arguments or ["--help"]
    command = (sys.executable, "-m", f"services.{options.service}", *arguments)
    return subprocess.call(command, cwd=REPOSITORY, env=source_of(options).environments[options.service])
