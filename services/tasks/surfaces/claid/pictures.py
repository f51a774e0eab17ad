"""The pictures that replies describe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from darkroom.files.v1 import files_service_pb2
from services.platform.identity import current_identity
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.surfaces.claid.destinations import name_of_url
from services.tasks.surfaces.claid.sources import Source

Inputs = Mapping[int, InputFile]
"""By id."""


class Pictures:
    """Looks up the first input and the first output of tasks that have ended."""

    def __init__(self, files: FilesClient) -> None:
        self._files = files

    async def names_of(self, sources: Sequence[Source]) -> list[str]:
        """The names of pictures of the calling account, in order; empty if one is not known."""
        file_ids = [each.file_id for each in sources if each.file_id is not None]
        files = await self._files.describe(current_identity().account_id, file_ids) if file_ids else {}

        def name(each: Source) -> str:
            if each.url is not None:
                return name_of_url(each.url.url)
            return files[each.file_id].name if each.file_id in files else ""

        return [name(each) for each in sources]

    async def name_of(self, picture: Source) -> str:
        """The same for one."""
        return (await self.names_of([picture]))[0]

    async def of(self, tasks: Sequence[Task], known: Inputs = MappingProxyType({})) -> tuple[Inputs, dict[int, files_service_pb2.Download]]:
        """Inputs and outputs by id; those that are gone are left out. The tasks belong to one account. `known` are inputs that need not be
        looked up."""
        ended = [task for task in tasks if task.state.terminal]
        if not ended:
            return {}, {}
        inputs = [file_id for task in ended for file_id in task.input_file_ids[:1] if file_id not in known]
        outputs = [file_id for task in ended for file_id in task.output_file_ids[:1]]
        account_id = ended[0].account_id
        described, downloads = await asyncio.gather(
            self._files.describe(account_id, inputs), self._files.sign_downloads(account_id, outputs)
        )
        return {**known, **described}, {download.file.id: download for download in downloads}
