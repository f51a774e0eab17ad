"""`python -m deploy.service`: Darkroom as a service of this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

from pydantic import ValidationError

from deploy.local.assembly import DEFAULT_DIRECTORY
from deploy.local.backup import archive
from deploy.local.errors import StackError
from deploy.local.layout import REPOSITORY
from deploy.service import upgrading
from deploy.service.backups import back_up, is_inside_repository
from deploy.service.errors import ServiceError
from deploy.service.looking import look
from deploy.service.plan import Plan
from deploy.service.units import Units


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    options.dir = options.dir.absolute()
    try:
        return int(options.run(options))
    except (ServiceError, StackError) as error:
        print(error, file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"`{' '.join(error.cmd)}` ended with status {error.returncode}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.service", description="Darkroom as a service of this machine, by systemd.")
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="the stack's folder (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="start at boot, back up every night, and check it every five minutes")
    install.add_argument("--user", help="user that it runs as, when root installs it (default: the owner of this clone)")
    install.add_argument("--backups", type=Path, help="folder for nightly backups, preferably on another disk (default: no backups)")
    install.add_argument("--recipient", action="append", help="encrypt backups for this public key, of age (age1…) or SSH; may be repeated")
    install.add_argument("--keep", type=int, help="number of backups to keep (default: 14)")
    install.add_argument("--alarm", help="shell command that gets the text of each alarm, such as `mail -s Darkroom me@example.com`")
    install.add_argument("--units", type=Path, help="write the units to this folder without starting anything")
    install.set_defaults(run=_install)
    remove = commands.add_parser("remove", help="stop it and no longer start it at boot; data stay")
    remove.add_argument("--units", type=Path, help="where `install --units` has written them")
    remove.set_defaults(run=_remove)
    commands.add_parser("look", help="run by the timer: start stopped parts and report problems").set_defaults(run=_look)
    commands.add_parser("backup", help="run by the timer: make a backup and delete old ones").set_defaults(run=_backup)
    upgrade = commands.add_parser("upgrade", help="back up, install the new version and start it; roll back automatically if that fails")
    upgrade.add_argument("revision", nargs="?", default="", help="a tag or commit (default: the newest commit of the branch)")
    upgrade.set_defaults(run=_upgrade)
    commands.add_parser("go-back", help="start the version before the last upgrade; data written since then are kept").set_defaults(
        run=_go_back
    )
    return parser


def _install(options: argparse.Namespace) -> int:
    user = _user(options)
    known = Plan.read(options.dir)
    # Options that are not given keep their values.
    said = {
        "backups": options.backups.absolute() if options.backups else known.backups,
        "recipients": tuple(options.recipient or known.recipients),
        "keep": known.keep if options.keep is None else options.keep,
        "alarm": known.alarm if options.alarm is None else options.alarm,
    }
    try:
        plan = Plan(**said)
    except ValidationError as error:
        raise ServiceError(f"--keep: {error.errors()[0]['msg']}") from error
    archive.recipients(list(plan.recipients))
    if plan.backups is not None and is_inside_repository(plan.backups):
        raise ServiceError(f"{plan.backups} is inside the clone; choose a folder elsewhere, preferably on another disk")
    plan.write(options.dir)
    units = Units(options.dir, user, plan.backups, options.units)
    if user and os.geteuid() == 0:
        _give(options.dir, user)
    units.install()
    where = f"The units are in {units.place}."
    print(where if options.units else f"Darkroom runs, and starts at boot. {where}")
    if plan.backups is None:
        print("No backups are made; use --backups FOLDER to make one every night.")
    elif not plan.recipients:
        print(f"Backups in {plan.backups} are not encrypted and contain every key and password; use --recipient to encrypt them.")
    return 0


def _user(options: argparse.Namespace) -> str:
    """Whom it runs as; empty for a service of the calling user."""
    if os.geteuid() != 0:
        if options.user:
            raise ServiceError("--user is for root; without root it becomes a service of your own user")
        return ""
    name: str = options.user or REPOSITORY.owner()
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise ServiceError(f"there is no user {name}; `useradd --system --create-home {name}` makes one") from None
    return name


def _give(stack: Path, user: str) -> None:
    """Files that root has just made in the stack's folder belong to the service."""
    entry = pwd.getpwnam(user)
    for path in (stack, *stack.glob("service.json")):
        if path.owner() == "root" and entry.pw_uid:
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _remove(options: argparse.Namespace) -> int:
    user = "root" if os.geteuid() == 0 else ""
    Units(options.dir, user, backups=None, folder=options.units).remove()
    print(f"Darkroom is no longer a service of this machine. Its data are in {options.dir}.")
    return 0


def _look(options: argparse.Namespace) -> int:
    problems = asyncio.run(look(options.dir, Plan.read(options.dir)))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _backup(options: argparse.Namespace) -> int:
    print(back_up(options.dir, Plan.read(options.dir)))
    return 0


def _upgrade(options: argparse.Namespace) -> int:
    done = upgrading.upgrade(REPOSITORY, options.dir, Plan.read(options.dir), options.revision)
    print(f"{done.after[:12]} runs. `make go-back` starts {done.before[:12]} again.")
    return 0


def _go_back(options: argparse.Namespace) -> int:
    done = upgrading.go_back(REPOSITORY, options.dir)
    print(f"{done.before[:12]} runs again; data written since then are kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
