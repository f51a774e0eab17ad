"""The facts about one part of the stack for the supervisor and the start-up code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Program:
    """One supervised process of the stack.

    ready: one probe of the part; raises NotReady (or an OSError) until the part is ready.
    prepare: run each time before the process is started (first-time folders, migrations); safe to repeat.
    provision: run once the part is ready, at every `up` (databases, buckets); safe to repeat.
    services: other names of the part: those of the services that its process serves.
    requires: names of the parts that must be ready before `prepare`.
    configure: run at every `up`; writes the files that the process reads when it starts, and returns a digest of everything it reads
        besides its command and environment. A process whose digest has changed is restarted.
    drain: run before the process is stopped on purpose, while it still works; may take some seconds, and never raises.
    module: the Python module that the command runs with `-m`, if the supervisor may start it as a fork of itself.
    shares: whether that module is one of several whose imports the supervisor loads once, and shares. A single one takes less alone.
    stop_group: signal the whole process group, for a part whose children do not follow their parent.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[None]]
    module: str = ""
    shares: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: str | None = None
    services: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    configure: Callable[[], str] = str
    prepare: Callable[[], Awaitable[None]] = _nothing
    provision: Callable[[], Awaitable[None]] = _nothing
    drain: Callable[[], Awaitable[None]] = _nothing
    ready_seconds: float = 120.0
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    stop_group: bool = True
