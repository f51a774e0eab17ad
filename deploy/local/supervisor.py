"""supervisord: its configuration, its start, and its control over a Unix socket."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from deploy.installation.private_file import write_private
from deploy.local.daemon import MODULE, SHARES
from deploy.local.errors import NotReady, StackError
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.program import Program
from deploy.local.system_user import AS_ROOT

# Every process of a stack carries this variable with the stack's folder, so that it is found even when its supervisor is gone.
MARKER = "DARKROOM_STACK"

_STOP_POLL_SECONDS = 0.05
_DAEMON = """\
[supervisord]
logfile={log}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={pid}
umask=077
minfds=1024
{user}

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

# The stack itself decides the start order, hence no autostart. A process that ends, for whatever reason, is restarted: at first
# after one second, and one second later after each further failure. The number of attempts is effectively unlimited.
_PROGRAM = """
[program:{name}]
command={command}
environment=DARKROOM_FINGERPRINT="{digest}"{module}
directory={directory}
autostart=false
autorestart=true
startsecs=1
startretries=1000000
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup={stop_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
{user}
"""


@dataclass(frozen=True)
class ProcessInfo:
    """A process as supervisord sees it. `state`: STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""

    name: str
    state: str
    pid: int
    started_at: int
    problem: str

    @property
    def is_up(self) -> bool:
        """There is a process, as far as supervisord knows."""
        return self.state in ("STARTING", "RUNNING")

    @property
    def is_stopped(self) -> bool:
        """It is not running, and supervisord will not start it by itself."""
        return self.state in ("STOPPED", "FATAL", "UNKNOWN")


class Supervisor:
    """The supervisor of one stack. Calls raise NotReady when no supervisor answers."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._socket = layout.run / "supervisor.sock"
        self._config = layout.config / "supervisord.conf"

    def write_configuration(self, programs: Collection[Program]) -> None:
        """Write what `start` or `reload` reads: the daemon's file, and the programs' own files and environments."""
        daemon = _DAEMON.format(
            log=self._layout.log_file("supervisord"),
            pid=self._layout.run / "supervisord.pid",
            socket=self._socket,
            user="user=root" if AS_ROOT else "",
        )
        for program in programs:
            if program.environment:
                assignments = (f"{name}={shlex.quote(value)}\n" for name, value in program.environment.items())
                write_private(self._environment_file(program), "".join(assignments))
        write_private(self._config, daemon + "".join(self._section(program) for program in programs))

    def _environment_file(self, program: Program) -> Path:
        return self._layout.config / f"{program.name}.env"

    def _section(self, program: Program) -> str:
        fingerprint = program.configure()
        command = program.command
        if program.environment:
            # supervisord's own environment setting cannot hold every value, and a file also helps people who run a
            # service by hand. The program replaces the shell.
            command = ("/bin/sh", "-c", 'set -a; . "$0"; exec "$@"', str(self._environment_file(program)), *command)
        # Not read by the program: a change of it makes `reload` see that the program has changed.
        digest = hashlib.sha256(f"{fingerprint} {sorted(program.environment.items())}".encode()).hexdigest()
        return _PROGRAM.format(
            name=program.name,
            command=shlex.join(command).replace("%", "%%"),
            digest=digest,
            module=(f',{MODULE}="{program.module}"' if program.module else "") + (f',{SHARES}="true"' if program.shares else ""),
            directory=str(program.directory or REPOSITORY).replace("%", "%%"),
            stop_signal=program.stop_signal,
            stop_seconds=program.stop_seconds,
            stop_group=str(program.stop_group).lower(),
            log=self._layout.log_file(program.name),
            user=f"user={program.user}" if program.user else "",
        )

    async def start(self) -> None:
        """Start the daemon with the written configuration; it leaves this terminal and session."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.local.daemon",
            "--configuration",
            str(self._config),
            cwd=REPOSITORY,
            env=inherited_environment(self._layout),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise StackError(f"supervisord did not start: {output.decode(errors='replace').strip()}")

    async def answers(self) -> bool:
        """Whether the daemon is running."""
        try:
            await self._call("getState")
        except NotReady:
            return False
        return True

    async def reload(self) -> None:
        """Load the written configuration: new and changed programs are then known, and stopped."""
        added, changed, removed = (await self._call("reloadConfig"))[0]
        for name in [*changed, *removed]:
            await self.stop(name)
            await self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            await self._call("addProcessGroup", name)

    async def processes(self) -> dict[str, ProcessInfo]:
        """Every program that the daemon knows, by name."""
        found = await self._call("getAllProcessInfo")
        return {item["name"]: _info(item) for item in found}

    async def pid(self) -> int:
        """The daemon's process id."""
        pid: int = await self._call("getPID")
        return pid

    async def process(self, name: str) -> ProcessInfo:
        """One program. Raises StackError if the daemon does not know it."""
        return _info(await self._call("getProcessInfo", name))

    async def start_process(self, name: str) -> None:
        """Start a program without waiting for it; does nothing if it is running."""
        await self._call("startProcess", name, False, tolerate=Faults.ALREADY_STARTED)

    async def stop(self, name: str) -> None:
        """Stop a process and wait for its end; after its stop time supervisord kills it."""
        while True:
            # supervisord itself waits in a busy loop.
            await self._call("stopProcess", name, False, tolerate=Faults.NOT_RUNNING)
            while (found := await self.process(name)).state == "STOPPING":  # noqa: ASYNC110 - it is another process that stops
                await asyncio.sleep(_STOP_POLL_SECONDS)
            if found.is_stopped:
                return
            # It had ended by itself, which cannot be stopped, and is being started again.
            await asyncio.sleep(_STOP_POLL_SECONDS)

    async def shutdown(self) -> None:
        """Ask the daemon to stop what is still running, and to end."""
        await self._call("shutdown")

    async def _call(self, method: str, *arguments: object, tolerate: int | None = None) -> Any:
        return await asyncio.to_thread(self._call_blocking, method, arguments, tolerate)

    def _call_blocking(self, method: str, arguments: tuple[object, ...], tolerate: int | None) -> Any:
        # One connection per call: the transport is not thread-safe, and a Unix socket costs microseconds.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == tolerate:
                return None
            raise StackError(f"supervisord refused {method} {arguments}: {fault.faultString}") from fault
        except (OSError, xmlrpc.client.ProtocolError) as error:
            raise NotReady(f"supervisord does not answer: {error}") from error
        finally:
            transport.close()


# Variables about the machine that programs need: where things are, the language and time zone, whom to trust, how to get out, and how to
# use the processors.
_INHERITED = frozenset(("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"))
_INHERITED_PREFIXES = (
    *("LC_", "LD_", "SSL_CERT_", "XDG_", "GRPC_", "OTEL_"),
    *("CUDA_", "NVIDIA_", "OMP_", "OPENBLAS_", "MKL_", "MALLOC_", "TORCH", "HF_"),
)
_PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"))


def inherited_environment(layout: Layout) -> Mapping[str, str]:
    """The part of this process's environment that the stack's processes get. Other variables of the shell in which `up` is typed, such as
    the credentials of other programs, stay there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES) or name.upper() in _PROXIES
    }
    return {**kept, MARKER: str(layout.root)}


def _info(item: Mapping[str, Any]) -> ProcessInfo:
    return ProcessInfo(item["name"], item["statename"], item["pid"], item["start"], item["spawnerr"])
