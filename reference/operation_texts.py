"""A page for each operation, for language models: what it does, takes, gives and costs, its calls, and every parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from darkroom.operations.v1 import operation_pb2
from reference import markdown, operation_pages
from reference.comments import Comments
from reference.operation_paths import example_of
from services.pictures.operation_calls import operation_calls
from services.pictures.operations import Arity, OperationSpec, specs
from services.platform.rpc import catalogue


def names() -> list[str]:
    """The operations that have a page."""
    return [name for name, spec in specs().items() if not spec.diagnostic]


def about(name: str, comments: Comments) -> str:
    """One sentence."""
    return comments.of(f"{operation_pb2.Operation.DESCRIPTOR.full_name}.{name}").partition("\n")[0].removesuffix(".")


def page(name: str, comments: Comments) -> str:
    """The whole page."""
    spec = specs()[name]
    parameters = json.dumps(_example(spec), ensure_ascii=False)
    files, inputs = ("", "") if spec.arity is Arity.NONE else ('"file_ids": ["…"], ', '"input_file_ids": ["…"], ')
    operations = f'"operations": [{{"{name}": {parameters}}}]'
    lines = [
        f"# {name}",
        "",
        f"{about(name, comments)}.",
        "",
        comments.of(spec.message.full_name),
        "",
        "| takes | gives | costs |",
        "|---|---|---|",
        f"| {' | '.join(operation_pages.summary(spec))} |",
        "",
        "## Calls",
        "",
        *_own_calls(spec),
        f"- `POST /v1/tasks` with `{{{files}{operations}}}`, alone or among other operations",
        f"- gRPC `darkroom.tasks.v1.TasksService/CreateTask` with `{{{inputs}{operations}}}`",
        f"- `darkroom {name.replace('_', '-')}` on the command line, `Client().{name}(…)` in Python",
        "",
        "## Parameters",
        "",
        markdown.fields(spec.message, comments) if spec.message.fields else "It has no parameters.",
    ]
    for kind in _types_in(spec.message):
        lines += ["", f"### {kind.name}", "", comments.of(kind.full_name), "", _described(kind, comments)]
    return "\n".join(lines).rstrip() + "\n"


def _described(kind: Descriptor | EnumDescriptor, comments: Comments) -> str:
    if isinstance(kind, Descriptor):
        return markdown.fields(kind, comments)
    return "\n".join(f"- `{value.name}`: {comments.of(f'{kind.full_name}.{value.name}')}" for value in kind.values)


def _example(spec: OperationSpec) -> dict[str, object]:
    """Parameters that make sense; none where the operation is useful without any."""
    call = next((call for call in operation_calls() if call.spec is spec), None)
    return {name: value for name, value in example_of(call).items() if name in call.parameters} if call is not None else {}


def _own_calls(spec: OperationSpec) -> Iterator[str]:
    """Its calls under `/v1/images` and `/v1/pdfs`."""
    generated = {call.path: call for call in operation_calls() if call.spec is spec}
    for path, call in generated.items():
        form = ", or a form with the file itself as `file`" if call.takes_files else ""
        yield f"- `POST {path}` with `{json.dumps(example_of(call), ensure_ascii=False)}`{form}"
    own = {f"/v1/{collection}/{spec.name.replace('_', '-')}" for collection in ("images", "pdfs")} - set(generated)
    for path in sorted(own & {route.template.text for route in catalogue.routes() if route.verb == "POST"}):
        yield f"- `POST {path}`, whose fields are in [the OpenAPI document](/openapi.json)"


def _types_in(message: Descriptor) -> list[Descriptor | EnumDescriptor]:
    """The messages and enums of Darkroom's own that fields of a message have, and theirs."""
    found: dict[str, Descriptor | EnumDescriptor] = {}

    def add(fields: Sequence[FieldDescriptor]) -> None:
        for field in fields:
            kind = field.message_type or field.enum_type
            if kind is not None and kind.full_name.startswith("darkroom.") and kind.full_name not in found:
                found[kind.full_name] = kind
                if field.message_type is not None:
                    add(field.message_type.fields)

    add(message.fields)
    return list(found.values())
