"""The installation as a whole: the parts that each service knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from darkroom.internal.system.v1 import part_pb2
from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.platform.system_part import ANSWER_SECONDS, ReadPart

_logger = get_logger()


class SystemReport:
    """Asks every service, by its name, for its part."""

    def __init__(self, parts: Mapping[str, ReadPart]) -> None:
        self._parts = parts

    async def read(self) -> Mapping[str, part_pb2.Part | None]:
        """The parts, in the order of the services; None for a service that does not answer in time."""
        found = await asyncio.gather(*(self._read(name, part) for name, part in self._parts.items()))
        return dict(zip(self._parts, found, strict=True))

    async def _read(self, name: str, read: ReadPart) -> part_pb2.Part | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await read()
        except (DarkroomError, TimeoutError) as error:
            _logger.warning("system_part_unreachable", part=name, error=repr(error))
            return None
