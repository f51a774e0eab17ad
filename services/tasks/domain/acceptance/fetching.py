"""Inputs that a request names by URLs, as files of the account."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.tasks.domain.acceptance.draft import Draft
from services.tasks.domain.acceptance.later import LaterInput
from services.tasks.domain.acceptance.requests import Item, Request
from services.tasks.files_client import FilesClient
from services.tasks.model.media import InputUrl

_SCHEME = "data:"
_BASE64 = ";base64"
_LONGEST_TYPE = 1_000
_WHITESPACE = b" \t\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the URL-safe alphabet."""


def is_data_uri(url: str) -> bool:
    """Whether a URL holds a file itself."""
    return url[: len(_SCHEME)].lower() == _SCHEME


def content_of(url: str, field: str) -> bytes:
    """The content of a `data:` URI, whatever type it claims to be. Its base64 may be URL-safe, and lack padding.

    Whitespace and percent escapes are read.

    Raises FIELD_INVALID, and repeats nothing of the content.
    """
    begins = url.find(",", 0, _LONGEST_TYPE)
    if begins < 0 or not url[:begins].lower().rstrip().endswith(_BASE64):
        raise _refused(field, f"a data: URI must have the form {_SCHEME}<media type>{_BASE64},<content>")
    try:
        encoded = url[begins + 1 :].encode("ascii")
        if b"%" in encoded:
            encoded = unquote_to_bytes(encoded)
        encoded = encoded.translate(_STANDARD, _WHITESPACE).rstrip(b"=")
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise _refused(field, f"the content after {_BASE64}, is not base64") from None


def _refused(field: str, problem: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)


_logger = get_logger()


class Fetching:
    """Has the files service fetch what URLs lead to, while nothing of the request is stored or locked yet. The rest is fetched later and
    only checked."""

    def __init__(self, files: FilesClient) -> None:
        self._files = files

    async def fetch(self, draft: Draft) -> list[int]:
        """The files that stand in for the URLs of the draft from now on; all of them or none. The content of a `data:` URI is stored.

        Raises the errors of ImportFile, blamed on the fields that name the URLs.
        """
        account_id, fetched = draft.request.account_id, list[int]()
        try:
            for index, item in draft.remaining_items():
                with draft.refusing(index):
                    if item.input_urls or item.later_urls:
                        draft.items[index], files = await self._fetched(draft.request, item)
                        fetched += files
            draft.settle()
        except BaseException:
            await self.discard(account_id, fetched)
            raise
        return fetched

    async def discard(self, account_id: int, file_ids: list[int]) -> None:
        """Delete the files fetched for a task that was not created. Files that cannot be deleted now expire."""
        if not file_ids:
            return
        try:
            await self._files.discard(account_id, file_ids)
        except DarkroomError as error:
            _logger.warning("files_not_discarded", files=len(file_ids), error=str(error))

    async def _fetched(self, request: Request, item: Item) -> tuple[Item, list[int]]:
        """The item with files in place of what is fetched now, and places for the rest; and the new files."""
        account_id = request.account_id
        now = [*item.input_urls, *(each for each in item.later_urls if is_data_uri(each.url))]
        later = [each for each in item.later_urls if not is_data_uri(each.url)]
        if later:
            await self._files.check_urls(account_id, later)
        results = await asyncio.gather(*(self._file(account_id, each) for each in now), return_exceptions=True)
        files = [result for result in results if isinstance(result, int)]
        for result in results:
            if isinstance(result, BaseException):
                await self.discard(account_id, files)
                raise result
        first = len(item.input_file_ids) + len(item.input_urls)
        item = replace(
            item,
            input_file_ids=[*item.input_file_ids, *files],
            input_fields=[*item.input_fields, *(each.field for each in now)],
            input_urls=(),
            later_urls=(),
            later_inputs=[
                *item.later_inputs,
                *(
                    LaterInput(each.url, each.field, place, request.formats)
                    for place, each in enumerate(item.later_urls, first)
                    if not is_data_uri(each.url)
                ),
            ],
        )
        return item, files

    async def _file(self, account_id: int, named: InputUrl) -> int:
        if not is_data_uri(named.url):
            return await self._files.fetch(account_id, named.url, named.field)
        return await self._files.store(account_id, await asyncio.to_thread(content_of, named.url, named.field), named.field)
