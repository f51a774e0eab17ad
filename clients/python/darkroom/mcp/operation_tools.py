"""A tool for each operation, derived from the protos: parameters, limits, texts and prices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from darkroom.common.v1 import forms_pb2
from darkroom.failures import ApiError
from darkroom.mcp.schemas import (
    Schema,
    field_text,
    files_in,
    name_of,
    names_file,
    operation_of,
    parameters_of,
    parameters_schema,
    shortened,
)
from darkroom.mcp.tasks import MOST_FILES, WAITING, file_id, file_ids, run_task
from darkroom.mcp.tool import ADDS, LOOKS, REACHES_OUT, Answer, Result, Setting, Tool
from darkroom.operations.v1 import operation_pb2, options_pb2
from darkroom.operations.v1.comments import TEXTS

ESTIMATE: Mapping[str, Schema] = {"estimate": {"type": "boolean", "default": False, "description": "Only return the price."}}
_KINDS = {options_pb2.MEDIA_KIND_IMAGE: "Pictures", options_pb2.MEDIA_KIND_PDF: "PDFs", options_pb2.MEDIA_KIND_ANY: "Files"}
_MOVING = "Pictures, animations or videos"
_BASES = {
    options_pb2.PRICE_BASIS_UNSPECIFIED: "file",
    options_pb2.PRICE_BASIS_PAGE: "page",
    options_pb2.PRICE_BASIS_OUTPUT: "result",
}
_LONGEST = 250
"""Characters of an operation's text in the list of tools; `explain_operation` has all of it."""
_OF_OPERATION = re.compile(r"operations\[\d+\]\.\w+\.?")
_FILE_IDS = {
    field.name: name_of(field)
    for operation in operation_pb2.Operation.DESCRIPTOR.fields
    for field in parameters_of(operation.name).fields
    if names_file(field)
}


def operation_fields() -> list[FieldDescriptor]:
    """All operations, as fields of the message that holds one of them; without those that diagnose an installation."""
    return [field for field in operation_pb2.Operation.DESCRIPTOR.fields if not _options(parameters_of(field.name)).diagnostic]


def groups() -> tuple[str, ...]:
    """The groups that operations are in: the console's."""
    names = forms_pb2.FormCategory.keys()
    return tuple(name.removeprefix("FORM_CATEGORY_").lower() for name in names if not name.endswith("UNSPECIFIED"))


def operation_tools() -> list[Tool]:
    """One for each operation, and one that explains them."""
    name: Schema = {"type": "string", "enum": [field.name for field in operation_fields()], "description": "The operation."}
    explain = Tool(
        "explain_operation",
        "Explain an operation",
        "All that the reference says of an operation: its result, its notices, and each parameter. Free.",
        {"operation": name},
        ("operation",),
        LOOKS,
        _explain,
    )
    return [explain, *(_tool(field) for field in operation_fields())]


def price_text(options: options_pb2.OperationOptions) -> str:
    """The list price, in words."""
    if not options.millicredits:
        return "Free."
    unit = "credit" if options.millicredits == 1000 else "credits"
    each = f"{_BASES[options.price_basis]}, or 25 frames of an animation or a video," if options.by_frame else _BASES[options.price_basis]
    return f"Costs {options.millicredits / 1000:g} {unit} a {each} at the list price."


async def estimated(setting: Setting, operations: Sequence[operation_pb2.Operation], given: Sequence[str], field: str = "files") -> Result:
    """The price of a task on files that need not be on the server yet."""
    sources = [setting.places.source(each, f"{field}[{number}]") for number, each in enumerate(given)]
    ids = [each for each in sources if isinstance(each, int)]
    if len(ids) == len(sources):
        priced = await setting.client.estimate_price(operations, ids)
    else:
        priced = await setting.client.estimate_price(operations, file_count=len(sources))
    balance = priced.balance
    found: Result = {
        "price_credits": priced.price_millicredits / 1000,
        "available_credits": None if balance.unlimited else balance.available_millicredits / 1000,
        "covered": priced.covered,
    }
    if priced.HasField("estimated_seconds"):
        found["estimated_seconds"] = priced.estimated_seconds
    if len(ids) != len(sources):
        found["note"] = "Files that are not uploaded yet count as one page each, or as 25 frames."
    return found


async def with_files(setting: Setting, name: str, arguments: Mapping[str, Any], before: str = "", *, only_priced: bool) -> Any:
    """The operation with valid arguments, whose further files are uploaded unless it is only priced."""
    ids: dict[str, int] = {}
    for parameter, given in files_in(parameters_of(name), arguments):
        if only_priced:
            setting.places.source(given, before + parameter)
        ids[parameter] = 0 if only_priced else await file_id(setting, given, before + parameter)
    return operation_of(name, arguments, ids)


def in_parameters(failure: ApiError) -> ApiError:
    """The error with the tool's parameter in place of the request's field."""
    said, field = in_own_words(str(failure)), in_own_words(failure.field or "")
    found = type(failure)(
        failure.reason,
        said.removeprefix(": "),
        field or None,
        allowed=failure.allowed,
        metadata=failure.metadata,
    )
    found.request_id, found.retry_after = failure.request_id, failure.retry_after
    return found


def in_own_words(text: str) -> str:
    """A text in which fields of the request have the names of the tool's parameters."""
    text = _OF_OPERATION.sub("", text)
    for name, parameter in _FILE_IDS.items():
        text = text.replace(name, parameter)
    return text


def _tool(field: FieldDescriptor) -> Tool:
    message = parameters_of(field.name)
    options = _options(message)
    form = message.GetOptions().Extensions[forms_pb2.operation_form]
    schema = parameters_schema(message)
    takes = _takes(options)
    return Tool(
        name=field.name,
        title=form.name or field.name.replace("_", " ").capitalize(),
        description=_description(message, options),
        properties={**takes, **schema["properties"], **ESTIMATE, **WAITING},
        required=(*(("files",) if takes and not options.max_references else ()), *schema.get("required", ())),
        annotations=REACHES_OUT if options.needs else ADDS,
        run=partial(_run, field.name),
        group=_group(form.category),
        keeps_results=True,
        files=(*takes, *(name_of(each) for each in message.fields if names_file(each))),
    )


async def _run(name: str, setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    only_priced = bool(arguments.get("estimate"))
    given = arguments.get("files", ())
    own = _own(name, arguments)
    setting.places.check(arguments)
    try:
        operation = await with_files(setting, name, own, only_priced=only_priced)
        if only_priced:
            return Answer(await estimated(setting, [operation], given))
        return Answer(await run_task(setting, await file_ids(setting, given, "files"), [operation], arguments))
    except ApiError as failure:
        raise in_parameters(failure) from failure


async def _explain(_setting: Setting, arguments: Mapping[str, Any]) -> Answer:
    message = parameters_of(arguments["operation"])
    return Answer(
        {
            "operation": arguments["operation"],
            "text": TEXTS[message.full_name],
            "price": price_text(_options(message)),
            "parameters": {name_of(each): field_text(each) for each in message.fields},
        }
    )


def _own(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are parameters of the operation."""
    names = {name_of(field) for field in parameters_of(name).fields}
    return {name: value for name, value in arguments.items() if name in names}


def _takes(options: options_pb2.OperationOptions) -> dict[str, Schema]:
    kind = _MOVING if options.by_frame else _KINDS.get(options.accepts)
    if kind is None:
        return {}
    how = "which are taken together, in order" if options.joins_inputs else "one result for each"
    schema: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_FILES, "description": f"{kind}, {how}."}
    if options.max_references:
        schema |= {"minItems": 0, "maxItems": options.max_references, "description": "Pictures to refer to; may be left out."}
    return {"files": schema}


def _description(message: Descriptor, options: options_pb2.OperationOptions) -> str:
    paragraphs = TEXTS[message.full_name].split("\n\n")
    words = [shortened(paragraphs[0], _LONGEST), price_text(options)]
    if options.needs:
        words.append("Only where the operator has set it up.")
    return " ".join(words)


def _group(category: forms_pb2.FormCategory.ValueType) -> str:
    return forms_pb2.FormCategory.Name(category).removeprefix("FORM_CATEGORY_").lower()


def _options(message: Descriptor) -> options_pb2.OperationOptions:
    options: options_pb2.OperationOptions = message.GetOptions().Extensions[options_pb2.operation]
    return options
