"""The units of systemd: written for one clone, one stack and one user, and switched on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.local.layout import REPOSITORY
from deploy.service.errors import ServiceError

_TEMPLATES = REPOSITORY / "deploy" / "systemd"
_SYSTEM, _USER = Path("/etc/systemd/system"), Path.home() / ".config" / "systemd" / "user"
_WITH_BACKUPS = frozenset({"darkroom-backup.service", "darkroom-backup.timer"})
_SWITCHED_ON = ("darkroom.service", "darkroom-look.timer", "darkroom-backup.timer")


@dataclass(frozen=True)
class Units:
    """Where they go, and whom they are for.

    user: whom the service runs as; empty for a service of the calling user, which needs no root.
    backups: the folder of nightly backups; None if none are made.
    folder: other than systemd's own, in which case nothing is started.
    """

    stack: Path
    user: str
    backups: Path | None
    folder: Path | None = None
    root: Path = REPOSITORY

    @property
    def place(self) -> Path:
        """The folder of the units."""
        return self.folder or (_SYSTEM if self.user else _USER)

    def texts(self) -> Mapping[str, str]:
        """The units, by file name."""
        for path in (self.root, self.stack, *([self.backups] if self.backups else [])):
            # make has no quotes for a folder with spaces.
            if any(character.isspace() or character in "%$\"'\\" for character in str(path)):
                raise ServiceError(f"{path}: units cannot name a folder with spaces, quotes, backslashes, dollar or percent signs")
        loader = FileSystemLoader(_TEMPLATES)
        environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)  # noqa: S701 - no HTML
        values = {
            "root": self.root,
            "stack": self.stack,
            "backups": self.backups,
            "user": self.user,
            "python": self.root / ".venv" / "bin" / "python",
            "make": shutil.which("make") or "/usr/bin/make",
            # systemd's own has neither a Python in a user's folder nor one that the shell knows.
            "path": os.pathsep.join(dict.fromkeys((str(Path(sys.base_prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"))),
        }
        names = sorted(path.stem for path in _TEMPLATES.glob("darkroom*.j2"))
        return {name: environment.get_template(f"{name}.j2").render(values) for name in names if self.backups or name not in _WITH_BACKUPS}

    def install(self) -> None:
        """Write them, and start the service now and at every boot. Raises ServiceError."""
        self.place.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts().items():
            (self.place / name).write_text(text)
        if self.folder is not None:
            return
        self._systemctl("daemon-reload")
        for name in _SWITCHED_ON:
            if (self.place / name).is_file():
                self._systemctl("enable", "--now", name)
        if not self.user:
            # Otherwise it starts at login, and ends at logout.
            self._run("loginctl", "enable-linger")

    def remove(self) -> None:
        """Stop the service and delete the units. The stack's data stay. Raises ServiceError if there are none."""
        written = [self.place / path.stem for path in _TEMPLATES.glob("darkroom*.j2") if (self.place / path.stem).is_file()]
        if not written:
            raise ServiceError(
                f"no units of Darkroom are in {self.place}; those of the machine are removed by root, those of a user by that user"
            )
        if self.folder is None:
            for unit in sorted(written):
                if unit.name in _SWITCHED_ON:
                    self._systemctl("disable", "--now", unit.name)
        for unit in written:
            unit.unlink()
        if self.folder is None:
            self._systemctl("daemon-reload")

    def _systemctl(self, *arguments: str) -> None:
        self._run("systemctl", *([] if self.user else ["--user"]), *arguments)

    def _run(self, *command: str) -> None:
        if shutil.which(command[0]) is None:
            raise ServiceError(f"{command[0]} is missing: this machine has no systemd. The units are in {self.place}")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ServiceError(f"`{' '.join(command)}`: {(result.stderr or result.stdout).strip()}")
