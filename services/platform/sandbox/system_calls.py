"""The system calls of a sandboxed child: an allow list, as a seccomp filter for x86-64 and aarch64.

The list holds what CPython, NumPy, libvips, Pillow, PDFium and qpdf use to read open or permitted files, compute with threads and write
their result. Everything else is refused with EPERM: sockets, starting processes and programs, signals to others, changes of identity,
mounts, tracing, keys, eBPF, io_uring. Calls newer than this list are ENOSYS, so that libraries fall back to what they used before.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Sequence

_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # Files: the paths are limited by Landlock.
    "access": (21, None),
    "close": (3, 57),
    "close_range": (436, 436),
    "copy_file_range": (326, 285),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "fadvise64": (221, 223),
    "fallocate": (285, 47),
    "fcntl": (72, 25),
    "fdatasync": (75, 83),
    "flock": (73, 32),
    "fstat": (5, 80),
    "fstatfs": (138, 44),
    "fsync": (74, 82),
    "ftruncate": (77, 46),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "lseek": (8, 62),
    "lstat": (6, None),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "newfstatat": (262, 79),
    "open": (2, None),
    "openat": (257, 56),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "pwrite64": (18, 68),
    "pwritev": (296, 70),
    "read": (0, 63),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "readv": (19, 65),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "rmdir": (84, None),
    "sendfile": (40, 71),
    "stat": (4, None),
    "statfs": (137, 43),
    "statx": (332, 291),
    "umask": (95, 166),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "utimensat": (280, 88),
    "write": (1, 64),
    "writev": (20, 66),
    # Memory.
    "brk": (12, 214),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    "mincore": (27, 232),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    # Threads, and the end.
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "get_robust_list": (274, 100),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getpriority": (140, 141),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "sched_getaffinity": (204, 123),
    "sched_getattr": (315, 275),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_yield": (24, 124),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    # Clocks and facts about the machine.
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "sysinfo": (99, 179),
    "time": (201, None),
    "times": (100, 153),
    "uname": (63, 160),
    # Signals of its own.
    "pause": (34, None),
    "rt_sigaction": (13, 134),
    "rt_sigpending": (127, 136),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    # Waiting.
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_pwait": (281, 22),
    "epoll_wait": (232, None),
    "eventfd2": (290, 19),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pselect6": (270, 72),
    "select": (23, None),
    # The job's socket, which is connected. Open files come over it, to warm children.
    "getsockopt": (55, 209),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "sendto": (44, 206),
    "shutdown": (48, 210),
}
_CLONE, _CLONE3, _IOCTL, _KILL, _PRCTL, _PRLIMIT, _TGKILL = (56, 220), (435, 435), (16, 29), (62, 129), (157, 167), (302, 261), (234, 131)
_NEWEST = 467

_CLONE_THREAD = 0x10000
_TERMINAL_AND_FLAGS = (0x5401, 0x5413, 0x5421, 0x541B, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD, FIONCLEX, FIOCLEX
_THREAD_NAMES = (15, 16)  # PR_SET_NAME, PR_GET_NAME

# Classic BPF: load a word of seccomp_data, jump, mask, return.
_LOAD, _EQUAL, _GREATER, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


def known_machine() -> bool:
    """Whether there is a list for this machine's architecture."""
    return platform.machine() in _MACHINES


def allow_list(pid: int) -> bytes:
    """The filter for the process `pid`, an array of `struct sock_filter`, for the architecture that this runs on."""
    machine, column = _MACHINES[platform.machine()]
    program = [
        _instruction(_LOAD, _MACHINE_AT),
        _instruction(_EQUAL, machine, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_AT_LEAST, _X32, 0, 1),
        _instruction(_RETURN, _ERROR | errno.EPERM),
    ]
    for numbers in _ALLOWED.values():
        number = numbers[column]
        if number is not None:
            program += [_instruction(_EQUAL, number, 0, 1), _instruction(_RETURN, _ALLOW)]
    program += _if_argument(_CLONE[column], 0, _CLONE_THREAD, [_CLONE_THREAD])
    program += _if_argument(_IOCTL[column], 1, 0xFFFFFFFF, _TERMINAL_AND_FLAGS)
    program += _if_argument(_KILL[column], 0, 0xFFFFFFFF, [pid])
    program += _if_argument(_TGKILL[column], 0, 0xFFFFFFFF, [pid])
    program += _if_argument(_PRCTL[column], 0, 0xFFFFFFFF, _THREAD_NAMES)
    program += _if_argument(_PRLIMIT[column], 0, 0xFFFFFFFF, [0, pid])
    program += [
        # Its flags lie in memory, where a filter cannot look.
        _instruction(_EQUAL, _CLONE3[column], 1, 0),
        _instruction(_GREATER, _NEWEST, 0, 1),
        _instruction(_RETURN, _ERROR | errno.ENOSYS),
        _instruction(_RETURN, _ERROR | errno.EPERM),
    ]
    return b"".join(program)


def _if_argument(number: int, index: int, mask: int, values: Sequence[int]) -> Iterator[bytes]:
    """Allow a call whose argument, masked, is one of some values, and refuse the others. Only the lower half counts: all are ints."""
    yield _instruction(_EQUAL, number, 0, 2 * len(values) + 3)
    yield _instruction(_LOAD, _ARGUMENTS_AT + 8 * index)
    yield _instruction(_AND, mask)
    for value in values:
        yield _instruction(_EQUAL, value, 0, 1)
        yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_RETURN, _ERROR | errno.EPERM)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
