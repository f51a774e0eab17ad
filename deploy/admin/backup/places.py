"""Where the rows, objects and secrets of a deployment are."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from deploy.admin.backup.moment import Databases
from deploy.admin.sources import Source
from deploy.local.errors import StackError
from edge.topology import DATABASES
from services.files.config import BucketSettings
from services.platform.config import DatabaseSettings, load
from services.platform.environment import EnvironmentSettings, use

_Settings = TypeVar("_Settings", bound=EnvironmentSettings)
FILES = "files"
"""The service whose rows name objects."""


@dataclass(frozen=True)
class Places:
    """The databases by service, and the bucket."""

    databases: Databases
    bucket: BucketSettings

    @classmethod
    def of(cls, source: Source) -> Places:
        """Raises StackError, or exits with status 2 for settings that are missing or invalid."""
        if not source.per_service:
            raise StackError("a backup is of all services together: give --installation FOLDER, or --stack FOLDER")
        databases = {service: _read(DatabaseSettings, source.environments[service]).database for service in DATABASES}
        return cls(databases, _read(BucketSettings, source.environments[FILES]))


def _read(settings: type[_Settings], variables: Mapping[str, str]) -> _Settings:
    def read() -> _Settings:
        use(variables)
        return load(settings)

    return contextvars.copy_context().run(read)
