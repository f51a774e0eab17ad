"""Operations as Python functions that create them, and as methods of the client that run them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor

from darkroom.operations.v1 import operation_pb2, options_pb2
from protos.sdk.options import Option, docstring_literal, module_of, option
from reference.comments import Comments

_WIDTH = 120
_NONE = options_pb2.MEDIA_KIND_UNSPECIFIED

# The arguments of every method besides the operation's own options: the options of `RunningPart.run`.
_RUN = {
    "priority": "int = 0",
    "deadline": "datetime | None = None",
    "webhook_url": 'str = ""',
    "idempotency_key": "str | None = None",
    "on_upload": "Progress | None = None",
    "on_event": "OnEvent | None = None",
}


@dataclass(frozen=True)
class Operation:
    """One operation: its name, what its method takes before the options, and its options."""

    name: str
    message: Descriptor
    inputs: tuple[str, ...]
    comment: str
    options: tuple[Option, ...]

    @property
    def input_expression(self) -> str:
        """The inputs as an expression."""
        return f"({', '.join(text.partition(':')[0] for text in self.inputs)}{',' if self.inputs else ''})"


def read_operations(comments: Comments, message_of_all: Descriptor = operation_pb2.Operation.DESCRIPTOR) -> list[Operation]:
    """The operations of the protos, sorted by name: the fields of the message that can hold any of them."""
    found = []
    for field in message_of_all.fields:
        message = field.message_type
        assert message is not None, field.full_name
        options = tuple(option(each, comments) for each in message.fields)
        if taken := {name for each in options for name in (each.name, each.method_name)} & {*_RUN, "source", "more", "references"}:
            raise ValueError(f"{message.full_name}: {', '.join(sorted(taken))} is an argument of every operation")
        found.append(Operation(field.name, message, _inputs(message), comments.of(message.full_name), options))
    return sorted(found, key=lambda operation: operation.name)


def _inputs(message: Descriptor) -> tuple[str, ...]:
    about = message.GetOptions().Extensions[options_pb2.operation]
    if about.max_references:
        return ("*references: Input",)
    return () if about.accepts == _NONE else ("source: Input", "*more: Input")


def operations_module(operations: Sequence[Operation]) -> str:
    """The module `darkroom.operations`: for each operation, a function that creates it from its options."""
    messages = _values(operations)
    names = sorted([*(message.name for message in messages), *(operation.name for operation in operations)])
    lines = [
        '"""The operations of tasks: each function makes one from its options."""',
        "",
        "from __future__ import annotations",
        "",
        *_imports(operations),
        "from darkroom.operation_options import enum_value, message",
        "from darkroom.operations.v1 import operation_pb2",
        "",
        f"__all__ = {names!r}",
        "",
        *(f"{message.name} = {module_of(message)}.{message.name}" for message in messages),
    ]
    for operation in operations:
        made = f"{module_of(operation.message)}.{operation.message.name}"
        fields = "".join(f"            {each.name}={each.value},\n" for each in operation.options)
        lines += [
            "",
            "",
            f"def {operation.name}(",
            *(["    *,"] if operation.options else []),
            *(f"    {each.parameter}," for each in operation.options),
            ") -> operation_pb2.Operation:",
            *_docstring(operation, [each.name for each in operation.options], "    "),
            "    return operation_pb2.Operation(",
            f"        {operation.name}={made}(\n{fields}        ),",
            "    )",
        ]
    return "\n".join(lines) + "\n"


def methods_module(operations: Sequence[Operation]) -> str:
    """The module `darkroom.operation_methods`: for each operation, a method that runs it."""
    lines = [
        '"""A method of the client for each operation."""',
        "",
        "from __future__ import annotations",
        "",
        "from datetime import datetime",
        *_imports(operations),
        "from darkroom import operations",
        "from darkroom.running import Input, RunningPart",
        "from darkroom.task_calls import OnEvent",
        "from darkroom.tasks.v1 import task_pb2",
        "from darkroom.transfer import Progress",
        "",
        "",
        "class OperationMethods(RunningPart):",
        '    """The operations\' part of `AsyncClient`."""',
    ]
    for operation in operations:
        parameters = [*operation.inputs]
        if not any(text.startswith("*") for text in operation.inputs):
            parameters.append("*")
        parameters += [*(each.method_parameter for each in operation.options), *(f"{name}: {rest}" for name, rest in _RUN.items())]
        lines += [
            "",
            f"    async def {operation.name}(",
            "        self,",
            *(f"        {text}," for text in parameters),
            "    ) -> task_pb2.Task:",
            *_docstring(operation, [each.method_name for each in operation.options], "        ", _RUNS),
            f"        made = operations.{operation.name}({', '.join(f'{each.name}={each.method_value}' for each in operation.options)})",
            f"        return await self.run({operation.input_expression}, [made], {', '.join(f'{name}={name}' for name in _RUN)})",
        ]
    return "\n".join(lines) + "\n"


_RUNS = (
    "Returns the task when it is done, and raises TaskFailed if it fails; `download` gets the results. "
    "The other arguments are those of `run`."
)


def _values(operations: Iterable[Operation]) -> list[Descriptor]:
    """The messages used in options, which callers may create themselves."""
    messages = {
        field.message_type.name: field.message_type
        for operation in operations
        for field in operation.message.fields
        if field.message_type is not None
    }
    return [messages[name] for name in sorted(messages)]


def _imports(operations: Sequence[Operation]) -> list[str]:
    modules = {module_of(operation.message) for operation in operations} | {module_of(message) for message in _values(operations)}
    modules |= {module_of(field.enum_type) for operation in operations for field in operation.message.fields if field.enum_type is not None}
    return [
        "from collections.abc import Sequence",
        "from typing import Literal",
        "",
        *(f"from darkroom.operations.v1 import {module}" for module in sorted(modules)),
    ]


def _docstring(operation: Operation, names: Sequence[str], indent: str, more: str = "") -> list[str]:
    """The operation's comment and those of its options, under their names in the signature, in the form that editors know."""
    paragraphs = [*operation.comment.split("\n\n"), *([more] if more else [])]
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(paragraph, _WIDTH - len(indent)), ""]
    if operation.options:
        lines.append("Args:")
        for name, each in zip(names, operation.options, strict=True):
            lines += textwrap.wrap(f"{name}: {each.comment}", _WIDTH - len(indent), initial_indent=" " * 4, subsequent_indent=" " * 8)
        lines.append("")
    return textwrap.indent(docstring_literal("\n".join(lines).rstrip()), indent).splitlines()
