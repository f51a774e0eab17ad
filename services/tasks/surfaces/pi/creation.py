"""The common parts of the calls that create a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from compat.pi.v1 import stored_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.identity import current_identity
from services.platform.json_models import parse
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.model import Task
from services.tasks.surfaces.ids import file_id
from services.tasks.surfaces.pi.messages import SURFACE
from services.tasks.surfaces.pi.models import Metadata
from services.tasks.surfaces.rendering import deadline_of, input_urls

_METADATA = "metadata"


class RequestOptions(Protocol):
    """The parts of a request besides the job's operations."""

    @property
    def input_file_ids(self) -> Sequence[str]:
        """Uploaded files."""

    @property
    def webhook_url(self) -> str:
        """Is notified of the end; empty for none."""

    @property
    def priority(self) -> int:
        """The priority."""

    @property
    def deadline(self) -> Timestamp:
        """By when the job must have ended."""

    @property
    def metadata(self) -> Struct:
        """Texts of the caller's own."""

    @property
    def client_reference_id(self) -> str:
        """The caller's own id."""

    def HasField(self, field_name: Literal["deadline"]) -> bool:
        """Whether it is set."""


async def create(
    acceptance: Acceptance,
    request: RequestOptions,
    operation_list: Sequence[operation_pb2.Operation],
    urls: dict[str, str],
    notices: Sequence[task_pb2.Notice] = (),
    formats: Sequence[str] | None = None,
) -> Task:
    """Accept a job whose inputs are the request's files and then the `urls`, by the fields that name them."""
    metadata = parse(Metadata, request.metadata, at=_METADATA).root
    kept = stored_pb2.StoredRequest(client_reference_id=request.client_reference_id)
    kept.metadata.update(metadata)
    fields = [f"input_file_ids[{index}]" for index in range(len(request.input_file_ids))]
    return await acceptance.create(
        TaskRequest(
            account_id=current_identity().account_id,
            operations=operation_list,
            input_file_ids=[file_id(text, field) for text, field in zip(request.input_file_ids, fields, strict=True)],
            input_fields=fields,
            later_urls=input_urls(urls),
            formats=formats,
            priority=request.priority,
            deadline=deadline_of(request),
            webhook_url=request.webhook_url,
            trace_id=str(Origin.current()),
            idempotency=current_idempotency(),
            notices=[notice.SerializeToString() for notice in notices],
            surface=SURFACE,
            client_request=kept.SerializeToString(deterministic=True),
        )
    )
