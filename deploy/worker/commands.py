"""The command line of a machine that works for another one's Darkroom."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
from pathlib import Path

from deploy.gpus import gpus
from deploy.local.errors import NotReady, StackError
from deploy.local.layout import Layout
from deploy.local.processes import end_processes
from deploy.local.progress import Lines
from deploy.local.running import Command, run
from deploy.local.settings import load_settings
from deploy.local.stack import Stack
from deploy.worker.errors import AwayError
from deploy.worker.joining import JoinedServer, join, load_joined
from deploy.worker.machine import advice, create_machine, lanes, open_machine, worker_environment
from deploy.worker.server import renew_membership

DEFAULT_DIRECTORY = Path(".darkroom-worker")
_CA_FILE = "DARKROOM_S3_CA_FILE"
_DOWN = 3


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(options.run, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.worker", description="A worker for the Darkroom of another machine.")
    parser.add_argument(
        "--dir", type=Path, default=DEFAULT_DIRECTORY, help="the folder with its keys, settings and logs (default: %(default)s)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, description: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=description, description=description)
        command.set_defaults(run=run)
        return command

    up = add("up", _up, "join with a token the first time; start the parts that are not running, and wait until the worker works")
    up.add_argument("--join", metavar="TOKEN", help="the token that `make worker-token` prints on the server")
    up.add_argument("--name", help="the worker's name on the server (default: this machine's)")
    up.add_argument(
        "--stay", action="store_true", help="stay in the foreground until interrupted (Ctrl-C, SIGTERM), and then stop the worker"
    )
    add("down", _down, "finish or hand back running tasks and stop; the machine stays joined")
    status = add("status", _status, "show the parts, and whether the server accepts the worker; exit status 0 when all is well")
    status.add_argument("--json", action="store_true", help="print one JSON object per part: name, state, ready, problem")
    logs = add("logs", _logs, "print the parts' logs")
    logs.add_argument("--follow", "-f", action="store_true", help="keep printing new lines")
    logs.add_argument("--lines", "-n", type=int, default=40, help="lines of each log (default: %(default)s)")
    return parser


async def _up(options: argparse.Namespace) -> int:
    layout = Layout.at(options.dir)
    with layout.lock():
        member = _joined_with(options) if options.join else _required(options.dir)
        away = _refresh(member)
        machine = create_machine(options.dir, member, Lines())
        for line in advice(gpus(), machine.config.settings.models):
            print(line)
        await machine.up(["triton"] if away else ())
        if away:
            # It waits for the server by itself; there is nothing to wait for here.
            await machine.supervisor.start_process("inference")
    served = lanes(worker_environment(machine.config, member))
    if away:
        print(f"{member.name} has started and will work for {member.url} (lanes {served}) once the server is available: {away}")
    else:
        print(f"{member.name} is connected to {member.url} and serves the lanes {served}.")
    return await _stay(options, machine) if options.stay else 0


async def _stay(options: argparse.Namespace, machine: Stack) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    print("Ctrl-C stops the worker.", flush=True)
    await stop.wait()
    with machine.config.layout.lock():
        await machine.down()
    return 0


async def _down(options: argparse.Namespace) -> int:
    layout, member = Layout.at(options.dir), load_joined(options.dir)
    if member is None or not layout.exists():
        ended = await end_processes(layout)
        print(f"there is no worker in {layout.root}" + (f"; ended {ended} processes left over from an earlier one" if ended else ""))
        return 0
    with layout.lock():
        await open_machine(options.dir, member, Lines()).down()
    print(f"{member.name} is stopped. `make worker` starts it again.")
    return 0


async def _status(options: argparse.Namespace) -> int:
    member = _required(options.dir)
    if not Layout.at(options.dir).exists():
        print(f"{member.name} has never been started.")
        return _DOWN
    machine = open_machine(options.dir, member)
    try:
        parts = await machine.status()
    except NotReady:
        print(f"{member.name} is stopped ({machine.config.layout.root}).")
        return _DOWN
    for part in parts:
        if options.json:
            print(json.dumps({"name": part.name, "state": part.state.lower(), "ready": part.ready, "problem": part.problem}))
        else:
            print(f"{'✓' if part.ready else '✗'}  {part.name:<10} {part.state.lower():<9} {part.problem}".rstrip())
    problem = "" if all(part.ready for part in parts) else _problem(member)
    if not options.json:
        print(f"{member.name} → {member.url}{f': {problem}' if problem else ''}")
    return 0 if all(part.ready for part in parts) else 1


async def _logs(options: argparse.Namespace) -> int:
    layout = Layout.at(options.dir)
    files = sorted(map(str, layout.logs.glob("*.log")))
    if not files:
        raise StackError(f"there are no logs in {layout.logs}")
    follow = ["-F"] if options.follow else []
    return await asyncio.to_thread(subprocess.call, ["tail", f"--lines={options.lines}", *follow, *files])


def _joined_with(options: argparse.Namespace) -> JoinedServer:
    ca_file = load_settings(Layout.at(options.dir)).services.get(_CA_FILE)
    return join(options.dir, options.join, options.name, Path(ca_file) if ca_file else None)


def _required(directory: Path) -> JoinedServer:
    found = load_joined(directory)
    if found is None:
        raise StackError(
            "this machine has not joined a server yet. On the server, `make worker-token` prints the command to join: make worker JOIN=…"
        )
    return found


def _refresh(member: JoinedServer) -> str:
    """Renew the membership before the worker starts; returns why the server cannot be reached, if it cannot. Raises RefusedError."""
    try:
        member.folder.write(renew_membership(member.folder))
    except AwayError as error:
        return str(error)
    return ""


def _problem(member: JoinedServer) -> str:
    """Why the server would not let the worker work, if it would not."""
    try:
        renew_membership(member.folder)
    except StackError as error:
        return str(error)
    return ""
