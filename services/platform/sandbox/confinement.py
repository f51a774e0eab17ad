"""Confines a child to its own job: the strongest means that this kernel and this user allow, and those that are missing.

| means | a child that was taken over cannot |
|---|---|
| own user (started by root) | read or signal what others own; start more threads than its limit |
| network namespace | reach any address, should it get a socket |
| Landlock | open a file other than its job's and the libraries |
| seccomp | call anything but what `system_calls` lists: no socket, no process, no program |
| no new privileges, no capabilities | get any of it back |

The user is derived from the job's folder, so that children of different tasks are different users, and those that share a folder are one.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.platform.sandbox import kernel, library_mounts, system_calls
from services.platform.sandbox.wire import Job

_USERS = range(60_706, 61_184)  # that no distribution gives to anyone: https://systemd.io/UIDS-GIDS/
_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/var/cache/fontconfig", "/dev/urandom")
_LANDLOCK_SINCE = 1


@dataclass
class Confinement:
    """The means that were found, for all children of one process."""

    own_user: bool = False
    closed_libraries: bool = False
    """The installed packages lie in a folder that other users may not enter, such as `/root`. Children see them there in mounts of their
    own, and nothing else that is in that folder."""
    mounts: int | None = None
    """The open file of the namespace with those mounts."""
    limited_processes: bool = False
    landlock: bool = False
    seccomp: bool = False
    lacking: list[str] = field(default_factory=list)
    """The missing means, for the operator."""
    libraries: Sequence[str] = ()

    @classmethod
    def prepare(cls) -> Confinement:
        """Find the means, and leave the network for this process and its children. It must be single-threaded, and have loaded nothing."""
        found = cls()
        root = os.geteuid() == 0
        found.own_user = root and _succeeds(_become_another)
        found.closed_libraries = found.own_user and not _succeeds(_read_libraries_as_another)
        if root and not found.own_user:
            found.lacking.append("own users: this process lacks CAP_SETUID and CAP_SETGID, or its user namespace has too few ids")
        # Tried elsewhere first: one that fails half-way would leave this process without its user.
        if _succeeds(lambda: kernel.leave_network(with_user=not root)):
            kernel.leave_network(with_user=not root)
        else:
            found.lacking.append("network namespace: this kernel or container does not let the service make one")
        # The kernel counts the processes of a user in its namespace.
        found.limited_processes = found.own_user or (not root and not found.lacking)
        if not found.limited_processes:
            found.lacking.append("limit on threads: it would count those of the service")
        found.landlock = kernel.landlock_version() >= _LANDLOCK_SINCE
        if not found.landlock:
            found.lacking.append("Landlock: the kernel is older than 5.13, or it is switched off")
        if found.closed_libraries and not _succeeds(_read_mounted_libraries_as_another):
            found.closed_libraries = False
            found.lacking.append(f"reading more modules: {sysconfig.get_path('purelib')} is closed to other users")
        with contextlib.suppress(OSError):  # without CAP_SETPCAP
            kernel.limit_capabilities()
        found.seccomp = system_calls.known_machine() and _succeeds(_filtered)
        if not found.seccomp:
            found.lacking.append("seccomp: no list for this architecture, or the kernel has no filters")
        return found

    def finish_imports(self) -> None:
        """Call when everything that children need is imported: they may read the installed packages, and those that are loaded."""
        standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        own = {_top_folder(module) for module in list(sys.modules.values())}
        places = {Path(place) for place in (*_LIBRARIES, *standard, *own) if place}
        # Each costs every child some microseconds.
        self.libraries = sorted(str(place) for place in places if places.isdisjoint(place.parents))
        if self.closed_libraries:
            if self.mounts is not None:
                os.close(self.mounts)
            self.mounts = library_mounts.make(self.libraries)

    def enter(self, job: Job) -> Job:
        """Confine this process, forked for this job, for good. Returns the job with its paths from now on."""
        folder = None if job.folder is None else os.open(job.folder, os.O_RDONLY | os.O_DIRECTORY)
        readable = {path: os.open(path, os.O_RDONLY) for path in job.reads}
        user = _USERS[(os.getpid() if folder is None else os.fstat(folder).st_ino) % len(_USERS)]
        _limit(job, processes=self.limited_processes)
        os.dup2(1, 2)  # /dev/null: what a parser writes there would be in the service's log
        kernel.no_new_privileges()
        if self.mounts is not None:
            kernel.enter_mounts(self.mounts)
            os.close(self.mounts)
        if self.own_user:
            for held in readable.values():
                _let_read(held)
            if folder is not None:
                _hand_over(folder, user)
        if self.landlock:
            kernel.limit_paths([*self.libraries, *readable.values()], ["/dev/null", *([] if folder is None else [folder])])
        if self.own_user:
            kernel.become(user, user)
        kernel.drop_capabilities()
        kernel.not_dumpable()
        kernel.die_with_parent(signal.SIGKILL)
        if self.seccomp:
            kernel.filter_system_calls()
        places = dict(readable) if job.folder is None or folder is None else {**readable, job.folder: folder}
        return job.with_args(tuple(_seen_as(arg, places) for arg in job.args))


def _seen_as(arg: Any, places: dict[Path, int]) -> Any:
    """A path through the open file that leads there: the folders above are closed to the child's user."""
    if isinstance(arg, Path):
        for place, held in places.items():
            if arg.is_relative_to(place):
                return Path(f"/proc/self/fd/{held}") / arg.relative_to(place)
    return arg


def _limit(job: Job, *, processes: bool) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))
    # The soft limit sends SIGXCPU, which ends the child and shows the host why.
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (job.open_files, job.open_files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, job.file_bytes))
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (job.threads, job.threads))


def _hand_over(folder: int, user: int) -> None:
    """Give a folder and what is in it to the child's user, the first time. Nobody else may enter it."""
    if os.fstat(folder).st_uid == user:
        return
    for _, folders, files, held in os.fwalk(".", dir_fd=folder):
        for name in (*folders, *files):
            os.chown(name, user, user, dir_fd=held, follow_symlinks=False)
    os.fchmod(folder, 0o700)
    os.fchown(folder, user, user)


def _let_read(held: int) -> None:
    """Let others read a file, or a folder with its files: no other user can get to it but by this open file."""
    mode = os.fstat(held).st_mode
    if not stat.S_ISDIR(mode):
        os.fchmod(held, stat.S_IMODE(mode) | 0o004)
        return
    os.fchmod(held, stat.S_IMODE(mode) | 0o005)
    for name in os.listdir(held):
        os.chmod(name, 0o644, dir_fd=held)


def _top_folder(module: object) -> str | None:
    """The folder of the outermost package that holds a module."""
    file, name = getattr(module, "__file__", None), getattr(module, "__name__", "")
    if not file or ("." not in name and Path(file).name != "__init__.py"):
        return file
    path = Path(file) if Path(file).name != "__init__.py" else Path(file).parent
    return str(path.parents[name.count(".") - 1] if "." in name else path)


def _become_another() -> None:
    kernel.become(_USERS[0], _USERS[0])
    kernel.drop_capabilities()


def _read_libraries_as_another() -> None:
    _become_another()
    for place in _installed():
        next(Path(place).iterdir())


def _read_mounted_libraries_as_another() -> None:
    library_mounts.mount(_installed())
    _read_libraries_as_another()


def _installed() -> list[str]:
    return [sysconfig.get_path(name) for name in ("stdlib", "purelib")]


def _filtered() -> None:
    kernel.no_new_privileges()
    kernel.filter_system_calls()


def _succeeds(attempt: Any) -> bool:
    """Whether an attempt, made in a process of its own, raises no OSError."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whatever it is, it does not work
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
