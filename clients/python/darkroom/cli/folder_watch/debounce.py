"""When a file that appears or changes is complete: once it has stayed the same for some time."""

from __future__ import annotations

from dataclasses import dataclass

from darkroom.cli.folder_watch.places import Stamp


@dataclass
class _Seen:
    stamp: Stamp
    since: float


class Debounce:
    """Files that are not known to be complete. Times are seconds of one clock.

    An empty file is never complete: many programs create a file before they write to it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, _Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, name: str, stamp: Stamp | None, now: float) -> bool:
        """Note how a file looks now; None if it is gone. True if it is complete, in which case it is forgotten."""
        seen = self._seen.get(name)
        if stamp is None or not stamp.size_bytes:
            self._seen.pop(name, None)
        elif seen is None or seen.stamp != stamp:
            self._seen[name] = _Seen(stamp, now)
        elif now - seen.since >= self._seconds:
            del self._seen[name]
            return True
        return False

    def due(self, now: float) -> list[str]:
        """The files to look at: those that would be complete if they still looked the same."""
        return [name for name, seen in self._seen.items() if now - seen.since >= self._seconds]

    def give_up(self) -> list[str]:
        """Forget all files. Returns their names."""
        names = list(self._seen)
        self._seen.clear()
        return names
