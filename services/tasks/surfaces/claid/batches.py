"""`image/edit/batch`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import NoReturn

from compat.claid.v1 import batches_pb2, batches_pb2_grpc, edits_pb2
from services.platform.errors import DarkroomError, Violation
from services.platform.identity import current_identity
from services.platform.json_models import parse, python_of, violations_error
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.notices import send_notices
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import BatchRequest, RequestedItem
from services.tasks.domain.batches.account_batches import AccountBatches, batch_not_found
from services.tasks.files_client import FilesClient
from services.tasks.model.records import BatchNow
from services.tasks.surfaces import ids
from services.tasks.surfaces.claid import messages
from services.tasks.surfaces.claid.destinations import destinations
from services.tasks.surfaces.claid.kept import SURFACE, Body, RequestBodies, batch_request_of
from services.tasks.surfaces.claid.models import EXTENSIONS, INPUTS, MOST_INPUTS, BatchEditRequest, Folder
from services.tasks.surfaces.claid.pictures import Pictures
from services.tasks.surfaces.claid.pipeline import pipeline
from services.tasks.surfaces.claid.sources import source
from services.tasks.surfaces.claid.status import status_of_batch
from services.tasks.surfaces.claid.urls import batch_url
from services.tasks.surfaces.rendering import destination, input_urls, notices_of

_ITEM = re.compile(r"^items\[(\d+)\](?:\.\w+(?:\[\d+\])?)?")


class ClaidBatches(batches_pb2_grpc.BatchEditsServiceServicer):
    """Batches of the calling account."""

    def __init__(self, acceptance: Acceptance, batches: AccountBatches, pictures: Pictures, files: FilesClient) -> None:
        self._acceptance, self._batches, self._pictures, self._files = acceptance, batches, pictures, files

    async def StartBatchEdit(self, request: batches_pb2.StartBatchEditRequest, context: Context) -> edits_pb2.EditAcceptedReply:
        """Start the same edit of many pictures."""
        body = python_of(request.request)
        edit = parse(BatchEditRequest, body)
        named = await self._named(edit)
        places = await self._places(edit, named)
        items = [_item(text, body, index, place) for index, (text, place) in enumerate(zip(named, places, strict=True))]
        try:
            created = await self._acceptance.create_batch(
                BatchRequest(
                    account_id=current_identity().account_id,
                    items=items,
                    operations=pipeline(edit),
                    formats=INPUTS,
                    per_item=False,
                    webhook_url=request.webhook_url,
                    trace_id=str(Origin.current()),
                    idempotency=current_idempotency(),
                    surface=SURFACE,
                )
            )
        except DarkroomError as error:
            _raise_blamed(error)
        tasks = sorted(created.tasks, key=lambda task: task.batch_index or 0)
        stored, url = created.batch.batch, batch_url(context, created.batch.batch.id)
        return messages.accepted_reply(stored.id, status_of_batch(created.batch, tasks), stored.create_time, url, batch_request_of(tasks))

    async def _named(self, edit: BatchEditRequest) -> list[str]:
        """The pictures, which may be those of a folder."""
        if not isinstance(edit.input, Folder):
            return edit.input
        account_id, folder = current_identity().account_id, edit.input
        # As for a picture there.
        input_urls({"input": folder.source})
        listed = self._files.storages.list_folder(account_id, folder.source, "input", EXTENSIONS, MOST_INPUTS, recursive=folder.recursive)
        if not (paths := await listed):
            raise violations_error([Violation("input", f"the folder holds no picture: {', '.join(sorted(EXTENSIONS))}")])
        return [folder.source + path for path in paths]

    async def _places(self, edit: BatchEditRequest, named: Sequence[str]) -> list[str]:
        """Where the results go, in order."""
        if edit.output.destination is None:
            return [""] * len(named)
        destination(edit.output.destination)
        if isinstance(edit.input, Folder):
            names = [text.removeprefix(edit.input.source) for text in named]
        else:
            names = await self._pictures.names_of([source(text, f"input[{index}]") for index, text in enumerate(named)])
        return destinations(edit.output.destination, names, edit.output.extension)

    async def GetBatchEdit(self, request: batches_pb2.GetBatchEditRequest, context: Context) -> batches_pb2.BatchEditStateReply:
        """The state of a batch, with its results so far."""
        number = ids.decimal_id(request.id)
        if number is None:
            raise batch_not_found()
        account_id = current_identity().account_id
        batch: BatchNow = await self._batches.get(account_id, number)
        page = await self._batches.tasks(account_id, number, states=(), size=MOST_INPUTS, token="")
        inputs, downloads = await self._pictures.of(page.tasks)
        await send_notices(context, chain.from_iterable(map(notices_of, page.tasks)))
        return batches_pb2.BatchEditStateReply(data=messages.batch_state(batch, page.tasks, inputs, downloads))


def _item(text: str, body: Body, index: int, place: str) -> RequestedItem:
    found = source(text, f"input[{index}]")
    kept = RequestBodies({**body, "input": text}, body if index == 0 else None)
    return RequestedItem(
        (),
        [found.file_id] if found.file_id is not None else [],
        later_urls=[found.url] if found.url is not None else [],
        client_request=kept.to_bytes(),
        destination=place,
    )


def _raise_blamed(error: DarkroomError) -> NoReturn:
    """Raise the error with Claid's names for the fields: `input[3]` for an item's file."""
    if error.field is None:
        raise error
    field = _ITEM.sub(r"input[\1]", error.field)
    if field.startswith("operations"):
        field = "operations"
    if error.field.endswith(".destination"):
        field = "output.destination"
    problem = error.message.removeprefix(error.field).removeprefix(":").strip()
    raise DarkroomError(
        error.reason,
        f"{field}: {problem}",
        allowed=error.allowed,
        metadata=error.metadata,
        retry_after=error.retry_after,
        violations=[Violation(field, problem)],
    ) from error
