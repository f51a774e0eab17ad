"""Inputs that a request names by URLs, as files of the account."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from services.common.errors import DarkroomError
from services.common.log import get_logger
from services.tasks.domain.acceptance.draft import Draft
from services.tasks.domain.acceptance.requests import InputUrl, Item
from services.tasks.files_client import FilesClient

_logger = get_logger()


class Fetching:
    """Has the files service fetch what URLs lead to, while nothing of the request is stored or locked yet."""

    def __init__(self, files: FilesClient) -> None:
        self._files = files

    async def fetch(self, draft: Draft) -> list[int]:
        """The files that stand in for the URLs of the draft from now on; all of them or none.

        Raises the errors of ImportFile, blamed on the fields that name the URLs.
        """
        account_id, fetched = draft.request.account_id, list[int]()
        for index, item in draft.left():
            if item.input_urls:
                files = await self._fetch_all(account_id, item)
                fetched += files
                draft.items[index] = _with(item, files)
        return fetched

    async def discard(self, account_id: int, file_ids: list[int]) -> None:
        """Delete what was fetched for a task that was not created. What cannot be deleted now expires."""
        if not file_ids:
            return
        try:
            await self._files.discard(account_id, file_ids)
        except DarkroomError as error:
            _logger.warning("files_not_discarded", files=len(file_ids), error=str(error))

    async def _fetch_all(self, account_id: int, item: Item) -> list[int]:
        results = await asyncio.gather(*(self._fetch(account_id, each) for each in item.input_urls), return_exceptions=True)
        files = [result for result in results if isinstance(result, int)]
        for result in results:
            if isinstance(result, BaseException):
                await self.discard(account_id, files)
                raise result
        return files

    async def _fetch(self, account_id: int, named: InputUrl) -> int:
        return await self._files.fetch(account_id, named.url, named.field)


def _with(item: Item, files: list[int]) -> Item:
    return replace(
        item,
        input_file_ids=[*item.input_file_ids, *files],
        input_fields=[*item.input_fields, *(each.field for each in item.input_urls)],
        input_urls=(),
    )
