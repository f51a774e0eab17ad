"""TCP ports for servers that live only as long as a test or a benchmark."""

from __future__ import annotations

import itertools
import os
import random
import socket

# Below the ports that stacks choose from (20000 and up) and those that Linux uses for outgoing connections (32768 and up). Processes with
# neighbouring ids choose from different ranges, so that two do not take one port between the choice and the server's start.
_FIRST, _PARTS, _EACH = 10_000, 16, 600
_START = random.randrange(_EACH)
_PORTS = (_FIRST + os.getpid() % _PARTS * _EACH + (_START + offset) % _EACH for offset in itertools.count())


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, and that was not recently returned to this process."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
