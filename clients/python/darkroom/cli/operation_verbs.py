"""The command of each operation, derived from the protos: its name, options and help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import typer
from google.protobuf.descriptor import FieldDescriptor

from darkroom.cli.exits import usage
from darkroom.cli.parameters import Parameter, parameters_of, plain
from darkroom.operations.v1 import operation_pb2, options_pb2
from darkroom.operations.v1.comments import TEXTS

# Operations that share one command, as values of --mode.
_MODES: Mapping[str, Mapping[str, str]] = {"remove_pdf_watermark": {"editable": "remove_pdf_watermark", "ai": "redraw_pdf"}}

_SUFFIXES = {
    options_pb2.MEDIA_KIND_IMAGE: (
        *(".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".hif", ".avif", ".tif", ".tiff", ".gif", ".bmp", ".svg"),
        *(".jxl", ".ico", ".psd", ".psb", ".exr", ".hdr", ".tga"),
        *(".dng", ".cr2", ".nef", ".arw", ".orf", ".rw2"),
    ),
    options_pb2.MEDIA_KIND_VIDEO: (".mp4", ".m4v", ".webm", ".mov"),
    options_pb2.MEDIA_KIND_PDF: (".pdf",),
}
VIDEOS = _SUFFIXES[options_pb2.MEDIA_KIND_VIDEO]
"""The suffixes of videos."""
STILL = frozenset(_SUFFIXES[options_pb2.MEDIA_KIND_IMAGE]) - {".gif", ".png", ".webp", ".avif"}
"""The suffixes of pictures of which one frame is read."""

_KINDS = {options_pb2.MEDIA_KIND_IMAGE: "picture", options_pb2.MEDIA_KIND_PDF: "PDF"}

Option = tuple[Any, Any]
"""The annotation and default of an argument or option, as Typer takes them. The default is ... if it is required."""
Work = Callable[["Verb", operation_pb2.Operation, Mapping[str, Any]], None]
"""The action of a command with the operation built from its options, and with its other options."""


@dataclass(frozen=True)
class Verb:
    """A command and its operation, or its operations if --mode selects one of several."""

    name: str
    operations: Mapping[str, FieldDescriptor]
    """By mode. The first is the default."""

    @property
    def first(self) -> FieldDescriptor:
        """The default operation."""
        return next(iter(self.operations.values()))

    @property
    def options(self) -> options_pb2.OperationOptions:
        """The options of the default operation in the protos."""
        return _options(self.first)

    @property
    def short_help(self) -> str:
        """The first sentence of `help`."""
        return self.help.split(". ")[0].split(": ")[0].rstrip(".") + "."

    @property
    def help(self) -> str:
        """The comment of its message in the protos."""
        return plain(TEXTS[_message(self.first).full_name])


def verbs() -> list[Verb]:
    """All commands, in the order of the operations in the proto."""
    fields = operation_pb2.Operation.DESCRIPTOR.fields_by_name
    inside = {name for modes in _MODES.values() for name in modes.values()} - _MODES.keys()
    found = []
    for field in operation_pb2.Operation.DESCRIPTOR.fields:
        options = _options(field)
        # Archives have their own command: `darkroom batch zip`.
        if options.diagnostic or field.name == "archive" or field.name in inside:
            continue
        modes = _MODES.get(field.name, {"": field.name})
        found.append(Verb(field.name.replace("_", "-"), {mode: fields[name] for mode, name in modes.items()}))
    return found


def command(verb: Verb, inputs: Option | None, options: Mapping[str, Option], work: Work) -> Callable[..., None]:
    """The function for Typer: its parameters are `inputs`, the options of the verb's operations, and `options`."""
    parameters = {mode: parameters_of(_message(field)) for mode, field in verb.operations.items()}
    named = {} if inputs is None else {"inputs": inputs}
    if len(verb.operations) > 1:
        named["mode"] = (_mode_option(verb), None)
    for parameter in (each for found in parameters.values() for each in found):
        named[parameter.field] = (parameter.annotation, parameter.default)
    named |= options

    def call(**given: Any) -> None:
        # An operation may have a mode of its own.
        chosen = given.pop("mode", None) if len(verb.operations) > 1 else None
        mode = chosen.value if chosen is not None else next(iter(verb.operations))
        _refuse_other_modes(mode, parameters, given)
        work(verb, _operation(verb.operations[mode], parameters[mode], given), given)

    call.__name__ = verb.name.replace("-", "_")
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what Typer reads
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if default is ... else default,
                annotation=annotation,
            )
            for name, (annotation, default) in named.items()
        ]
    )
    call.__annotations__ = {name: annotation for name, (annotation, _) in named.items()}
    return call


def _refuse_other_modes(mode: str, parameters: Mapping[str, Sequence[Parameter]], given: Mapping[str, Any]) -> None:
    """Refuse an option that only another mode has, instead of ignoring it."""
    own = {parameter.field for parameter in parameters[mode]}
    for other, found in parameters.items():
        for parameter in found:
            if parameter.field not in own and given[parameter.field] != parameter.default:
                raise usage(f"--{parameter.field.replace('_', '-')} is an option of --mode {other}, not of --mode {mode}")


def _operation(field: FieldDescriptor, parameters: Sequence[Parameter], given: Mapping[str, Any]) -> operation_pb2.Operation:
    operation = operation_pb2.Operation()
    message = getattr(operation, field.name)
    message.SetInParent()
    for parameter in parameters:
        parameter.put(message, given[parameter.field])
    return operation


def _mode_option(verb: Verb) -> Any:
    first_sentences = (f"{mode}: {plain(TEXTS[_message(field).full_name]).split(': ')[0]}." for mode, field in verb.operations.items())
    modes: Any = Enum("Mode", [(mode, mode) for mode in verb.operations], type=str)  # type: ignore[misc]  # made from the table
    words = f"{' '.join(first_sentences)} Default: {next(iter(verb.operations))}."
    return Annotated[modes | None, typer.Option(help=words, show_default=False)]


def works_by_frame(operations: Sequence[operation_pb2.Operation]) -> bool:
    """Whether operations, one after the other, take videos and every frame of animations."""
    return all(_options(_field(each)).by_frame for each in operations)


def suffixes_of(operations: Sequence[operation_pb2.Operation]) -> Sequence[str]:
    """The suffixes of the files that operations, one after the other, take."""
    return (*_SUFFIXES[_options(_field(operations[0])).accepts], *(VIDEOS if works_by_frame(operations) else ()))


def unfit(operation: operation_pb2.Operation, name: str) -> str | None:
    """Why an operation does not take a file of this name; None if it may."""
    field = _field(operation)
    accepts = _options(field).accepts
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if accepts not in _KINDS or suffix in (taken := suffixes_of([operation])):
        return None
    kind = "a video, not" if suffix in VIDEOS else "not"
    formats = ", ".join(each.removeprefix(".") for each in taken)
    return f"{kind} a {_KINDS[accepts]}; {field.name.replace('_', '-')} takes {formats}."


def _field(operation: operation_pb2.Operation) -> FieldDescriptor:
    return operation.DESCRIPTOR.fields_by_name[str(operation.WhichOneof("operation"))]


def _message(field: FieldDescriptor) -> Any:
    return field.message_type


def _options(field: FieldDescriptor) -> options_pb2.OperationOptions:
    options: options_pb2.OperationOptions = _message(field).GetOptions().Extensions[options_pb2.operation]
    return options
