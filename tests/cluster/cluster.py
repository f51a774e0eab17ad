"""The system on three hosts: starts it, breaks it, and looks into it where no client can."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg

from deploy.local.errors import NotReady
from deploy.local.layout import REPOSITORY, Layout
from edge.topology import DATABASES
from tests.cluster import plan
from tests.cluster.network import Host, lead_virtual_address_to, make_switch
from tests.cluster.part import Part, base_environment
from tests.cluster.parts import part
from tests.cluster.servers import Database
from tests.stacks import Account

# Of real models those that the load asks for.
_MODELS = ("isnet", "realesr_animevideov3_x2", "ppocr_det", "mark_paint")
_READY_SECONDS = 180.0
_POLL_SECONDS = 0.2
Place = tuple[int, str]
"""A part on the host of a number."""


class Cluster:
    """Every method blocks."""

    def __init__(self, models: Path) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="darkroom-"))
        # PostgreSQL runs as another user.
        self.dir.chmod(0o711)
        self._models = self.dir / "models"
        self._models.mkdir()
        for name in _MODELS:
            (self._models / name).symlink_to(models / name)
        self.installation = plan.make_installation(self.dir / "installation")
        self.hosts = {number: Host(number, self.dir / f"host{number}") for number in plan.HOSTS}
        self._database = Database(self.hosts[plan.STORING], self.installation)
        self._parts: dict[Place, Part] = {}

    def up(self) -> None:
        """Start everything, as an operator does it the first time."""
        make_switch()
        self.build(self._migrate)

    def build(self, fill: Callable[[], None]) -> None:
        """Start everything on hosts that have nothing yet; `fill` is called when the databases are there, and empty."""
        for host in self.hosts.values():
            host.boot()
        lead_virtual_address_to(self.hosts[plan.EDGES[0]])
        servers = self._places("postgres", "postgres-tls", "s3", "nats", "triton")
        self._launch(servers)
        self._wait(place for place in servers if place[1] != "triton")
        self._database.make_databases()
        fill()
        self._launch(self._places("accounts", "files", "tasks", "gateway", "inference", "envoy"))
        self._wait(self._places())

    def destroy(self) -> None:
        """End everything, and delete what every host has stored, and the installation folder."""
        for host in self.hosts.values():
            if host.is_up:
                host.die()
            shutil.rmtree(host.folder / "nats", ignore_errors=True)
        self._database.delete()
        for folder in (self.dir / "data" / "objects", self.installation.folder):
            shutil.rmtree(folder)
        self._parts.clear()

    def _migrate(self) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda name: self.command(name, "migrate"), DATABASES))

    def close(self) -> None:
        """End everything and delete the folder."""
        for host in self.hosts.values():
            if host.is_up:
                host.die()
        Layout.at(self.dir).delete()

    def start(self, number: int, name: str) -> None:
        """Start a part on a host and wait until it does its work."""
        self._launch([(number, name)])
        self._wait([(number, name)])

    def stop(self, number: int, name: str) -> None:
        """Ask a part to end, and wait until it has."""
        self.hosts[number].stop(name, self._part((number, name)).stop)

    def kill(self, number: int, name: str) -> None:
        """End a part without notice."""
        self.hosts[number].stop(name, signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Stop and start a part on all its hosts, one after the other."""
        for number in plan.PLACES[name]:
            self.stop(number, name)
            self.start(number, name)

    def boot(self, number: int) -> None:
        """Start a host that had died, and everything on it."""
        self.hosts[number].boot()
        places = [place for place in self._places() if place[0] == number]
        self._launch(places)
        self._wait(places)

    def wait(self) -> None:
        """Wait until every part does its work."""
        self._wait(self._places())

    def lead_clients_to(self, number: int) -> None:
        """Have the edge's address lead to the edge on a host, as keepalived does when the other one is gone."""
        lead_virtual_address_to(self.hosts[number])

    @property
    def url(self) -> str:
        """The public URL."""
        return plan.PUBLIC_URL

    def edge(self, number: int) -> str:
        """The URL of the edge on a host."""
        return f"http://{plan.address(number)}:{plan.EDGE_PORT}"

    def settings(self, service: str) -> dict[str, str]:
        """The DARKROOM_* environment of a service, on the host where it is first."""
        return plan.service_environment(self.installation, service, self.hosts[plan.PLACES[service][0]])

    def command(self, service: str, *arguments: str) -> str:
        """Run `python -m services.SERVICE ARGUMENTS` with the service's settings; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", f"services.{service}", *arguments],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], **self.settings(service)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{service} {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def admin(self, service: str, *arguments: str) -> str:
        """The same, by the name that it has for a stack on one machine."""
        return self.command(service, *arguments)

    def create_account(self, name: str = "test") -> Account:
        """Another account with a key."""
        made = json.loads(self.command("accounts", "create-account", "--name", name, "--key", name))
        return Account(str(made["id"]), made["key"])

    def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a service's database, or of `postgres`, read as the superuser."""
        return asyncio.run(self._fetch(service, query, *arguments))

    async def _fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await self._database.connect(service)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    def database_url(self, service: str) -> str:
        """SQLAlchemy URL of a service's database, for the administrator."""
        return self._database.url(service)

    def log(self, number: int, name: str, lines: int = 30) -> str:
        """The last lines that a part has written."""
        file = self.hosts[number].log(name)
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""

    def _places(self, *names: str) -> list[Place]:
        return [(number, name) for name, numbers in plan.PLACES.items() if not names or name in names for number in numbers]

    def _part(self, place: Place) -> Part:
        if place not in self._parts:
            number, name = place
            self._parts[place] = part(name, self.hosts[number], self.installation, self._database, self._models)
        return self._parts[place]

    def _launch(self, places: Iterable[Place]) -> None:
        for number, name in places:
            host, made = self.hosts[number], self._part((number, name))
            environment = {**base_environment(host), **made.environment}
            host.start(name, made.command, environment, directory=made.directory, user=made.user)

    def _wait(self, places: Iterable[Place]) -> None:
        waiting = {place: self._part(place) for place in places}
        deadline = time.monotonic() + _READY_SECONDS
        while waiting:
            for place, made in list(waiting.items()):
                number, name = place
                try:
                    made.ready()
                    del waiting[place]
                except NotReady as problem:
                    ended = name not in self.hosts[number].running()
                    if ended or time.monotonic() > deadline:
                        raise RuntimeError(f"{name} on host {number}: {problem}\n{self.log(number, name)}") from problem
            time.sleep(_POLL_SECONDS)
