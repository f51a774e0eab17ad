"""Databases for tests of one service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.platform.migrations import migrate
from tests.stacks import StackUnderTest


class MigratedDatabases:
    """Databases with a service's tables and no rows. The service's migrations run once in a process; what tests get are copies."""

    def __init__(self, postgres: StackUnderTest) -> None:
        self._postgres = postgres
        self._templates: dict[str, str] = {}

    @contextmanager
    def new(self, service: str) -> Iterator[str]:
        """SQLAlchemy URL of one, which is gone when the block ends."""
        if service not in self._templates:
            template = self._postgres.create_database()
            migrate(service, template)
            self._templates[service] = template
        url = self._postgres.copy_database(self._templates[service])
        yield url
        self._postgres.drop_database(url)
