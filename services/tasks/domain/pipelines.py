"""Saved pipelines: what people want to run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.pages import Listing, before_id, page_token
from services.tasks.model.pipeline import SavedPipeline, Viewer
from services.tasks.store.pipelines import PipelineStore

EVERYBODYS = "pipelines:all"
"""The permission to see the pipelines of everybody in the account."""
_MOST = 500
"""The id of an account."""
_MOST_BYTES = 64 << 10
"""The id of a pipeline."""
_DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class PipelinePage:
    """Some pipelines, newest first, and the token of the next page if there may be one."""

    pipelines: Sequence[SavedPipeline]
    next_page_token: str


class SavedPipelines:
    """The saved pipelines of each account."""

    def __init__(self, store: PipelineStore, idempotency: IdempotencyRecords, clock: Clock) -> None:
        self._store, self._idempotency, self._clock = store, idempotency, clock

    async def create(self, viewer: Viewer, definition: bytes, call: IdempotentCall | None) -> SavedPipeline:
        """Save a pipeline, which is the viewer's. Raises FIELD_INVALID for a large one, and TOO_MANY_PIPELINES."""
        if len(definition) > _MOST_BYTES:
            message = f"steps: name, description and steps have more than {_MOST_BYTES >> 10} KiB."
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="steps", allowed=(f"at most {_MOST_BYTES} bytes",))
        return await self._idempotency.once(
            call, lambda: self._create(viewer, definition, call), lambda numbers: self._created(viewer.account_id, numbers[0])
        )

    async def _create(self, viewer: Viewer, definition: bytes, call: IdempotentCall | None) -> SavedPipeline:
        created = await self._store.create(viewer, uuid4(), definition, most=_MOST, call=call, now=self._clock())
        if created is None:
            message = f"The account has reached its limit of {_MOST} pipelines. Delete one first."
            raise DarkroomError(ErrorReason.TOO_MANY_PIPELINES, message)
        return created

    async def _created(self, account_id: int, number: int) -> SavedPipeline:
        created = await self._store.by_number(account_id, number)
        if created is None:
            raise DarkroomError(ErrorReason.PIPELINE_NOT_FOUND, "The pipeline created with this idempotency key no longer exists.")
        return created

    async def get(self, viewer: Viewer, id_: str) -> SavedPipeline:
        """A pipeline. Raises PIPELINE_NOT_FOUND, and PERMISSION_DENIED for somebody else's."""
        found = await self._store.get(viewer.account_id, uuid) if (uuid := _uuid(id_)) is not None else None
        if found is None:
            raise _not_found()
        if not viewer.sees_all and found.owner not in (viewer.owner, ""):
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "The pipeline belongs to another person.")
        return found

    async def page(self, viewer: Viewer, size: int, token: str) -> PipelinePage:
        """`size` (0: 50) of the pipelines that the viewer sees, newest first. Raises FIELD_INVALID for a token it did not make."""
        size = size or _DEFAULT_PAGE
        found = await self._store.page(viewer, before=before_id(token, Listing.PIPELINES), limit=size + 1)
        return PipelinePage(found[:size], page_token(found[size - 1].number, Listing.PIPELINES) if len(found) > size else "")

    async def delete(self, viewer: Viewer, id_: str) -> None:
        """Delete a pipeline. Raises as `get`."""
        found = await self.get(viewer, id_)
        if not await self._store.delete(viewer.account_id, found.id):
            raise _not_found()

    async def clear(self, account_id: int, owner: str) -> None:
        """Delete all that somebody has saved."""
        await self._store.delete_of(account_id, owner)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _not_found() -> DarkroomError:
    return DarkroomError(ErrorReason.PIPELINE_NOT_FOUND, "No such pipeline.")
