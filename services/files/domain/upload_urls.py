"""Signing the URLs that the bytes of uploads are sent to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.files.config import FilesSettings
from services.files.domain.keys import upload_key, uploader_of
from services.files.presign import Presigner, in_thread
from services.files.records import File, FileState
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class CreatedUpload:
    """A record and where its bytes go: `url` for one PUT, or `part_urls`; neither once it is READY."""

    file: File
    urls_expire_at: datetime
    url: str | None = None
    part_urls: tuple[str, ...] = ()
    part_bytes: int = 0


class UploadUrls:
    """Signs the URLs for clients' uploads."""

    def __init__(self, public_urls: Presigner, settings: FilesSettings, clock: Clock) -> None:
        self._urls, self._settings, self._clock = public_urls, settings, clock

    def part_bytes(self, sizes: Sequence[int]) -> int:
        """The part size for files of these sizes: larger than usual where their URLs would not fit into a reply.

        Raises FIELD_INVALID, blamed on `files`, where even one part per file is too many.
        """
        size, limit = self._settings.part_bytes, self._settings.max_part_urls
        if len(sizes) > limit:
            message = f"files: these uploads need {len(sizes)} part URLs; one request may ask for {limit}. Send fewer files."
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="files")
        # Doubled, so that a file cut into as many equal pieces as there are URLs still has pieces of more than half the size.
        while sum(-(-each // size) for each in sizes) > limit:
            size *= 2
        return size

    def part_bytes_of(self, file: File) -> int:
        """The part size of an upload that has been started."""
        return file.part_bytes or self._settings.part_bytes

    def most_with(self, file: File, length: int) -> int:
        """How many bytes an upload may have once so many are sent to one of its URLs: a part that is larger than usual may be the first of
        many."""
        if file.upload_id is None:
            return length
        usual = self.part_bytes_of(file)
        return length * -(-file.size_bytes // usual) if length > usual else file.size_bytes

    async def sign(self, files: Sequence[File], bytes_left: int) -> list[CreatedUpload]:
        """Fresh URLs for each of the files, in order: one per part where a multipart upload was started, else one. None for those that are
        READY.

        The edge lets no file grow beyond what counts for it by more than `bytes_left`.
        """
        expires_at = self._clock() + self._settings.upload_url_life
        seconds = self._settings.upload_url_seconds
        numbers = [self._numbers(file) for file in files]
        wanted = [(file, number) for file, own in zip(files, numbers, strict=True) for number in own]

        def sign(each: tuple[File, int]) -> str:
            file, number = each
            if file.upload_id is not None:
                return self._urls.put_part(file.object_key, file.upload_id, number, seconds, self._most(file, bytes_left))
            return self._urls.put(_key_to_write(file), seconds, most_bytes=self._most(file, bytes_left))

        # Sign everything at once in a thread, then distribute the URLs.
        urls = iter(await in_thread(sign, wanted))
        created = []
        for file, own in zip(files, numbers, strict=True):
            signed = tuple(next(urls) for _ in own)
            if not signed:
                created.append(CreatedUpload(file, expires_at))
            elif file.upload_id is None:
                created.append(CreatedUpload(file, expires_at, url=signed[0]))
            else:
                created.append(CreatedUpload(file, expires_at, part_urls=signed, part_bytes=self.part_bytes_of(file)))
        return created

    def _numbers(self, file: File) -> range:
        """The parts to sign for; 0 is the whole."""
        if file.state is FileState.READY:
            return range(0)
        return range(1) if file.upload_id is None else range(1, -(-file.size_bytes // self.part_bytes_of(file)) + 1)

    def _most(self, file: File, bytes_left: int) -> int:
        """How many bytes a URL of the file takes. Parts may be larger than usual, as those of a file that is larger than announced."""
        most = min(self._settings.max_file_bytes, file.counted_bytes + bytes_left)
        if file.upload_id is None:
            return most
        usual = self.part_bytes_of(file)
        return max(usual, -(-most // -(-file.size_bytes // usual)))


def _key_to_write(file: File) -> str:
    """Where a single PUT goes; for a file that a service writes, to a name that nothing reads."""
    return file.object_key if uploader_of(file.object_key) is not None else upload_key(file.account_id, file.id)
