"""Several services in one process: what they call of each other needs no connection, and they share an interpreter and its libraries.

Each has its own settings, listeners, database and connections, as in a process of its own; all of them begin, drain and end together.
`FILES_DARKROOM_LISTEN` is `DARKROOM_LISTEN` for files alone; a variable without a service's name is for all of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from services.platform import environment, log, process
from services.platform.config import ProcessSettings, ServiceSettings
from services.platform.rpc.local import hosting
from services.platform.serving import Service, collect_rarely
from services.platform.telemetry import tracing

_NAME = "core"


@dataclass(frozen=True)
class Hosted:
    """A service with its settings."""

    service: Service[Any]
    settings: ProcessSettings
    context: contextvars.Context
    """In which all its tasks run: it holds the service's environment, its name for the log, and its tracer."""

    @property
    def listeners(self) -> list[str]:
        """The addresses of its gRPC listeners."""
        found = [self.settings.internal_listen]
        return [*found, self.settings.listen] if isinstance(self.settings, ServiceSettings) else found


def main(services: Sequence[Service[Any]]) -> int:
    """Serve them until SIGTERM, or until one of them ends; returns the exit status.

    They stop in reverse order, each once the one before it has drained: a service comes before those that call it. Exits with status 2 if
    any setting of any service is wrong, once all problems are printed.
    """
    collect_rarely()
    hosted = load(services)
    levels = logging.getLevelNamesMapping()
    log.configure(_NAME, min((one.settings.log_level for one in hosted), key=lambda level: levels[level.upper()]))
    with ExitStack() as stack:
        for one in hosted:
            exporting = tracing.exporting(one.service.name, one.settings.otlp_endpoint, one.settings.trace_ratio)
            one.context.run(stack.enter_context, exporting)
        process.run(lambda stop: serve(hosted, stop))
    return 0


def load(services: Sequence[Service[Any]]) -> list[Hosted]:
    """Read the settings of each. Exits with status 2 once all problems of all services are printed."""
    hosted, failed = list[Hosted](), False
    for service in services:
        context = contextvars.copy_context()
        context.run(environment.use, _variables(service.name))
        context.run(log.bind_to_context, service=service.name)
        try:
            hosted.append(Hosted(service, context.run(service.load), context))
        except SystemExit:
            failed = True
    if failed:
        raise SystemExit(2)
    if len({one.settings.offered_surfaces for one in hosted if isinstance(one.settings, ServiceSettings)}) > 1:
        raise SystemExit("DARKROOM_SURFACES must be the same for all services of one process")
    return hosted


def _variables(service: str) -> dict[str, str]:
    prefix = f"{service.upper()}_{environment.PREFIX}"
    own = {name.removeprefix(f"{service.upper()}_"): value for name, value in os.environ.items() if name.startswith(prefix)}
    return {**os.environ, **own}


async def serve(hosted: Sequence[Hosted], stop: asyncio.Event) -> None:
    """Serve them until `stop` is set or one of them ends, and then end all, in reverse order. Raises the error that one ended with."""
    with hosting([address for one in hosted for address in one.listeners]):
        stops = [asyncio.Event() for _ in hosted]
        serving = [
            asyncio.create_task(one.service.serve(one.settings, own), context=one.context) for one, own in zip(hosted, stops, strict=True)
        ]
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait([asked, *serving], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for own, running in zip(reversed(stops), reversed(serving), strict=True):
            own.set()
            await asyncio.wait([running])
        for running in serving:
            running.result()
