"""Keeps the modes with which a process and its children create files.

Triton's Python backend creates its shared-memory regions readable by every user of the machine: it undoes the umask with `fchmod`, right
after it has created one, so that a `chmod` from outside would come too late for a reader who waits for the file. With the system call made
ineffective, the umask decides.
"""

import ctypes
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_UNLESS_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ARCHITECTURE_OFFSET, _NUMBER_OFFSET = 4, 0
# The call is not made, and returns 0.
_DONE, _ALLOW = 0x00050000, 0x7FFF0000
# The kernel's name of the architecture, and the number of fchmod there.
_FCHMOD = {"x86_64": (0xC000003E, 91), "aarch64": (0xC00000B7, 52)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def keep_creation_modes() -> None:
    """Make `fchmod` without effect in this process and those that it starts; it still succeeds. If the kernel does not allow it, says so on
    standard error."""
    known = _FCHMOD.get(platform.machine())
    if known is None or not _filtered(*known):
        print("models.serve: every user of this machine can read the models' shared memory in /dev/shm", file=sys.stderr, flush=True)


def _filtered(architecture: int, number: int) -> bool:
    instructions = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
            (_JUMP_UNLESS_EQUAL, 0, 3, architecture),
            (_LOAD, 0, 0, _NUMBER_OFFSET),
            (_JUMP_UNLESS_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _DONE),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    content = ctypes.create_string_buffer(instructions)
    program = _Program(len(instructions) // 8, ctypes.addressof(content))
    library = ctypes.CDLL(None)
    statuses = (
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program)),
    )
    return statuses == (0, 0)
