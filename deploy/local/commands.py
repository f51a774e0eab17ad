"""The command line of the embedded stack."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.access import invitation, make_link, make_worker_token, people_sign_in, write_env
from deploy.local.assembly import DEFAULT_DIRECTORY, create_stack, open_stack
from deploy.local.backup import archive, snapshot
from deploy.local.backup.restore import restore
from deploy.local.errors import NotReady, StackError
from deploy.local.layout import Layout
from deploy.local.monitoring import write_scrape_configuration
from deploy.local.processes import end_processes
from deploy.local.programs.services import run_service_command
from deploy.local.programs.triton import loaded_models
from deploy.local.progress import Lines, LiveList, Progress
from deploy.local.running import Command, run
from edge.topology import SERVICES

_WHOLE = 1_000


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(options.run, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="Darkroom on one machine, under one supervisor.")
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="the stack's folder (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, description: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=description, description=description)
        command.set_defaults(run=run)
        # Accepted before or after the command's name.
        command.add_argument("--dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return command

    up = add("up", _up, "start the parts that are not running, wait until every part is healthy, and write the env file")
    up.add_argument("--port", type=int, help="public port; 0 picks a free port (default: as before, or 8080 at first)")
    up.add_argument("--host", help="address of the public port (default: as before, or 127.0.0.1 at first)")
    up.add_argument("--models", type=Path, help="a Triton model repository other than the installed one")
    down = add("down", _down, "stop every process; data stays")
    down.add_argument("--delete-data", action="store_true", help="also delete the stack's folder with all data")
    status = add("status", _status, "show each part; exit status 0 when all are healthy")
    status.add_argument("--json", action="store_true", help="print one JSON object per part: name, state, ready, problem")
    add("models", _models, "show the models that Triton has loaded: one JSON object per model, with name, state, reason")
    logs = add("logs", _logs, "print the parts' logs")
    logs.add_argument("names", nargs="*", metavar="NAME", help="parts (default: all)")
    logs.add_argument("--follow", "-f", action="store_true", help="keep printing new lines")
    logs.add_argument("--lines", "-n", type=int, default=40, help="lines of each log (default: %(default)s)")
    add("env", _env, "print the env file, for `eval`")
    link = add("link", _link, "print a link that signs in once in a browser: the first administrator, or a person by name")
    link.add_argument("--user", metavar="NAME", help="the person's user name (default: the first administrator)")
    link.add_argument("--minutes", type=int, metavar="N", help="how long the link is valid, up to 1440 (default: 15)")
    token = add("worker-token", _worker_token, "print the command with which another machine joins this stack as a worker, once")
    token.add_argument("--name", help="the name that the worker must have (default: the machine chooses one)")
    token.add_argument("--minutes", type=int, metavar="N", help="how long the token is valid, up to 10080 (default: 60)")
    admin = add("admin", _admin, "run an administration command of a service, such as admin accounts create-account --name NAME")
    admin.add_argument("service", choices=tuple(SERVICES), metavar="SERVICE")
    admin.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND …")
    backup = add("backup", _backup, "copy databases, objects, keys and settings of the running stack into one file")
    backup.add_argument("file", type=Path, metavar="FILE", help="the archive to write, such as darkroom-2026-01-31.tar")
    backup.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="KEY",
        help="encrypt for this public key, of age (age1…) or SSH; may be repeated",
    )
    restored = add("restore", _restore, "make a stack from a backup, in a folder without one; `up` starts it")
    restored.add_argument("file", type=Path, metavar="FILE", help="the archive")
    restored.add_argument("--identity", type=Path, metavar="FILE", help="file with the private key, for an encrypted archive")
    restored.add_argument("--port", type=int, help="public port; 0 picks a free port (default: 8080)")
    restart = add("restart", _restart, "stop and start parts")
    restart.add_argument("names", nargs="+", metavar="NAME")
    return parser


async def _up(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    layout = Layout.at(options.dir)
    with layout.lock(), _progress() as progress:
        stack = create_stack(options.dir, host=options.host, port=options.port, models=options.models, progress=progress)
        await stack.up()
        await write_env(stack.config)
        write_scrape_configuration(stack.config)
    print(f"Darkroom is up at {stack.config.public_url} ({time.monotonic() - begun:.1f} s)")
    print(f"Key and URL are in {_shown(layout.env_file)}; `. {_shown(layout.env_file)}` loads them into a shell.")
    if people_sign_in(stack.config):
        print(await invitation(stack.config))
    return 0


async def _down(options: argparse.Namespace) -> int:
    layout = Layout.at(options.dir)
    if not layout.exists():
        ended = await end_processes(layout)
        print(f"there is no stack in {layout.root}" + (f"; ended {ended} processes left over from an earlier one" if ended else ""))
        return 0
    with layout.lock(), _progress() as progress:
        ended = await open_stack(options.dir, progress=progress).down()
    print("Darkroom is down." + (f" {ended} processes had lost their supervisor." if ended else ""))
    if options.delete_data:
        layout.delete()
    return 0


async def _status(options: argparse.Namespace) -> int:
    stack = open_stack(options.dir)
    try:
        parts = await stack.status()
    except NotReady:
        print(f"Darkroom is down ({stack.config.layout.root}).")
        return 3
    if options.json:
        for part in parts:
            print(json.dumps({"name": part.name, "state": part.state.lower(), "ready": part.ready, "problem": part.problem}))
        return 0 if all(part.ready for part in parts) else 1
    table = Table.grid(padding=(0, 2))
    for part in parts:
        mark = "[green]✓" if part.ready else "[red]✗"
        memory = f"{part.memory_bytes / 2**20:.0f} MB" if part.pid else ""
        uptime = f"{part.seconds_up} s" if part.pid else ""
        table.add_row(mark, part.name, part.state.lower(), str(part.pid or ""), uptime, memory, part.problem)
    # Lines are not wrapped when written to a pipe or a file.
    Console(width=None if sys.stdout.isatty() else _WHOLE).print(table)
    print(f"{stack.config.public_url}  ({stack.config.layout.root})")
    return 0 if all(part.ready for part in parts) else 1


async def _models(options: argparse.Namespace) -> int:
    for model in await asyncio.to_thread(loaded_models, open_stack(options.dir).config):
        print(json.dumps({"name": model.name, "state": model.state, "reason": model.reason}))
    return 0


async def _logs(options: argparse.Namespace) -> int:
    stack = open_stack(options.dir)
    layout = stack.config.layout
    names = map(stack.log_name, options.names or sorted(path.stem for path in layout.logs.glob("*.log")))
    files = [layout.log_file(name) for name in dict.fromkeys(names)]
    missing = [path.stem for path in files if not path.is_file()]
    if missing:
        raise StackError(f"no log of {', '.join(missing)} in {layout.logs}")
    follow = ["-F"] if options.follow else []
    # tail itself follows through rotation and prints a heading per file.
    return await asyncio.to_thread(subprocess.call, ["tail", f"--lines={options.lines}", *follow, *map(str, files)])


async def _env(options: argparse.Namespace) -> int:
    layout = Layout.at(options.dir)
    if not layout.env_file.is_file():
        raise StackError(f"{layout.env_file} does not exist; `up` writes it")
    print(layout.env_file.read_text(), end="")
    return 0


async def _link(options: argparse.Namespace) -> int:
    print(await make_link(open_stack(options.dir).config, options.user, options.minutes))
    return 0


async def _worker_token(options: argparse.Namespace) -> int:
    print("\n".join(await make_worker_token(open_stack(options.dir).config, options.name, options.minutes)))
    return 0


async def _admin(options: argparse.Namespace) -> int:
    print(await run_service_command(open_stack(options.dir).config, options.service, *options.arguments), end="")
    return 0


async def _backup(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    to = archive.recipients(options.recipient)
    config = open_stack(options.dir).config
    # Without the lock of the stack: parts may start and stop meanwhile.
    with snapshot.workspace(config.layout) as folder:
        manifest = await snapshot.take(config, folder)
        try:
            await asyncio.to_thread(archive.write, folder, options.file, to)
        except OSError as error:
            raise StackError(f"{options.file} cannot be written: {error.strerror or error}") from error
    await snapshot.record(config, manifest)
    size, seconds = options.file.stat().st_size / 2**20, time.monotonic() - begun
    print(f"{options.file}: {size:.1f} MB with {manifest.objects} objects, {'encrypted' if to else 'not encrypted'} ({seconds:.1f} s)")
    if not to:
        print("It contains every key and password of the stack. Use --recipient to encrypt it.")
    return 0


async def _restore(options: argparse.Namespace) -> int:
    layout = Layout.at(options.dir)
    with layout.lock():
        manifest = await asyncio.to_thread(restore, options.dir, options.file, options.identity, options.port)
    folder = _shown(layout.root)
    print(f"{folder} has been restored to {manifest.created_at}; start it with `python -m deploy.local --dir {folder} up`")
    return 0


async def _restart(options: argparse.Namespace) -> int:
    with Layout.at(options.dir).lock(), _progress() as progress:
        stack = open_stack(options.dir, progress=progress)
        for name in dict.fromkeys(stack.program(name).name for name in options.names):
            await stack.restart(name)
    return 0


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    console = Console(stderr=True)
    if console.is_terminal:
        with LiveList(console) as live:
            yield live
    else:
        yield Lines()


def _shown(path: Path) -> str:
    """The shortest form of a path from the current directory."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
