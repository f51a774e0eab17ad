"""`migrate`: bringing the databases to the newest version."""

from __future__ import annotations

import argparse
import subprocess
import sys

from deploy.admin.checks.redaction import Redaction
from deploy.admin.sources import add_options, source_of
from deploy.local.layout import REPOSITORY
from edge.topology import DATABASES

_WAIT_SECONDS = 60


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `migrate`."""
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"{', '.join(DATABASES)} (default: all)")
    add_options(parser, inherited=True)
    parser.add_argument(
        "--wait", type=int, default=_WAIT_SECONDS, metavar="SECONDS", help="how long to wait for each database (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
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
