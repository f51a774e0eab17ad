"""`backup`, `verify-backup`, `restore` and `restore-folder`: all data of a deployment at one moment, in one file."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg

from deploy.admin.backup import making, restoring, verifying
from deploy.admin.backup.members import INSTALLATION, Reader, Writer
from deploy.admin.backup.places import Places
from deploy.admin.backup.streams import remove_streams
from deploy.admin.checks.connecting import Unreachable
from deploy.admin.sources import add_options, source_of
from deploy.installation import Installation
from deploy.installation.private_file import make_private_folder, write_private
from deploy.local.backup import archive
from deploy.local.errors import StackError


def add_backup(parser: argparse.ArgumentParser) -> None:
    """The options of `backup`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write; - for standard output")
    parser.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="KEY",
        help="encrypt it for this public key, of age (age1…) or SSH; may be repeated",
    )
    add_options(parser, inherited=True)
    parser.set_defaults(run=_backup)


def add_verify(parser: argparse.ArgumentParser) -> None:
    """The options of `verify-backup`."""
    _add_source(parser)
    parser.add_argument(
        "--restored",
        action="store_true",
        help="compare the deployment with it, too, whose services have not been started since: every row, and the bytes of every object",
    )
    add_options(parser, inherited=True)
    parser.set_defaults(run=_verify)


def add_restore(parser: argparse.ArgumentParser) -> None:
    """The options of `restore`."""
    _add_source(parser)
    add_options(parser, inherited=True)
    parser.set_defaults(run=_restore)


def add_restore_folder(parser: argparse.ArgumentParser) -> None:
    """The options of `restore-folder`."""
    _add_source(parser)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that does not exist yet, or is empty")
    parser.set_defaults(run=_restore_folder)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup; - for standard input")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the file with the private key that it is encrypted for")


def _backup(options: argparse.Namespace) -> int:
    places, installation = Places.of(source_of(options)), _installation(options)
    with archive.writing(options.file, archive.recipients(options.recipient)) as out:
        manifest = _run(making.make(places, installation, Writer(out)))
    _run(making.record(places, manifest))
    print(f"The backup holds the moment {manifest['moment']}: {_summary(manifest)}", file=sys.stderr)
    for path, why in manifest["secrets"]["keep_elsewhere"].items():
        print(f"It does not hold {path}; keep it elsewhere: {why}.", file=sys.stderr)
    if not options.recipient and manifest["secrets"]["included"]:
        print("It is not encrypted by this command, and whoever reads it has every key.", file=sys.stderr)
    return 0


def _verify(options: argparse.Namespace) -> int:
    with _opened(options) as content:
        wanted = verifying.read(Reader(content, str(options.file)))
    print(f"The backup of {wanted.manifest['moment']} is whole: {_summary(wanted.manifest)}")
    if missing := wanted.manifest["missing_objects"]:
        print(f"{len(missing)} files had no object then, such as {missing[0]}")
    differences = _run(verifying.compare(Places.of(source_of(options)), wanted)) if options.restored else []
    for difference in differences:
        print(difference)
    if options.restored and not differences:
        print("The deployment is what it holds: every row, and every byte of every object.")
    return 1 if differences else 0


def _restore(options: argparse.Namespace) -> int:
    source = source_of(options)
    places, installation = Places.of(source), _installation(options)
    with _opened(options) as content:
        manifest = _run(restoring.restore(places, installation, Reader(content, str(options.file))))
    print(f"Restored the moment {manifest['moment']}: {_summary(manifest)}")
    print(_run(remove_streams(source.nats_url, source.tls)))
    return 0


def _restore_folder(options: argparse.Namespace) -> int:
    if options.folder.exists() and any(options.folder.iterdir()):
        raise StackError(f"{options.folder} is not empty")
    found = 0
    with _opened(options) as content:
        for member in Reader(content, str(options.file)):
            if member.name.startswith(INSTALLATION):
                target = options.folder / member.name.removeprefix(INSTALLATION)
                if not target.is_relative_to(options.folder) or ".." in target.parts:
                    raise StackError(f"{options.file} is damaged: it names {member.name}")
                for folder in reversed(target.relative_to(options.folder).parents):
                    make_private_folder(options.folder / folder)
                write_private(target, member.read().decode())
                found += 1
    if not found:
        raise StackError(f"{options.file} holds no installation folder; it was made where none was to be seen")
    print(f"{options.folder}: {found} files")
    return 0


def _opened(options: argparse.Namespace) -> Any:
    return archive.reading(options.file, archive.identities(options.identity))


def _installation(options: argparse.Namespace) -> Installation | None:
    return Installation.open(options.installation) if options.installation is not None else None


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except Unreachable as error:
        raise StackError(f"{error.text} -> {error.remedy}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(f"PostgreSQL: {error}") from error
    except (ConnectionRefusedError, ConnectionResetError, ConnectionAbortedError, TimeoutError) as error:
        raise StackError(f"a connection failed: {error}") from error


def _summary(manifest: Any) -> str:
    rows = ", ".join(f"{sum(tables.values())} rows of {service}" for service, tables in manifest["rows"].items())
    return f"{rows}, {manifest['objects']} objects ({manifest['object_bytes']} bytes)"
