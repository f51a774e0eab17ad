"""The stack that tests in several processes use at the same time, and that therefore no test stops or changes."""

from __future__ import annotations

import fcntl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NoReturn

from tests.harness.folders import ALONE, BREAKS
from tests.stacks import StackUnderTest


class SharedStack(StackUnderTest):
    """Refuses what would disturb the tests beside. One process at a time makes it: the first chooses its ports."""

    def __init__(self, directory: Path, *, models: Path) -> None:
        super().__init__(directory, models=models, guarded=False)
        self._create()

    def up(self, only: Collection[str] = ()) -> None:
        """Bring up every part, or those named; one process after the other."""
        with (self.dir / "tests.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            super().up(only)

    def configure(self, settings: Mapping[str, str]) -> None:
        self._refuse()

    def use_models(self, repository: Path) -> None:
        self._refuse()

    def down(self) -> int:
        self._refuse()

    def start(self, part: str) -> None:
        self._refuse()

    def stop(self, part: str) -> None:
        self._refuse()

    def restart(self, part: str) -> None:
        self._refuse()

    def kill(self, part: str) -> int:
        self._refuse()

    def pause(self, part: str) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AssertionError(
            f"this stack is shared: mark a test that changes it with @pytest.mark.{ALONE}, or with @pytest.mark.{BREAKS}(part)"
        )
