"""Frames between the host and a sandboxed child.

A frame is one byte of kind, four bytes of length (big endian) and the payload. The host trusts nothing that a child
sends, since a parser may have been taken over by the file it reads: what goes to the child is pickled, but what comes
back is JSON or plain bytes.
"""

from __future__ import annotations

import dataclasses
import enum
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HEADER = struct.Struct("!BI")

#: The longest frame that the host accepts from a child, in bytes.
MAX_REPLY_BYTES = 64 << 20


class Kind(enum.IntEnum):
    """The content of a frame."""

    JOB = 1
    """Host to child: a pickled `Job`."""
    STARTED = 2
    """Child to host: the child exists and its clocks are running; its process id, four bytes (big endian)."""
    PROGRESS = 3
    """Child to host: JSON array, the arguments of the progress callback."""
    RESULT = 4
    """Child to host: JSON, what the function returned."""
    RESULT_BYTES = 5
    """Child to host: the bytes that the function returned."""
    ERROR = 6
    """Child to host: a typed error, JSON object with the attributes of `DarkroomError`."""
    OUT_OF_MEMORY = 7
    """Child to host: an allocation failed; empty."""
    EXCEPTION = 8
    """Child to host: JSON object with `type` and `traceback` of an exception that is not a typed error."""
    ASK = 9
    """Child to host: JSON array, a question, such as the offset and length of the bytes that it wants."""
    GIVE = 10
    """Host to child: the answer."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a child: `function` is `module:qualified name`."""

    function: str
    args: tuple[Any, ...]
    reads: tuple[Path, ...]
    folder: Path | None
    with_progress: bool
    with_answers: bool
    with_connection: bool
    memory_bytes: int
    cpu_seconds: int
    open_files: int
    file_bytes: int
    threads: int

    def with_args(self, args: tuple[Any, ...]) -> Self:
        """The same job with other arguments."""
        return dataclasses.replace(self, args=args)


def frame(kind: Kind, payload: bytes = b"") -> bytes:
    """One frame, ready to send."""
    return HEADER.pack(kind, len(payload)) + payload


def receive_exactly(connection: socket.socket, length: int) -> bytes:
    """`length` bytes from a blocking socket; EOFError if the peer hangs up first."""
    received = bytearray()
    while len(received) < length:
        chunk = connection.recv(min(length - len(received), 1 << 20))
        if not chunk:
            raise EOFError("the peer hung up in the middle of a frame")
        received += chunk
    return bytes(received)
