"""Which code runs which operation: the module of its name in `services.inference.operations`."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.operations import OperationSpec, parameters_of, spec_of, specs
from services.inference.contract.step import Step

Run = Callable[[Any, Any, Step], Awaitable[Any]]
"""An operation's `run(medium, parameters, step)`, which gives a medium; or, where it takes references, `run(references, parameters, step)`,
which gives a list of `Made`; or, where it joins all inputs, `run(files, parameters, step)`, which gives a `Stream`."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation of a task, ready to run."""

    spec: OperationSpec
    parameters: Message
    run: Run


class Registry:
    """The operations of this worker's version. Making one imports them all, so that a missing one is found at start."""

    def __init__(self) -> None:
        self._runs: Mapping[str, Run] = {name: importlib.import_module(f"services.inference.operations.{name}").run for name in specs()}

    def bind(self, operations: Sequence[operation_pb2.Operation]) -> list[Bound]:
        """The operations of a task, in order. Raises UNAVAILABLE for one that only a newer version knows: another worker may be of that."""
        bound = []
        for operation in operations:
            if operation.WhichOneof("operation") is None:
                raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker does not know this operation yet.")
            spec = spec_of(operation)
            bound.append(Bound(spec, parameters_of(operation), self._runs[spec.name]))
        return bound
