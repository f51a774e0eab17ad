"""Files whose bytes another part of the platform writes to storage while it receives them, and whose size it may not know before."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from services.files.config import FilesSettings
from services.files.domain.errors import not_found
from services.files.domain.multipart import UploadedPart
from services.files.domain.naming import EXTENSIONS, MEDIA_TYPE_OF, is_plain
from services.files.domain.uploads import NewUpload, Uploads
from services.files.presign import Presigner
from services.files.records import File, FileState
from services.files.store import FileStore
from services.files.transfers import Transfers
from services.pictures.media_format import MediaFormat, sniff
from services.pictures.probe.faults import problem_of
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_writing import StartedFile

_LONGEST_NAME = 200
_SEPARATORS = re.compile(r"[/\\]")
_UNNAMED = "file"


class StreamedFiles:
    """Writes are not limited to a declared size; the receiver of the bytes limits them."""

    def __init__(
        self,
        store: FileStore,
        uploads: Uploads,
        internal_urls: Presigner,
        transfers: Transfers,
        wake_sweeper: Callable[[], None],
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._store, self._uploads, self._urls, self._transfers = store, uploads, internal_urls, transfers
        self._wake_sweeper, self._settings, self._clock = wake_sweeper, settings, clock

    async def begin(
        self,
        account_id: int,
        name: str,
        head: bytes,
        size_bytes: int | None,
        content: bytes = b"",
        surface: str = "",
        *,
        any_content: bool = False,
        held: bool = False,
        file_id: int = 0,
    ) -> StartedFile:
        """A new file, and the URL to PUT it to; without a size it has parts instead, and no URL. `head` is how the file begins, and
        `surface` the API that it comes through. With `any_content`, it need not be of a known format.

        With `content`, all of it, the file is READY and has no URL; `file_id` is its id if it was held. With `held` it has no record yet.
        Raises MEDIA_UNSUPPORTED and FILE_TOO_LARGE; with `content`, what
        `Intake.store` raises.
        """
        name, extension = (_bare(name)[:_LONGEST_NAME] or _UNNAMED, None) if any_content else name_and_extension(name, head)
        if content or held:
            upload = NewUpload(name, len(content) or size_bytes or 0, extension, in_parts=False, surface=surface, any_content=any_content)
            if not held:
                return StartedFile((await self._uploads.store(account_id, upload, content, file_id)).id)
            file_id, output_file_id = await self._uploads.hold(upload)
            return StartedFile(file_id, name=name, output_file_id=output_file_id)
        upload = NewUpload(name, size_bytes or 0, extension, in_parts=size_bytes is None, surface=surface, any_content=any_content)
        file = await self._uploads.begin(account_id, upload)
        if file.upload_id is not None:
            return StartedFile(file.id)
        return StartedFile(file.id, self._urls.put(file.object_key, self._settings.internal_url_seconds), self._transfers.only_if_absent)

    async def store_held(self, account_id: int, name: str, content: bytes, surface: str, file_id: int, task_id: int) -> File:
        """A file that was held, READY, and pinned for the task unless it was stored before. Raises as `begin`."""
        name, extension = name_and_extension(name, content)
        upload = NewUpload(name, len(content), extension, in_parts=False, surface=surface)
        return await self._uploads.store(account_id, upload, content, file_id, task_id)

    async def part_url(self, account_id: int, file_id: int, number: int) -> str:
        """The URL to PUT a part to. Raises FILE_NOT_FOUND."""
        file = (await self._store.find(account_id, [file_id], self._clock())).get(file_id)
        if file is None or not file.visible or file.upload_id is None or file.state is FileState.READY:
            raise not_found(file_id)
        return self._urls.put_part(file.object_key, file.upload_id, number, self._settings.internal_url_seconds)

    async def complete(self, account_id: int, file_id: int, etags: Sequence[str]) -> File:
        """The file, READY, from its parts. Raises what `Uploads.complete` raises."""
        return await self._uploads.complete(account_id, file_id, [UploadedPart(number, etag) for number, etag in enumerate(etags, 1)])

    async def discard(self, account_id: int, file_ids: Sequence[int]) -> None:
        """Delete files that nothing needs."""
        for file_id in file_ids:
            await self._store.delete(account_id, file_id, self._clock())
        self._wake_sweeper()


def name_and_extension(name: str, head: bytes) -> tuple[str, str]:
    """A name that a file may have, and its extension: that of the name if it is a known one, else that of the content.

    Raises MEDIA_UNSUPPORTED when neither is known.
    """
    bare = _bare(name)
    stem, _, ending = bare.rpartition(".")
    if stem and ending.lower() in MEDIA_TYPE_OF:
        return f"{stem[:_LONGEST_NAME]}.{ending}", ending.lower()
    found = sniff(head)
    if not isinstance(found, MediaFormat):
        message = "This is not a picture or document of a known format."
        raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, allowed=EXTENSIONS, metadata=problem_of(head))
    extension = found.extensions[0]
    return f"{(stem or bare or _UNNAMED)[:_LONGEST_NAME]}.{extension}", extension


def _bare(name: str) -> str:
    """The last part of a path, of characters that names may have."""
    return "".join(character for character in _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1] if is_plain(character)).strip()
