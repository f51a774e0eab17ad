"""A cluster of NATS servers on loopback, whose servers tests kill and start again."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.config import tool
from deploy.local.scratch.resources import free_port

_HOST = "127.0.0.1"


class NatsCluster:
    """Servers numbered from 0. With one only, it is a server in no cluster."""

    def __init__(self, folder: Path, count: int, configuration: str = "") -> None:
        self._folder, self._configuration = folder, configuration
        self._ports = [free_port() for _ in range(count)]
        self._routes = [free_port() for _ in range(count)]
        self._running: dict[int, asyncio.subprocess.Process] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def url(self, user: str = "", scheme: str = "nats") -> str:
        """The URL of all servers, `user` (`name:password`) in the first."""
        first, *others = (f"{_HOST}:{port}" for port in self._ports)
        return ",".join([f"{scheme}://{user}@{first}" if user else f"{scheme}://{first}", *(f"{scheme}://{other}" for other in others)])

    def name(self, number: int) -> str:
        """As JetStream names a server."""
        return f"server-{number}"

    async def start(self, *numbers: int) -> None:
        """Start servers, all by default, without waiting until they are ready."""
        for number in numbers or range(len(self._ports)):
            file = self._folder / f"{number}.conf"
            file.write_text(self._content(number))
            self._running[number] = await asyncio.create_subprocess_exec(
                *(tool("nats-server"), "-c", str(file), "-l", str(self._folder / f"{number}.log"))
            )

    async def kill(self, number: int) -> None:
        """End a server as a crash does."""
        process = self._running.pop(number)
        process.kill()
        await process.wait()

    def reload(self, configuration: str) -> None:
        """Give all servers another configuration as they run."""
        self._configuration = configuration
        for number, process in self._running.items():
            (self._folder / f"{number}.conf").write_text(self._content(number))
            process.send_signal(signal.SIGHUP)

    async def close(self) -> None:
        """End all servers."""
        for number in list(self._running):
            await self.kill(number)

    def _content(self, number: int) -> str:
        own = {
            "listen": f"{_HOST}:{self._ports[number]}",
            "server_name": self.name(number),
            # The short tests write little, and lose no machine.
            "jetstream": {"store_dir": str(self._folder / f"{number}"), "sync_interval": "2m"},
        }
        if len(self._ports) > 1:
            routes = [f"nats://{_HOST}:{port}" for port in self._routes]
            own["cluster"] = {"name": "tests", "listen": f"{_HOST}:{self._routes[number]}", "routes": routes}
        # NATS's configuration is a superset of JSON.
        return "\n".join((*(f"{name}: {json.dumps(value)}" for name, value in own.items()), self._configuration))


@asynccontextmanager
async def nats_cluster(
    folder: Path, count: int = 3, configuration: str = "", running: Sequence[int] | None = None
) -> AsyncIterator[NatsCluster]:
    """Servers, all or some of them started."""
    cluster = NatsCluster(folder, count, configuration)
    try:
        if running is None or running:
            await cluster.start(*(running or ()))
        yield cluster
    finally:
        await cluster.close()
