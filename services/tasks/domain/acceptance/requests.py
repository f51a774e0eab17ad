"""The request of a caller, on any surface: a task, a batch of tasks, or the price of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from darkroom.operations.v1 import operation_pb2
from services.pictures.geometry import Size
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.rpc.held_files import Held
from services.tasks.domain.acceptance.admission import admit_all, admit_each, admit_task
from services.tasks.domain.acceptance.later import LaterInput
from services.tasks.domain.plan import FieldOf, NamedFile, named_files, native_field, planned_files
from services.tasks.model.media import InputFile, InputUrl
from services.tasks.model.records import AccountState, Admission, NewTask

# The name that the checks of operations and files use for a task's inputs.
_FILES = "input_file_ids"
_DESTINATION = "destination"
__all__ = [
    "MOST_KEPT_BYTES",
    "BatchRequest",
    "EstimateRequest",
    "InputUrl",
    "Item",
    "LaterInput",
    "Request",
    "RequestedItem",
    "SavedOperations",
    "TaskRequest",
]

MOST_KEPT_BYTES = 256 * 1024
"""How much an API may keep of a request with a task."""


@dataclass(frozen=True, slots=True)
class Item:
    """A task to create, as the request describes it."""

    operations: Sequence[operation_pb2.Operation]
    input_file_ids: Sequence[int]
    input_fields: Sequence[str]
    """For each input, the field of the request that names it."""
    auxiliary: Sequence[NamedFile] = ()
    """Files that its operations need besides the inputs."""
    planned_inputs: Sequence[InputFile] = ()
    """Inputs that are not uploaded yet."""
    input_urls: Sequence[InputUrl] = ()
    """Inputs that follow the others once they have been fetched."""
    later_urls: Sequence[InputUrl] = ()
    """Inputs that follow all these, to be fetched by the worker."""
    later_inputs: Sequence[LaterInput] = ()
    """The inputs that `later_urls` become once their places are known."""
    client_request: bytes = b""
    """The part of the request that its surface keeps."""
    destination: str = ""
    """Where its results are copied to; empty if nowhere."""

    @property
    def inputs(self) -> int:
        """How many inputs it has."""
        return len(self.input_file_ids) + len(self.planned_inputs) + len(self.input_urls) + len(self.later_urls) + len(self.later_inputs)

    @property
    def files(self) -> list[tuple[int, str]]:
        """Every file that it needs, with the field that names it."""
        inputs = zip(self.input_file_ids, self.input_fields, strict=True)
        return [*inputs, *((each.input.file_id, each.field) for each in self.auxiliary)]


@dataclass(frozen=True, slots=True)
class SavedOperations:
    """The operations of a saved pipeline, which a request names in place of operations of its own."""

    read: Callable[[], Awaitable[Sequence[operation_pb2.Operation]]]
    """Raises PIPELINE_NOT_FOUND, PERMISSION_DENIED and FIELD_INVALID."""
    field: str
    """The field of the request that names the pipeline."""

    def blamed(self, error: DarkroomError) -> DarkroomError:
        """An error about one of the operations as one about the pipeline; any other unchanged."""
        if error.field is None or not error.field.startswith("operations"):
            return error
        message = error.message if error.message.startswith(error.field) else f"{error.field}: {error.message}"
        if error.reason is ErrorReason.FILE_NOT_FOUND:
            message += " It has been deleted. Upload it again, and save the pipeline with its new id."
        return error.at(self.field).saying(f"{self.field}: {message}")


@dataclass(frozen=True, kw_only=True)
class Request(ABC):
    """The common part of all requests."""

    account_id: int
    saved: SavedOperations | None = None
    """Read as the request is accepted, and only if no earlier call with its key was; they take the place of `operations`."""
    max_pooled: int | None = None
    """How many open tasks the account may have in the pool of single tasks that this one belongs to; None: it belongs to no pool."""
    priority: int = 0
    deadline: datetime | None = None
    """A task that has not ended by then fails."""
    deadline_to_start: bool = False
    """The deadline is for the start: a task whose first attempt has not begun by then fails, and any other goes on."""
    fails_in_place: bool = False
    """Whether an operation that cannot work with the size of what it gets fails the task, instead of having it refused."""
    formats: Collection[str] | None = None
    """Names of the formats that the surface accepts; None for all that the operation accepts."""
    webhook_url: str = ""
    """Is notified of the end; empty for none."""
    notices: Sequence[bytes] = ()
    """`darkroom.tasks.v1.Notice` messages about the request itself, which every task has from the start."""
    trace_id: str = ""
    idempotency: IdempotentCall | None = None
    """Set if the caller may repeat the call."""
    looks_first: bool = True
    """Whether the key is looked up before files are pinned. Else, for calls that are hardly ever repeated, only as the task is stored."""
    surface: str = ""
    """Name of the API that is called, kept as `Task.surface`; it also decides the form of the webhook of a task's own URL."""
    client_request: bytes = b""
    """The part of the request that the API keeps with each task, to show it again: at most `MOST_KEPT_BYTES`, without what is large or
    secret.
    """

    is_batch = False
    per_item = False
    """Whether to accept the valid items even if others are refused."""

    @abstractmethod
    def tasks(self) -> list[Item]:
        """The tasks to create, in order."""

    def error_for_item(self, error: DarkroomError, index: int) -> DarkroomError:
        """Turn an error about a single item into one that names the item's place in this request."""
        return error

    def admit(self, tasks: Sequence[NewTask], account: AccountState) -> Admission:
        """Which of the tasks the account may create. Raises if all are refused."""
        return admit_task(tasks, account)


@dataclass(frozen=True, kw_only=True)
class TaskRequest(Request):
    """One task."""

    operations: Sequence[operation_pb2.Operation]
    input_file_ids: Sequence[int]
    input_fields: Sequence[str]
    """For each input, the field of the request that names it."""
    auxiliary_field: FieldOf = native_field
    """The field of the request that names a file which an operation needs besides the inputs."""
    input_urls: Sequence[InputUrl] = ()
    """Inputs to fetch before the task is accepted, which follow those; a `data:` URI is stored. A failure refuses the task."""
    later_urls: Sequence[InputUrl] = ()
    """Inputs that the worker has fetched before it runs the task, which follow all others. A failure fails the task. Only what can be said
    of a URL without a look at the network refuses it; a `data:` URI is treated as one of `input_urls`, in its place."""
    later_inputs: Sequence[LaterInput] = ()
    """The same for a task that is run again, whose inputs have their places."""
    files_field: str = _FILES
    """The surface's name for the inputs."""
    held: Held | None = None
    """The one input, if it is not stored yet."""
    destination: str = ""
    """Where in a storage of the operator its results are copied to before it has SUCCEEDED; empty if nowhere."""
    destination_field: str = "destination"
    """The field of the request that names it."""
    is_awaited: bool = False
    """Whether the caller waits for the result. Short work on a file that is not stored is then done before the task is."""

    def error_for_item(self, error: DarkroomError, index: int) -> DarkroomError:
        """The error with this request's own name for the inputs, for its saved operations, or for the destination."""
        if error.field == _DESTINATION:
            return error.saying(self.destination_field + error.message.removeprefix(_DESTINATION)).at(self.destination_field)
        return _renamed(self.saved.blamed(error) if self.saved is not None else error, self.files_field)

    def tasks(self) -> list[Item]:
        beside = named_files(self.operations, self.auxiliary_field)
        return [
            Item(
                self.operations,
                self.input_file_ids,
                self.input_fields,
                beside,
                input_urls=self.input_urls,
                later_urls=self.later_urls,
                later_inputs=self.later_inputs,
                client_request=self.client_request,
                destination=self.destination,
            )
        ]


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """A task of a batch, as requested."""

    operations: Sequence[operation_pb2.Operation]
    """Empty to use those of the batch."""
    input_file_ids: Sequence[int]
    input_urls: Sequence[InputUrl] = ()
    """As in `TaskRequest`; the fields are those within the item."""
    later_urls: Sequence[InputUrl] = ()
    """As in `TaskRequest`; the fields are those within the item."""
    client_request: bytes = b""
    """The part of the item that its API keeps, in place of that of the whole request."""
    destination: str = ""
    """As in `TaskRequest`."""


@dataclass(frozen=True, kw_only=True)
class BatchRequest(Request):
    """Many tasks, accepted all together or each individually."""

    items: Sequence[RequestedItem]
    operations: Sequence[operation_pb2.Operation]
    """The operations for each item without its own."""
    per_item: bool
    files_field: str = _FILES
    """The surface's name for an item's inputs."""

    is_batch = True

    def tasks(self) -> list[Item]:
        """One task for each item."""
        shared = named_files(self.operations)
        return [self._task(item, shared) for item in self.items]

    def _task(self, item: RequestedItem, shared: Sequence[NamedFile]) -> Item:
        operations = item.operations or self.operations
        fields = [f"{_FILES}[{position}]" for position in range(len(item.input_file_ids))]
        return Item(
            operations,
            item.input_file_ids,
            fields,
            named_files(operations) if item.operations else shared,
            input_urls=item.input_urls,
            later_urls=item.later_urls,
            client_request=item.client_request or self.client_request,
            destination=item.destination,
        )

    def error_for_item(self, error: DarkroomError, index: int) -> DarkroomError:
        """The error with the item's path and index."""
        own = self.items[index].operations or not self.operations
        if self.saved is not None and not own:
            error = self.saved.blamed(error)
        field, message = error.field, error.message
        if field is not None:
            shared = not own and field.startswith("operations" if self.saved is None else self.saved.field)
            path = field if shared else f"items[{index}].{field.replace(_FILES, self.files_field, 1)}"
            field, message = path, path + message.removeprefix(field) if message.startswith(field) else f"{path}: {message}"
        return DarkroomError(
            error.reason,
            message,
            field=field,
            allowed=error.allowed,
            metadata={**error.metadata, "index": str(index)},
            retry_after=error.retry_after,
        )

    def admit(self, tasks: Sequence[NewTask], account: AccountState) -> Admission:
        """All tasks, or each that fits."""
        return admit_each(tasks, account) if self.per_item else admit_all(tasks, account)


@dataclass(frozen=True, kw_only=True)
class EstimateRequest(Request):
    """The price of a task, for uploaded files or for a number of files still to be uploaded."""

    operations: Sequence[operation_pb2.Operation]
    file_ids: Sequence[int] = ()
    field: str = _FILES
    """The request field that lists the files, or that gives the number of files to come."""
    planned_count: int = 0
    """Number of files not uploaded yet; used instead of uploaded files."""
    planned_pages: int = 1
    """Pages of each document that is not uploaded yet."""
    planned_size: Size | None = None
    """Width and height of each picture that is not uploaded yet, if known."""

    def tasks(self) -> list[Item]:
        if self.planned_count:
            planned = planned_files(self.operations, self.planned_count, self.planned_pages, self.planned_size)
            return [Item(self.operations, (), (), planned_inputs=planned)]
        fields = [f"{self.field}[{index}]" for index in range(len(self.file_ids))]
        return [Item(self.operations, self.file_ids, fields, named_files(self.operations))]

    def error_for_item(self, error: DarkroomError, index: int) -> DarkroomError:
        """The error with this request's own name for the list."""
        return _renamed(error, self.field)


def _renamed(error: DarkroomError, field: str) -> DarkroomError:
    """An error about the list of inputs, with the list's own name in the request; any other unchanged."""
    if error.field != _FILES or field == _FILES:
        return error
    return DarkroomError(error.reason, error.message.replace(f"{_FILES}:", f"{field}:", 1), field=field)
