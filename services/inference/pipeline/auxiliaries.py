"""The pictures that operations need besides their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.inference.media import Header, Hints, Image, Limits
from services.inference.pipeline.reading import Reading, with_file_name
from services.inference.pipeline.run import Source
from services.platform.errors import DarkroomError


@dataclass(frozen=True, slots=True)
class _Auxiliary:
    source: Source
    header: Header


class Auxiliaries:
    """Reads them, for all inputs of a task."""

    def __init__(self, limits: Limits, reading: Reading) -> None:
        self._limits, self._reading = limits, reading
        self._found: dict[int, _Auxiliary] = {}

    @property
    def headers(self) -> Sequence[Header]:
        """The headers of all pictures that were added."""
        return [each.header for each in self._found.values()]

    async def add(self, file_id: int, source: Source) -> None:
        """Read the header of a file, which must stay in place. Raises what that raises, with the file's name."""
        try:
            self._found[file_id] = _Auxiliary(source, await self._reading.input_header(source.path, self._limits, Hints(source.name)))
        except DarkroomError as error:
            raise with_file_name(error, source.name) from error

    async def read(self, file_id: int, folder: Path) -> Image:
        """Decode one. Raises as `Reading.picture`, with the file's name."""
        source, header = self._found[file_id].source, self._found[file_id].header
        try:
            return await self._reading.picture(source.path, header, folder, self._limits, Hints(source.name))
        except DarkroomError as error:
            raise with_file_name(error, source.name) from error
