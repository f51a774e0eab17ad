"""Saved pipelines: what people want to run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from darkroom.internal.tasks.v1 import stored_pb2
from darkroom.operations.v1 import operation_pb2
from services.pictures.operations import parameters_of, spec_of
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.acceptance.requests import SavedOperations
from services.tasks.domain.media_checks import MediaLimits, check_auxiliary
from services.tasks.domain.pages import Listing, before_id, page_token
from services.tasks.domain.plan import check_order, named_files
from services.tasks.files_client import FilesClient
from services.tasks.model.pipeline import SavedPipeline, Viewer
from services.tasks.store.pipelines import PipelineStore

EVERYBODYS = "pipelines:all"
"""The permission to see the pipelines of everybody in the account."""
_MOST = 500
"""In an account."""
_MOST_BYTES = 64 << 10
"""The operations have at most so many, and so have the steps."""
_DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class PipelinePage:
    """Some pipelines, newest first, and the token of the next page if there may be one."""

    pipelines: Sequence[SavedPipeline]
    next_page_token: str


class SavedPipelines:
    """The saved pipelines of each account."""

    def __init__(
        self,
        store: PipelineStore,
        files: FilesClient,
        idempotency: IdempotencyRecords,
        limits: MediaLimits,
        clock: Clock,
        *,
        diagnostics: bool,
    ) -> None:
        self._store, self._files, self._idempotency, self._limits = store, files, idempotency, limits
        self._clock, self._diagnostics = clock, diagnostics

    async def create(self, viewer: Viewer, pipeline: stored_pb2.StoredPipeline, call: IdempotentCall | None) -> SavedPipeline:
        """Save a pipeline, which is the viewer's. Raises FIELD_INVALID, OPERATION_UNAVAILABLE and TOO_MANY_PIPELINES."""
        if not pipeline.operations and not pipeline.steps:
            raise _without_operations()
        self._check(pipeline)
        return await self._idempotency.once(
            call, lambda: self._create(viewer, pipeline, call), lambda numbers: self._created(viewer.account_id, numbers[0])
        )

    async def update(self, viewer: Viewer, id_: str, pipeline: stored_pb2.StoredPipeline) -> SavedPipeline:
        """Replace the name, the description and the operations. The steps of another API stay while the operations do.

        Raises as `create` and `get`.
        """
        found = await self.get(viewer, id_)
        before = stored_pb2.StoredPipeline.FromString(found.definition)
        if list(pipeline.operations) == list(before.operations):
            pipeline.steps.extend(before.steps)
        elif not pipeline.operations:
            raise _without_operations()
        pipeline.update_time.FromDatetime(self._clock())
        self._check(pipeline)
        await self._keep_files(viewer.account_id, pipeline)
        updated = await self._store.update(viewer.account_id, found.id, pipeline.SerializeToString())
        if updated is None:
            raise _not_found()
        return updated

    def to_run(self, viewer: Viewer, id_: str, field: str = "pipeline_id") -> SavedOperations | None:
        """The operations of a pipeline for the request whose `field` names it; None for an empty id."""

        async def read() -> Sequence[operation_pb2.Operation]:
            try:
                found = await self.get(viewer, id_)
            except DarkroomError as error:
                raise error.at(field) from None
            operations = stored_pb2.StoredPipeline.FromString(found.definition).operations
            if not operations:
                message = (
                    f"{field}: the pipeline has tools of another API that are no operations, or that depend on the file, so it runs only "
                    "there. Give it operations to run it here."
                )
                raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field)
            return list(operations)

        return SavedOperations(read, field) if id_ else None

    def _check(self, pipeline: stored_pb2.StoredPipeline) -> None:
        if pipeline.operations:
            check_order(pipeline.operations, diagnostics=self._diagnostics)
            _check_secrets(pipeline.operations)
        sizes = {"operations": sum(each.ByteSize() for each in pipeline.operations), "steps": sum(map(len, pipeline.steps))}
        for field, size in sizes.items():
            if size > _MOST_BYTES:
                message = f"{field}: have more than {_MOST_BYTES >> 10} KiB."
                raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field, allowed=(f"at most {_MOST_BYTES} bytes",))

    async def _keep_files(self, account_id: int, pipeline: stored_pb2.StoredPipeline) -> None:
        """Make the files that operations name permanent, so that the pipeline runs until somebody deletes one. Raises FILE_NOT_FOUND and
        what the files of a task raise, blamed on the operation's field."""
        named = named_files(pipeline.operations)
        file_ids = [each.input.file_id for each in named]
        examined = await self._files.examine(account_id, file_ids)
        for each in named:
            if (refusal := examined.refusals.get(each.input.file_id)) is not None:
                raise refusal.at(each.field)
        check_auxiliary(named, [examined.files[file_id] for file_id in file_ids], self._limits, None)
        await self._files.keep(account_id, file_ids)

    async def _create(self, viewer: Viewer, pipeline: stored_pb2.StoredPipeline, call: IdempotentCall | None) -> SavedPipeline:
        await self._keep_files(viewer.account_id, pipeline)
        definition = pipeline.SerializeToString()
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


def _check_secrets(operations: Sequence[operation_pb2.Operation]) -> None:
    """Refuse parameters that only the worker of a task may read: everybody who sees the pipeline reads it."""
    for index, operation in enumerate(operations):
        for field, _ in parameters_of(operation).ListFields():
            if field.GetOptions().debug_redact:
                path = f"operations[{index}].{spec_of(operation).name}.{field.name}"
                message = f"{path}: a pipeline keeps no secrets; give it to the task instead."
                raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=path)


def _without_operations() -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, "operations: must have at least 1 item.", field="operations")


def _not_found() -> DarkroomError:
    return DarkroomError(ErrorReason.PIPELINE_NOT_FOUND, "No such pipeline.")
