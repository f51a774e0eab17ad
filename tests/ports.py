"""TCP ports for servers that a test starts."""

from __future__ import annotations

import itertools
import os
import random
import socket

# Below what stacks choose from (20000) and what Linux hands to outgoing connections (32768); each process of a run has a part of its own,
# so that two do not take one port between the choice and the server's start.
_FIRST, _EACH = 10_000, 2_500
_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_START = random.randrange(_EACH)
_PORTS = (_FIRST + _NUMBER * _EACH + (_START + offset) % _EACH for offset in itertools.count())


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that this process has not been given lately."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
