"""The stack that tests in several processes use at the same time, and that therefore no test stops or changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from tests.harness.folders import ALONE
from tests.stacks import StackUnderTest


class SharedStack(StackUnderTest):
    """Refuses what would disturb the tests beside."""

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

    def paused(self, part: str) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AssertionError(f"this stack is shared: mark a test that changes it with @pytest.mark.{ALONE}")
