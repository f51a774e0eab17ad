"""The kernel's ways to give up rights that Python has no function for. All raise OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from services.platform.sandbox.system_calls import allow_list

_PDEATHSIG, _SET_DUMPABLE, _KEEP_CAPABILITIES, _NO_NEW_PRIVILEGES = 1, 4, 8, 38
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x40000000
_MS_BIND, _MS_RECURSIVE, _MS_SLAVE = 0x1000, 0x4000, 0x80000
_SECCOMP, _CAPSET = {"aarch64": (277, 91)}.get(platform.machine(), (317, 126))
_SET_MODE_FILTER, _FOR_ALL_THREADS, _NO_SPECULATION_SWITCH = 1, 1, 4
_CAPABILITY_VERSION_3 = 0x20080522
_DROP_FROM_BOUNDS = 24

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_BENEATH = 1
_EXECUTE, _WRITE, _READ, _READ_FOLDER, _REMOVE_FOLDER, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_FOLDER, _MAKE_FILE = 1 << 7, 1 << 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal: int) -> None:
    """Get `signal` when the parent ends. A change of user takes this back."""
    _prctl(_PDEATHSIG, signal)


def no_new_privileges() -> None:
    """No program that is started may give this process more rights than it has."""
    _prctl(_NO_NEW_PRIVILEGES, 1)


def not_dumpable() -> None:
    """No core file, and no access to this process's memory for others of the same user."""
    _prctl(_SET_DUMPABLE, 0)


def leave_network(*, with_user: bool) -> None:
    """Enter a namespace without network devices, and own IPC and host name.

    `with_user` enters a user namespace too, in which this process keeps its ids; without root there is no other way. Single-threaded only.
    """
    user, group = os.geteuid(), os.getegid()
    _checked(_libc.unshare(_NEWNET | _NEWIPC | _NEWUTS | (_NEWUSER if with_user else 0)))
    if with_user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def leave_mounts() -> None:
    """Enter a mount namespace of this process's own: nobody outside sees what is mounted from now on, and it keeps nothing mounted."""
    _checked(_libc.unshare(_NEWNS))
    _mount("none", "/", None, _MS_RECURSIVE | _MS_SLAVE)


def cover(folder: str) -> None:
    """Mount an empty folder, open to all users, over one."""
    _mount("tmpfs", folder, "tmpfs", 0, "mode=755,size=1m")


def bind(source: str, target: str) -> None:
    """Have a file or a folder at another place, too."""
    _mount(source, target, None, _MS_BIND | _MS_RECURSIVE)


def enter_mounts(namespace: int) -> None:
    """Enter a mount namespace by its open file. Single-threaded only."""
    _checked(_libc.setns(namespace, _NEWNS))


def become(user: int, group: int) -> None:
    """Another user and no other groups. Capabilities are kept until `drop_capabilities`."""
    _prctl(_KEEP_CAPABILITIES, 1)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def limit_capabilities() -> None:
    """No program that this process or its children start can get a capability. Those that it has stay. Needs CAP_SETPCAP."""
    number = 0
    while _libc.prctl(_DROP_FROM_BOUNDS, ctypes.c_ulong(number), 0, 0, 0) == 0:
        number += 1
    if ctypes.get_errno() != errno.EINVAL:  # which says that there are no more
        _checked(-1)


def drop_capabilities() -> None:
    """Give up every capability of this thread, in whatever user namespace."""
    _checked(_libc.syscall(_CAPSET, struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)))


def filter_system_calls() -> None:
    """Allow what `system_calls` lists, and nothing more, to all threads of this process. Needs `no_new_privileges` before it."""
    program = allow_list(os.getpid())
    described = struct.pack("@HP", len(program) // 8, ctypes.cast(ctypes.c_char_p(program), ctypes.c_void_p).value)
    flags = _FOR_ALL_THREADS | _NO_SPECULATION_SWITCH
    _checked(_libc.syscall(_SECCOMP, _SET_MODE_FILTER, flags, described))


def landlock_version() -> int:
    """The kernel's version of Landlock's interface; 0 if it has none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def limit_paths(readable: Iterable[str | int], writable: Iterable[str | int]) -> None:
    """Open no file that is not below one of these, paths or open files, or one of them; reach no process outside (Landlock).

    In folders of `writable`, files and folders can be made, renamed and removed, but no links and no devices. Paths that do not exist are
    left out. Needs `no_new_privileges` before it, and a `landlock_version`.
    """
    version = landlock_version()
    files = (1 << (13 + (version >= 2) + (version >= 3))) - 1 | (_IOCTL if version >= 5 else 0)
    network, scopes = (0b11 if version >= 4 else 0), (0b11 if version >= 6 else 0)
    attributes = struct.pack("=QQQ", files, network, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    reading = _READ | _READ_FOLDER
    writing = reading | _WRITE | _TRUNCATE | _MAKE_FILE | _MAKE_FOLDER | _REMOVE_FILE | _REMOVE_FOLDER
    try:
        for places, rights in ((readable, reading), (writable, writing)):
            for place in places:
                _allow(ruleset, place, rights & files)
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, place: str | int, rights: int) -> None:
    try:
        held = os.open(place, os.O_PATH) if isinstance(place, str) else place
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(held).st_mode):
            rights &= _ON_FILES
        _checked(_libc.syscall(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, held), 0))
    finally:
        if held is not place:
            os.close(held)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = (source.encode(), target.encode(), None if kind is None else kind.encode())
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
