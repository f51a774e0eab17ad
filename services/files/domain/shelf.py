"""The library: files that people keep, in versions, until they delete them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from services.files.domain.copies import Copies
from services.files.domain.errors import not_found
from services.files.domain.intake import Intake
from services.files.domain.library import Download, Downloads, Offer, Visibility
from services.files.domain.new_versions import NewVersion, check_growth, check_request, name_of
from services.files.records import File, FileOrigin, LibraryFile, StoredVersion, Viewer
from services.files.store import FileStore, LibraryStore, TaskFileStore
from services.files.store.library import LibraryConflict
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall

EVERYBODYS = "files:all"
"""The permission to see the files of everybody in the account."""
_DEFAULT_PAGE = 50
_BATCH = 1000
_COPIES_AT_ONCE = 8
_THUMBNAIL = Offer("thumbnail.jpg", "image/jpeg", "public, max-age=86400, immutable")


class Shelf:
    """The library of each account. Files that a viewer may not see are treated as missing."""

    def __init__(
        self,
        store: LibraryStore,
        files: FileStore,
        task_files: TaskFileStore,
        visibility: Visibility,
        intake: Intake,
        copies: Copies,
        idempotency: IdempotencyRecords,
        downloads: Downloads,
        wake_sweeper: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store, self._files, self._task_files, self._visibility, self._intake = store, files, task_files, visibility, intake
        self._copies, self._idempotency, self._downloads = copies, idempotency, downloads
        self._wake_sweeper, self._clock = wake_sweeper, clock

    async def add(self, viewer: Viewer, wanted: Sequence[NewVersion], call: IdempotentCall | None = None) -> list[StoredVersion]:
        """Add files of the account, all or none: an upload is moved, an output of a task is copied. Returns them in order; for a call that
        repeats an earlier one, those that it added.

        A parent may be anybody's in the account. Raises FIELD_INVALID, FILE_NOT_FOUND, blamed on `files[i].file_id` or
        `files[i].parent_id`, what `Intake.ready` and `Copies.copy` raise, and IDEMPOTENCY_KEY_MISMATCH.
        """
        return await self._idempotency.once(call, lambda: self._add(viewer, wanted, call), lambda ids: self._added(viewer.account_id, ids))

    async def _add(self, viewer: Viewer, wanted: Sequence[NewVersion], call: IdempotentCall | None) -> list[StoredVersion]:
        check_request(wanted)
        parents = await self._parents(viewer.account_id, wanted)
        files = await self._usable(viewer.account_id, wanted)
        copied: list[File] = []
        try:
            uploads = await self._uploads(files, copied)
            entries = [self._entry(viewer, each, file, parents.get(each.parent)) for each, file in zip(wanted, uploads, strict=True)]
            return await self._store.add(viewer.account_id, entries, self._clock(), call)
        except BaseException as error:
            await asyncio.shield(self._discard(copied))
            if isinstance(error, LibraryConflict):
                # It was there just now: another call has deleted it, or has added the file.
                index, field = await self._missing(viewer.account_id, wanted)
                raise not_found(wanted[index].file_id).at(f"files[{index}].{field}") from None
            raise

    async def get(self, viewer: Viewer, version: str) -> tuple[StoredVersion, list[StoredVersion]]:
        """A version and all of its chain. Raises FILE_NOT_FOUND."""
        found = await self._seen(viewer, version)
        return found, await self._store.chain(viewer.account_id, found.entry.chain)

    async def page(self, viewer: Viewer, search: str = "", skip: int = 0, size: int = 0) -> tuple[list[StoredVersion], int]:
        """Up to `size` (0: 50) of the last versions that the viewer sees of each chain, the newest first, and how many there are."""
        return await self._store.page(viewer, search.strip(), skip, size or _DEFAULT_PAGE)

    async def download(self, viewer: Viewer, version: str, *, for_head: bool = False) -> tuple[StoredVersion, Download]:
        """A download of a version under its name. Raises FILE_NOT_FOUND."""
        found = await self._seen(viewer, version)
        [download] = await self._downloads.sign([replace(found.file, name=found.entry.name)], for_head=for_head)
        return found, download

    async def copy(self, viewer: Viewer, version: str, call: IdempotentCall | None = None) -> File:
        """A copy under its name among the files of the account; for a call that repeats an earlier one, the copy that it made.

        Raises FILE_NOT_FOUND, what `Copies.copy` raises, and IDEMPOTENCY_KEY_MISMATCH.
        """

        async def make() -> File:
            found = await self._seen(viewer, version)
            return await self._copies.copy(replace(found.file, name=found.entry.name), call)

        return await self._idempotency.once(call, make, lambda ids: self._copied(viewer.account_id, ids[0]))

    async def delete(self, viewer: Viewer, versions: Sequence[str]) -> int:
        """Delete the chains of those of the versions that the viewer sees, and return the number of versions that are gone."""
        ids = [found for each in versions if (found := read_id(each)) is not None]
        deleted = await self._store.delete(viewer, ids, self._clock()) if ids else 0
        if deleted:
            self._wake_sweeper()
        return deleted

    async def delete_of(self, account_id: int, owner: str) -> None:
        """Delete all that somebody has."""
        while await self._store.delete_of(account_id, owner, _BATCH, self._clock()):
            self._wake_sweeper()

    async def thumbnail(self, account_id: int, version: str, *, for_head: bool = False) -> Download | None:
        """A download of the thumbnail of a version, which clients may keep for a day; None if there is none yet."""
        found = read_id(version)
        pictures = await self._store.thumbnail(account_id, found) if found is not None else []
        downloads = await self._downloads.sign(pictures, {file.id: _THUMBNAIL for file in pictures}, for_head=for_head)
        return downloads[0] if downloads else None

    async def lend(self, account_id: int, version: str) -> File:
        """A copy of a version, of any owner, that a task can use. Raises as `copy`."""
        return await self.copy(Viewer(account_id, "", sees_all=True), version)

    async def keep_thumbnail(self, account_id: int, version: str, file_id: int) -> None:
        """Keep an output as the thumbnail of a version, unless that has one or is gone: the output is deleted then.

        Raises FILE_NOT_FOUND where there is no such output.
        """
        now = self._clock()
        output = (await self._visibility.show(account_id, [file_id], now)).get(file_id)
        if output is None or output.task_id is None:
            raise not_found(file_id)
        try:
            wanted = read_id(version)
            if wanted is None:
                raise LibraryConflict
            await self._store.keep_thumbnail(account_id, wanted, file_id, now)
        except LibraryConflict:
            await self._task_files.delete_outputs(account_id, output.task_id, [file_id], now)
            self._wake_sweeper()

    async def sweep(self) -> bool:
        """Remove what the library has forgotten; True if there may be more."""
        given_up = await self._store.give_up_strays(self._clock(), _BATCH)
        if given_up:
            self._wake_sweeper()
        return given_up == _BATCH

    async def _added(self, account_id: int, file_ids: Sequence[int]) -> list[StoredVersion]:
        """The files that an earlier call added."""
        found = await self._store.find_by_files(account_id, file_ids)
        if len(found) < len(file_ids):
            raise missing()
        return [found[file_id] for file_id in file_ids]

    async def _copied(self, account_id: int, file_id: int) -> File:
        """The file that an earlier call copied."""
        found = (await self._files.find(account_id, [file_id], self._clock())).get(file_id)
        if found is None:
            raise not_found(file_id)
        return found

    async def _seen(self, viewer: Viewer, version: str) -> StoredVersion:
        wanted = read_id(version)
        found = (await self._store.find(viewer.account_id, [wanted])).get(wanted) if wanted is not None else None
        if found is None or not (viewer.sees_all or found.entry.owner == viewer.owner):
            raise missing()
        return found

    async def _parents(self, account_id: int, wanted: Sequence[NewVersion]) -> Mapping[str, LibraryFile]:
        """The entries of the parents, by the ids that were given. Raises FILE_NOT_FOUND."""
        ids = {each.parent: read_id(each.parent) for each in wanted if each.parent}
        found = await self._store.find(account_id, [one for one in ids.values() if one is not None]) if ids else {}
        parents = {given: found[one].entry for given, one in ids.items() if one is not None and one in found}
        for index, each in enumerate(wanted):
            if each.parent and each.parent not in parents:
                raise missing().at(f"files[{index}].parent_id")
        lengths = await self._store.lengths({entry.chain for entry in parents.values()}) if parents else {}
        for index, each in enumerate(wanted):
            if each.parent:
                check_growth(f"files[{index}]", each, parents[each.parent], lengths)
        return parents

    async def _usable(self, account_id: int, wanted: Sequence[NewVersion]) -> list[File]:
        found = await self._visibility.visible(account_id, [each.file_id for each in wanted])
        for index, each in enumerate(wanted):
            if each.file_id not in found:
                raise not_found(each.file_id).at(f"files[{index}].file_id")
        return await self._intake.ready([found[each.file_id] for each in wanted])

    async def _uploads(self, files: Sequence[File], copied: list[File]) -> list[File]:
        """The uploads themselves, and copies of outputs; these are added to `copied`, also when another one fails."""
        slots = asyncio.Semaphore(_COPIES_AT_ONCE)

        async def upload(file: File) -> File:
            if file.origin is FileOrigin.UPLOAD:
                return file
            async with slots:
                copy = await self._copies.copy(file)
            copied.append(copy)
            return copy

        results = await asyncio.gather(*(upload(file) for file in files), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, File)]

    def _entry(self, viewer: Viewer, wanted: NewVersion, file: File, parent: LibraryFile | None) -> LibraryFile:
        version, tools = uuid4(), (wanted.tool,) if wanted.tool else ()
        owner = parent.owner if parent is not None and wanted.owned_as_parent else viewer.owner
        return LibraryFile(
            id=version,
            account_id=viewer.account_id,
            owner=owner,
            chain=parent.chain if parent is not None else version,
            chain_owner=parent.chain_owner if parent is not None else owner,
            parent=parent.id if parent is not None else None,
            version=parent.version + 1 if parent is not None else 1,
            tools=(*parent.tools, *tools) if parent is not None else tools,
            name=name_of(wanted, file, parent),
            created_at=self._clock(),
            file_id=file.id,
        )

    async def _missing(self, account_id: int, wanted: Sequence[NewVersion]) -> tuple[int, str]:
        """The first that is not there any more, and its field."""
        ids = [read_id(each.parent) for each in wanted]
        found = await self._store.find(account_id, [one for one in ids if one is not None])
        for index, (each, parent) in enumerate(zip(wanted, ids, strict=True)):
            if each.parent and parent not in found:
                return index, "parent_id"
        files = await self._files.find(account_id, [each.file_id for each in wanted], self._clock())
        return next((index for index, each in enumerate(wanted) if each.file_id not in files), 0), "file_id"

    async def _discard(self, files: Sequence[File]) -> None:
        for file in files:
            await self._files.delete(file.account_id, file.id, self._clock())
        if files:
            self._wake_sweeper()


def read_id(text: str) -> UUID | None:
    """The id in a text in its usual form; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def missing() -> DarkroomError:
    """There is no such version for the viewer."""
    return DarkroomError(ErrorReason.FILE_NOT_FOUND, "There is no such file in the library.")
