"""The command line of `darkroom-admin`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from deploy.admin import create_command
from deploy.installation import InstallationError

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0, 1 for a problem, 2 for wrong usage or settings."""
    options = _parser().parse_args(arguments)
    run: Run = options.run
    try:
        return run(options)
    except InstallationError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="darkroom-admin", description="Make, check and administer an installation of Darkroom.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def added(name: str, description: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=description, description=description[0].upper() + description[1:] + ".")

    create_command.add_create(added("create", "make an installation folder with certificates, keys, passwords and settings, or renew it"))
    create_command.add_kubernetes(added("kubernetes", "print the secrets of an installation folder as objects of Kubernetes"))
    return parser
