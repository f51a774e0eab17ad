"""The life of a Darkroom process, from settings to exit. Each `__main__.py` declares a `Service`; only this module runs one."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from prometheus_client.registry import Collector
from pydantic import ValidationError

from services.platform import config, log, process
from services.platform.compatibility import SurfaceSettings
from services.platform.config import ProcessSettings, ServiceSettings
from services.platform.environment import EnvironmentSettings
from services.platform.identity import Verifier
from services.platform.rpc import catalogue
from services.platform.rpc.open_calls import OpenCalls
from services.platform.rpc.server import Mount, listening
from services.platform.surface_modules import surface_modules
from services.platform.system_part import OwnPart, SystemPartServicer
from services.platform.telemetry import tracing
from services.platform.telemetry.health import Check, Health
from services.platform.telemetry.listener import observable

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from services.platform.revocations import RevokedWorkers

Opened = TypeVar("Opened")
Settings = TypeVar("Settings", bound=ProcessSettings)
# Objects made since the last collection, less those freed, after which the collector looks for cycles among them. Python's own 700 are one
# short task: that took a worker a tenth of its time.
_YOUNG_OBJECTS = 10_000
_logger = log.get_logger()


class Runs(Protocol):
    """Background work that goes on until it is cancelled."""

    async def run(self) -> None:
        """Run until cancelled."""


class Opening:
    """Opens the parts of a process by name, in order. They close in reverse order when the process ends or one fails to open."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Opening:
        return self

    async def __aexit__(self, *error: object) -> bool | None:
        return await self._stack.__aexit__(*error)  # type: ignore[arg-type]

    async def open(self, name: str, part: AbstractAsyncContextManager[Opened] | AbstractContextManager[Opened]) -> Opened:
        """Open a part. The log names the one that cannot be opened."""
        try:
            if isinstance(part, AbstractAsyncContextManager):
                return await self._stack.enter_async_context(part)
            return self._stack.enter_context(part)
        except Exception as error:
            _logger.error("part_not_opened", part=name, error=repr(error))
            raise


async def _until_stopped(stop: asyncio.Event, _health: Health) -> None:
    await stop.wait()


async def _at_once(_stop: asyncio.Event) -> bool:
    return True


def _nothing() -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The loops and servicers of a process."""

    needs: Sequence[Check]
    """The dependencies that it must reach to be ready."""
    loops: Sequence[Runs] = ()
    collectors: Sequence[Collector] = ()
    """Metrics that are read when they are scraped."""
    internal: Sequence[Mount] = ()
    own: OwnPart = field(default_factory=OwnPart)
    """Its knowledge of the installation; served there."""
    public: Sequence[Mount] = ()
    """Served if the settings name a public listener."""
    listeners: Sequence[Callable[[Health], AbstractAsyncContextManager[None]]] = ()
    """Others, by what opens each."""
    open_calls: OpenCalls | None = None
    """Counts the streams there; None: by the settings, and nobody else asks."""
    revoked_workers: RevokedWorkers | None = None
    """Refuses workers from other machines on the internal listener."""
    application: ASGIApp | None = None
    """Served there over HTTP, in place of gRPC."""
    reflected_services: Sequence[str] = ()
    """Services that reflection lists on the public listener."""
    before_listening: Callable[[asyncio.Event], Awaitable[bool]] = _at_once
    """Returns when the process can do its work; False if it had to stop first."""
    work: Callable[[asyncio.Event, Health], Awaitable[None]] = _until_stopped
    """Runs until the process has to stop, and then until its work is finished or handed back."""
    on_drained: Callable[[], None] = _nothing
    """Called once no new calls arrive, before the listeners close."""


def _public(parts: Parts, settings: ServiceSettings, verifier: Verifier, health: Health) -> AbstractAsyncContextManager[None]:
    seconds, tls = settings.drain_calls, settings.tls
    if parts.application is None:
        calls = parts.open_calls or OpenCalls(settings.max_streams_per_account, settings.max_streams)
        return listening("public", settings.listen, parts.public, verifier, parts.reflected_services, health, seconds, calls, tls)
    # Imported only by the processes that need it.
    from services.platform import http_listener

    return http_listener.serving(settings.listen, parts.application, health, seconds, tls)


@dataclass(frozen=True)
class Service(Generic[Settings]):
    """A kind of process: its name, its settings, how its parts are put together, and its administration commands."""

    name: str
    settings: type[Settings]
    compose: Callable[[Settings, Opening], Awaitable[Parts]]
    commands: Callable[[list[str]], int] | None = None
    surfaces: ModuleType | None = None
    """The package of its surfaces. Those that read settings themselves have a module `settings`, whose classes are checked with the others,
    so that all problems are reported at once."""

    async def serve(self, settings: Settings, stop: asyncio.Event) -> None:
        """Open the parts, serve until `stop` is set, drain, and close everything in reverse order."""
        verifier = Verifier(settings.trusted_keys_file)
        async with Opening() as opening:
            parts = await self.compose(settings, opening)
            health = Health(parts.needs)
            parts.own.watch(health)
            await opening.open("health", health.watching())
            await opening.open("loops", process.background(*(loop.run() for loop in parts.loops)))
            await opening.open("metrics", observable(settings.metrics_listen, health, parts.collectors))
            if not await parts.before_listening(stop):
                return
            seconds, tls = settings.drain_calls, settings.tls
            mounts = (*parts.internal, Mount(SystemPartServicer(parts.own)))
            internal = listening(
                "internal", settings.internal_listen, mounts, verifier, (), health, seconds, tls=tls, revoked=parts.revoked_workers
            )
            await opening.open("internal listener", internal)
            for listener in parts.listeners:
                await opening.open("listener", listener(health))
            if isinstance(settings, ServiceSettings):
                await opening.open("public listener", _public(parts, settings, verifier, health))
            await parts.work(stop, health)
            if isinstance(settings, ServiceSettings):
                await health.drain(settings.drain_notice)
            parts.on_drained()

    def main(self) -> int:
        """Run the command given on the command line, or read the settings and serve; returns the exit status."""
        collect_rarely()
        if self.commands is not None and len(sys.argv) > 1:
            return self.commands(sys.argv[1:])
        settings = self.load()
        log.configure(self.name, settings.log_level)
        with tracing.exporting(self.name, settings.otlp_endpoint, settings.trace_ratio):
            process.run(lambda stop: self.serve(settings, stop))
        return 0

    def load(self) -> Settings:
        """Read the settings, and switch on the surfaces that they name. If any are wrong, print all problems and exit with status 2."""
        if "surfaces" in self.settings.model_fields:
            _switch_surfaces()
        return config.load(self.settings, *self.surface_settings())

    def surface_settings(self) -> Sequence[type[EnvironmentSettings]]:
        """The settings of the surfaces that are on."""
        modules = surface_modules(self.surfaces, "settings") if self.surfaces is not None else ()
        classes = (one for module in modules for one in vars(module).values() if isinstance(one, type))
        return [one for one in classes if issubclass(one, EnvironmentSettings) and one is not EnvironmentSettings]


def collect_rarely() -> None:
    """Have the garbage collector look less often, and never at what is loaded: modules do not change, so it need not go through them while
    the process serves, nor three times as it ends."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def _switch_surfaces() -> None:
    """Switch surfaces on and off as `DARKROOM_SURFACES` says. A wrong value is reported with the other settings of the service."""
    with suppress(ValidationError):
        catalogue.offer(SurfaceSettings().offered_surfaces)
