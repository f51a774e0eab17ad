"""`darkroom-admin SERVICE …`: the administration commands of the services themselves."""

from __future__ import annotations

import argparse
import subprocess
import sys

from deploy.admin.sources import source_of
from deploy.local.layout import REPOSITORY


def add(parser: argparse.ArgumentParser, service: str) -> None:
    """The arguments, which the service reads itself."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…")
    parser.set_defaults(run=run, service=service)


def run(options: argparse.Namespace) -> int:
    """Run `python -m services.SERVICE …` with the service's settings; returns its exit status."""
    arguments = options.arguments or ["--help"]
    command = (sys.executable, "-m", f"services.{options.service}", *arguments)
    return subprocess.call(command, cwd=REPOSITORY, env=source_of(options).environments[options.service])
