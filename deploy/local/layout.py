"""Where a stack keeps its files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.system_user import AS_ROOT, reachable_without_privileges

REPOSITORY = Path(__file__).resolve().parents[2]

# A Unix socket's path is limited to 107 bytes by the kernel. The longest name below `run` is the supervisor's socket, which
# is bound under a temporary name with the process id appended before it is linked into place.
_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET_NAME = len("/supervisor.sock.4194304") + 8


# As root, the path to PostgreSQL's data and socket stays traversable, since PostgreSQL runs as another user. Each folder with something
# to read in it is still 0700.
_PASSAGE = 0o711 if AS_ROOT else 0o700


@dataclass(frozen=True)
class Layout:
    """Paths of one stack. `root` identifies the stack: two stacks never share one."""

    root: Path

    @classmethod
    def at(cls, directory: Path) -> Layout:
        """The layout of the stack in a folder. Raises StackError for a path that the supervisor's configuration cannot hold."""
        root = directory.expanduser().absolute()
        if any(character in str(root) for character in "\"';#\n%"):
            raise StackError(
                f"the stack's folder {root} has a quote, ';', '#', '%' or a line break in its path; choose another folder folder"
            )
        return cls(root)

    @property
    def env_file(self) -> Path:
        """Shell-sourceable: how a client reaches the stack (DARKROOM_URL, DARKROOM_API_KEY)."""
        return self.root / "env"

    @property
    def settings_file(self) -> Path:
        """The operator's settings, one NAME=value per line; read at every `up`, never written."""
        return self.root / "settings.env"

    @property
    def ports_file(self) -> Path:
        """The ports that the stack was last started with; a folder with this file holds a stack."""
        return self.root / "ports.json"

    @property
    def listeners_file(self) -> Path:
        """The TCP ports of the services' listeners, if the stack has ever had mutual TLS."""
        return self.root / "listeners.json"

    @property
    def secrets_file(self) -> Path:
        """Passwords that the parts use with each other."""
        return self.root / "secrets.json"

    @property
    def keys(self) -> Path:
        """Ed25519 signing keys, one PEM file per issuer, and the public halves of all of them."""
        return self.root / "keys"

    @property
    def config(self) -> Path:
        """Configuration files written at every `up`."""
        return self.root / "config"

    @property
    def data(self) -> Path:
        """The data that survive `down` and `up`: databases, streams, objects."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file per part, rotated by the supervisor."""
        return self.root / "logs"

    @property
    def tmp(self) -> Path:
        """The parts' temporary files: on the same disk as the data, since they may be large; deleted by `down`."""
        return self.root / "tmp"

    @property
    def run(self) -> Path:
        """Unix sockets. In /tmp when the stack's own folder is too deep for one, or closed to PostgreSQL's user."""
        inside = self.root / "run"
        fits = len(os.fsencode(inside)) + _LONGEST_SOCKET_NAME <= _SOCKET_PATH_LIMIT
        if fits and (not AS_ROOT or reachable_without_privileges(self.root.parent)):
            return inside
        # Deterministic, so that every command finds it; `create` refuses one that another user has created first.
        return Path("/tmp") / f"darkroom-{self.digest}"  # noqa: S108

    @property
    def postgres_sockets(self) -> Path:
        """PostgreSQL's socket folder, owned by the user that PostgreSQL runs as."""
        return self.run / "postgres"

    @property
    def digest(self) -> str:
        """Ten hexadecimal digits that stand for this stack in names and port choices outside its folder."""
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]

    def socket(self, name: str) -> Path:
        """The Unix socket of a listener."""
        return self.run / f"{name}.sock"

    def log_file(self, part: str) -> Path:
        """A part's output, from both streams."""
        return self.logs / f"{part}.log"

    def exists(self) -> bool:
        """Whether the folder holds a stack, running or not."""
        return self.ports_file.is_file()

    def create(self) -> None:
        """Create the permanent folders; safe to repeat."""
        for folder in (self.root, self.data):
            _make_folder(folder, _PASSAGE)
        for folder in (self.keys, self.config, self.logs, self.data / "nats", self.data / "objects"):
            _make_folder(folder, 0o700)

    def create_transient(self) -> None:
        """Create the folders that last from `up` to `down`."""
        _make_folder(self.run, _PASSAGE)
        _make_folder(self.tmp, 0o700)

    def remove_transient(self) -> None:
        """Delete the folders that last from `up` to `down`, once no process is left."""
        for folder in (self.run, self.tmp):
            shutil.rmtree(folder, ignore_errors=True)

    def delete(self) -> None:
        """Delete the stack with all its data."""
        for folder in ((self.data / "postgres").resolve(), self.run, self.root):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Let only one command at a time change a stack; a second one waits here."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _make_folder(folder: Path, mode: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StackError(f"{folder} is not a folder of this user; remove it or choose another folder with --dir")
    folder.chmod(mode)
