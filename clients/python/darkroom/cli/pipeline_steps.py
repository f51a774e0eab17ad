"""Steps of a pipeline as they are written on the command line: an operation by its name, and its options by theirs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from darkroom.cli.operation_verbs import Verb, command
from darkroom.cli.parameters import enum_word, option_name
from darkroom.operations.v1 import operation_pb2, options_pb2

_UNKNOWN = re.compile(r'has no field named "(\w+)"')
_YES, _NO = ("true", "yes"), ("false", "no")


def step(text: str, number: int) -> operation_pb2.Operation:
    """`resize width=2000 height=2000` as an operation, or the same in JSON: `resize={"width": 2000}` or `{"resize": {"width": 2000}}`.

    Raises `typer.BadParameter`, which names the step by its number.
    """
    name, equals, value = text.partition("=")
    if text.lstrip().startswith("{") or (equals and value.lstrip().startswith("{")):
        return _of_json(
            text if not equals or text.lstrip().startswith("{") else f"{{{json.dumps(_plain(name))}: {value}}}", f"step {number}"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise typer.BadParameter(f"step {number}: {text!r}: {error}") from None
    if not words:
        raise typer.BadParameter(f"step {number} is empty")
    return _of_words(words[0], words[1:], number)


def steps_in(file: Path) -> list[operation_pb2.Operation]:
    """The operations in a JSON file: a list of them, or a pipeline as `darkroom pipeline show --json` prints it. Raises
    `typer.BadParameter`."""
    try:
        read = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    found = read.get("operations") if isinstance(read, dict) else read
    if not isinstance(found, list) or not found:
        raise typer.BadParameter(f'{file} must be a list of operations, such as [{{"resize": {{"width": 640}}}}]')
    return [_read(each, f"{file}: step {number}") for number, each in enumerate(found, start=1)]


def in_words(operation: operation_pb2.Operation) -> str:
    """An operation as `step` takes it."""
    name = str(operation.WhichOneof("operation"))
    parameters: Message = getattr(operation, name)
    given = [(field, value) for field, value in parameters.ListFields()]
    if any(field.is_repeated or field.message_type is not None for field, _ in given):
        return f"{name}={json.dumps(MessageToDict(parameters, preserving_proto_field_name=True), ensure_ascii=False)}"
    return " ".join([name, *(f"{field.name}={_shown(field, value)}" for field, value in given)])


def _shown(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        return enum_word(field.enum_type, field.enum_type.values_by_number[value].name)
    return json.dumps(value) if isinstance(value, bool) else shlex.quote(str(value))


def _of_json(text: str, where: str) -> operation_pb2.Operation:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{where}: {error}") from None
    return _read(read, where)


def _read(value: object, where: str) -> operation_pb2.Operation:
    if not isinstance(value, dict) or len(value) != 1:
        raise typer.BadParameter(f'{where} must be an object with one operation, such as {{"resize": {{"width": 640}}}}')
    [(name, parameters)] = value.items()
    field = _field(str(name), where)
    try:
        return ParseDict({_plain(str(name)): parameters}, operation_pb2.Operation())
    except ParseError as error:
        unknown = _UNKNOWN.search(str(error))
        known = field.message_type.fields_by_name if field.message_type is not None else {}
        problem = f"there is no option {unknown[1]}{_meant(unknown[1], known)}" if unknown else str(error)
        raise typer.BadParameter(f"{where} ({field.name}): {problem}") from None


def _plain(name: str) -> str:
    return name.strip().replace("-", "_")


def _field(name: str, where: str) -> FieldDescriptor:
    """The operation of that name."""
    known = {
        field.name: field
        for field in operation_pb2.Operation.DESCRIPTOR.fields
        if field.message_type is not None and not field.message_type.GetOptions().Extensions[options_pb2.operation].diagnostic
    }
    found = known.get(_plain(name))
    if found is None:
        raise typer.BadParameter(f"{where}: there is no operation {name}{_meant(_plain(name), known)}")
    return found


def _meant(given: str, known: Sequence[str] | Mapping[str, object]) -> str:
    close = get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f": give one of {', '.join(sorted(known))}"


def _of_words(name: str, words: Sequence[str], number: int) -> operation_pb2.Operation:
    field = _field(name, f"step {number}")
    where = f"step {number} ({field.name})"
    arguments: list[str] = []
    ids: dict[str, int] = {}
    assert field.message_type is not None
    fields = field.message_type.fields_by_name
    names = {option_name(field.name, each).removeprefix("--").replace("-", "_"): each for each in fields} | {each: each for each in fields}
    for word in words:
        key, equals, value = word.partition("=")
        found = fields.get(names.get(_plain(key).removeprefix("__"), ""))
        if found is None:
            raise typer.BadParameter(f"{where}: there is no option {key}{_meant(_plain(key), names)}")
        if found.GetOptions().Extensions[options_pb2.auxiliary_input]:
            if not value.isdecimal():
                raise typer.BadParameter(f"{where}: {found.name} must be the id of a file, which `darkroom file put` prints")
            ids[found.name] = int(value)
        else:
            arguments += _option(found, option_name(field.name, found.name), value if equals else None, where)
    return _parsed(field, arguments, ids, where)


def _option(field: FieldDescriptor, option: str, value: str | None, where: str) -> list[str]:
    """The arguments of the operation's own command for it."""
    if field.type != FieldDescriptor.TYPE_BOOL:
        if value is None:
            raise typer.BadParameter(f"{where}: {field.name} needs a value: {field.name}=VALUE")
        if field.enum_type is not None and value.upper() in field.enum_type.values_by_name:
            # As JSON has it.
            value = enum_word(field.enum_type, value.upper())
        return [f"{option}={value}"]
    if value is None or value.lower() in _YES:
        return [option]
    if value.lower() not in _NO:
        raise typer.BadParameter(f"{where}: {field.name} must be true or false, not {value!r}")
    return [f"--no-{option.removeprefix('--')}"] if field.has_presence else []


def _parsed(field: FieldDescriptor, arguments: Sequence[str], ids: Mapping[str, int], where: str) -> operation_pb2.Operation:
    """The operation that its own command makes of these options."""
    made: list[operation_pb2.Operation] = []

    def keep(_verb: Verb, operation: operation_pb2.Operation, _given: Mapping[str, Any]) -> None:
        made.append(operation)

    app = typer.Typer(add_completion=False)
    app.command()(command(Verb(field.name, {"": field}), None, {}, keep))
    try:
        typer.main.get_command(app).main(list(arguments), prog_name=field.name, standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise typer.BadParameter(f"{where}: {error.format_message().replace(chr(39) + '--', chr(39))}") from None
    parameters: Message = getattr(made[0], field.name)
    for name, file_id in ids.items():
        setattr(parameters, name, file_id)
    return made[0]
