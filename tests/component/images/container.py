"""A container without a container engine: a root that cannot be written to, a user without rights, and a host of the test's network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.images.builder import POLICY
from tests.cluster.network import Host

USER = 10001
# Mounts stay in the process's own namespace, and end with it. The working folder is entered last: it is on the root that has been made.
_ENTER = """
set -e
root=$1; folder=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$folder/root"
mount -o remount,bind,ro "$folder/root"
mount -t proc proc "$folder/root/proc"
mount --rbind /dev "$folder/root/dev"
while [ "$1" != -- ]; do mount --bind "${1%%:*}" "$folder/root${1#*:}"; shift; done
shift
exec %(chroot)s "$folder/root" /usr/bin/setpriv --reuid=%(user)d --regid=%(user)d --clear-groups --bounding-set=-all --inh-caps=-all \
  --no-new-privs /bin/sh -c 'cd "$0" && exec "$@"' "$@"
"""


@dataclass(frozen=True)
class Image:
    """The root of an image, and what it says about how it is run."""

    root: Path
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"


def unpacked(name: str, containers: list[str]) -> Image:
    """The image of a name in buildah's storage. What is mounted is added to `containers`, to be removed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as policy:
        policy.write(json.dumps(POLICY))
        policy.flush()
        container = _output("buildah", "from", f"--signature-policy={policy.name}", "--pull-never", name)
    containers.append(container)
    told = json.loads(_output("buildah", "inspect", "--type=image", name))["Docker"]["config"]
    return Image(
        Path(_output("buildah", "mount", container)),
        told.get("Entrypoint") or (),
        told.get("Cmd") or (),
        dict(pair.split("=", 1) for pair in told.get("Env") or ()),
        told.get("WorkingDir") or "/",
    )


class Place(Host):
    """Where a container is in the network."""

    def statuses(self) -> Mapping[str, int]:
        """Exit statuses of the processes that have ended."""
        found: Mapping[str, int] = self._ask(do="look")["statuses"]
        return found


class Container:
    """One container on a host of its own. Its log is that of the host's process `main`."""

    def __init__(self, host: Place, image: Image, environment: Mapping[str, str], mounts: Mapping[str, Path]) -> None:
        """mounts: what is mounted, by where."""
        self.host, self._image = host, image
        self._environment = {**image.environment, **environment}
        temporary = host.folder / "tmp"
        temporary.chmod(0o1777)
        (host.folder / "root").mkdir(exist_ok=True)
        self._mounts = {"/tmp": temporary, **mounts}
        for target, source in self._mounts.items():
            place = self._place(target)
            if source.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()

    def _place(self, target: str) -> Path:
        """Where a mount point has to be made: in what else is mounted above it, as below /tmp, or in the image."""
        above = max((other for other in self._mounts if target.startswith(f"{other}/")), key=len, default=None)
        return self._image.root / target.lstrip("/") if above is None else self._mounts[above] / target.removeprefix(above).lstrip("/")

    def start(self, entrypoint: Sequence[str] | None, command: Sequence[str]) -> None:
        """Start what is to run, in place of what the image says where that is given."""
        words = [*(self._image.entrypoint if entrypoint is None else entrypoint)]
        self._run("main", [*words, *(command or (self._image.command if entrypoint is None else ()))])

    def execute(self, *command: str, seconds: float = 120) -> tuple[bool, str]:
        """Run a command beside it. Returns whether it succeeded, and what it has printed."""
        self.host.log("command").unlink(missing_ok=True)
        self._run("command", command)
        deadline = time.monotonic() + seconds
        while self.is_running("command"):
            assert time.monotonic() < deadline, f"{' '.join(command)} takes longer than {seconds} s"
            time.sleep(0.05)
        return self.status("command") == 0, self.log("command")

    def is_running(self, name: str = "main") -> bool:
        """Whether the process runs."""
        return name in self.host.running()

    def status(self, name: str = "main") -> int | None:
        """The exit status of a process that has ended."""
        return self.host.statuses().get(name)

    def log(self, name: str = "main") -> str:
        """What a process has written."""
        return self.host.log(name).read_text(errors="replace")

    def _run(self, name: str, command: Sequence[str]) -> None:
        mounts = [f"{source}:{target}" for target, source in sorted(self._mounts.items())]
        enter = (
            "unshare",
            "--mount",
            "sh",
            "-c",
            _ENTER % {"user": USER, "chroot": shutil.which("chroot")},
            "sh",
            str(self._image.root),
            str(self.host.folder),
        )
        environment = {"PATH": os.defpath, "HOME": "/tmp", **self._environment}
        self.host.start(name, [*enter, *mounts, "--", self._image.directory, *command], environment)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
