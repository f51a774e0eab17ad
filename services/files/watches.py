"""Watches of storages: whatever arrives in a folder is done, and the results go to another one.

In the operator's file of storages, tables within that of a storage of type `s3`:

    [incoming.watches.cut-outs]
    prefix = "new/"
    account = 59402381760000
    operations = [{ remove_background = {} }, { resize = { width = 800 } }]
    destination = "storage://shop/finished/"
    failed = "storage://shop/failed/"
    interval_seconds = 30
    recursive = true
    tasks_at_once = 10

`operations` are written as in `POST /v1/tasks`; `pipeline = "UUID"` names a saved pipeline of the account in place of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import operation_pb2
from services.platform.errors import DarkroomError
from services.platform.rpc.json_messages import message_of
from services.platform.rpc.validation import RequestValidator

_MOST_OPERATIONS = 64


class Watch(BaseModel):
    """A folder, and the work for the objects that arrive there."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    account: int = Field(gt=0)
    """Whose tasks they are, and who pays for them."""
    prefix: str = ""
    """The folder within the storage; empty for all of it."""
    operations: tuple[operation_pb2.Operation, ...] = ()
    pipeline: UUID | None = None
    destination: str
    """The folder for the results, `storage://NAME/path/`; an object in a folder below the prefix has its result in that folder there."""
    failed: str = ""
    """The folder for the reasons of failures, `NAME.error.json`; empty for none."""
    interval_seconds: float = Field(30, ge=1, le=86400)
    """Between two listings."""
    recursive: bool = True
    """Whether folders below are watched, too."""
    tasks_at_once: int = Field(10, ge=1, le=500)
    """How many of its tasks may be open; replicas may together exceed it a little."""

    @field_validator("operations", mode="before")
    @classmethod
    def _are_operations(cls, given: Any) -> tuple[operation_pb2.Operation, ...]:
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_OPERATIONS:
            raise ValueError(f"must be a list of 1 to {_MOST_OPERATIONS} operations")
        made, faults = [], []
        for index, each in enumerate(given):
            try:
                made.append(_operation(each, f"operations[{index}]"))
            except DarkroomError as error:
                faults.append(error.message)
        if not faults:
            request = run_service_pb2.RunRequest(operations=made, surface="watch")
            faults = [error.message for error in RequestValidator().faults(request)]
        if faults:
            raise ValueError(" ".join(faults))
        return tuple(made)

    @model_validator(mode="after")
    def _has_work(self) -> Watch:
        if bool(self.operations) == (self.pipeline is not None):
            raise ValueError("must have either operations or pipeline")
        return self

    @property
    def definition(self) -> bytes:
        """A digest of the work, by which a task for changed work is not taken for the earlier one."""
        asked = run_service_pb2.RunRequest(operations=self.operations, pipeline_id=str(self.pipeline or ""), destination=self.destination)
        return hashlib.sha256(asked.SerializeToString(deterministic=True)).digest()

    def relative(self, path: str) -> str:
        """The path of an object, which is one within the storage, as one within the prefix."""
        return path.removeprefix(self.prefix)

    def place_of_result(self, path: str) -> str:
        """The destination of the task for an object."""
        return self.destination + self.relative(path).removesuffix(PurePosixPath(path).name)

    def place_of_failure(self, path: str) -> str:
        """Where the reason goes if it fails; empty for nowhere."""
        return f"{self.failed}{self.relative(path)}.error.json" if self.failed else ""


@dataclass(frozen=True, slots=True, order=True)
class WatchId:
    """A watch, by names."""

    storage: str
    name: str


def _operation(values: Any, path: str) -> operation_pb2.Operation:
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: must be a table, such as {{ resize = {{ width = 800 }} }}")
    made = message_of(values, operation_pb2.Operation.DESCRIPTOR, path)
    assert isinstance(made, operation_pb2.Operation)
    return made
