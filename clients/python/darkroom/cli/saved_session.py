"""The session of `darkroom login`, which later commands use: in a file of this user's that nobody else can read."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "session.json"


@dataclass(frozen=True)
class SavedSession:
    """A session, the server that it is for, and who has signed in."""

    url: str
    user: str
    token: str

    @classmethod
    def load(cls) -> SavedSession | None:
        """The session, or None if nobody has signed in, or if the file cannot be read."""
        try:
            session = cls(**json.loads(_file().read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return session if all(isinstance(value, str) for value in asdict(session).values()) else None

    def save(self) -> None:
        """Keep it, in place of another."""
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{_FILE}.{os.getpid()}.part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
                json.dump(asdict(self), opened)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    @staticmethod
    def forget() -> None:
        """Delete the file."""
        with suppress(FileNotFoundError):
            _file().unlink()


def state_folder() -> Path:
    """The folder for this user's application state."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    return Path(base) / "darkroom"


def _file() -> Path:
    return state_folder() / _FILE
