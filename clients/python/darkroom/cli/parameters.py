"""Command-line options derived from the fields of an operation's message: names, choices, limits and help."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from darkroom.cli.keyed_values import is_plain, metavar, read
from darkroom.field_rules import values_of
from darkroom.operations.v1 import crop_pb2, operation_pb2, options_pb2, remove_watermark_pb2
from darkroom.operations.v1.comments import TEXTS

# Fields with a shorter or friendlier option name.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "factor": ("--factor", "-f"),
    "enhancements": ("--enhance", "-e"),
    "boxes": ("--box", "-b"),
    "cells": ("--cell",),
    "prompt": ("--prompt", "-t"),
    "aspect_ratio": ("--aspect-ratio", "-a"),
    "count": ("--count", "-n"),
}

# Longest list of choices, in characters, that is shown as the metavar of an option.
_MAX_CHOICES_WIDTH = 18


@dataclass(frozen=True)
class Parameter:
    """One option. `convert` turns its value into that of the field. An option that is not given leaves the field unset."""

    field: str
    annotation: Any
    default: Any
    convert: Callable[[Any], Any]
    names_file: bool = False
    """The value is a path; the field gets the file's id after the upload. See `auxiliary_files`."""

    def put(self, message: Message, given: Any) -> None:
        """Set the field to the option's value."""
        if given is None or self.names_file or given == [] or (given is False and self.default is False):
            return
        value = self.convert(given)
        if isinstance(value, list):
            getattr(message, self.field).extend(value)
        elif isinstance(value, Message):
            getattr(message, self.field).CopyFrom(value)
        else:
            setattr(message, self.field, value)


def parameters_of(message: Descriptor) -> list[Parameter]:
    """The options of an operation, in the order of its fields. Raises NotImplementedError for an unsupported type of field.

    A field that holds another operation has none: on the command line the other is a command of its own.
    """
    return [_parameter(field) for field in message.fields if not _is_operation(field)]


def auxiliary_files(operation: operation_pb2.Operation, given: Mapping[str, Any]) -> dict[str, Path]:
    """The files given for parameters of an operation, by parameter. The operation's inputs are not among them."""
    message = getattr(operation, str(operation.WhichOneof("operation"))).DESCRIPTOR
    return {field.name: given[field.name] for field in message.fields if _names_file(field) and given.get(field.name) is not None}


def option_name(operation: str, field: str) -> str:
    """The option for a field of an operation, such as `--background-color`. Empty if there is none."""
    described = operation_pb2.Operation.DESCRIPTOR.fields_by_name.get(operation)
    found = described.message_type.fields_by_name.get(field) if described is not None and described.message_type is not None else None
    return _names(found)[0] if found is not None else ""


def plain(text: str) -> str:
    """A comment without Markdown, with square brackets escaped for Rich."""
    return text.replace("`", "").replace("[", r"\[")


def _parameter(field: FieldDescriptor) -> Parameter:
    names = _names(field)
    if field.enum_type is not None:
        return _of_enum(field, field.enum_type, names)
    if field.message_type is not None:
        return _of_message(field, names[0])
    if _names_file(field):
        return _of_file(field)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _of_bool(field, names[0])
    return _of_scalar(field, names)


def _is_operation(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().HasExtension(options_pb2.operation)


def _names(field: FieldDescriptor) -> tuple[str, ...]:
    if _names_file(field):
        suffix = {options_pb2.MEDIA_KIND_IMAGE: "picture", options_pb2.MEDIA_KIND_PDF: "document"}[_names_file(field)]
        return (f"--{field.name.removesuffix('_file_id').replace('_', '-')}-{suffix}",)
    return _SPELLINGS.get(field.name, (f"--{field.name.replace('_', '-')}",))


def _of_enum(field: FieldDescriptor, enum: EnumDescriptor, names: tuple[str, ...]) -> Parameter:
    choices: Any = _choices(field.name, {value.name: enum_word(enum, value.name) for value in values_of(field)})
    numbers = {value.name: value.number for value in enum.values}
    if field.is_repeated:
        return _option(field, list[choices], names, convert=lambda given: [numbers[each.name] for each in dict.fromkeys(given)])
    return _option(field, choices, names, convert=lambda given: numbers[given.name])


def _of_message(field: FieldDescriptor, name: str) -> Parameter:
    if field.message_type is crop_pb2.PixelArea.DESCRIPTOR:
        how = {"metavar": "LEFT,TOP,WIDTH,HEIGHT", "more": "Four whole numbers."}
        return _option(field, str, (name,), convert=lambda given: _area(given, name), **how)
    if field.message_type is crop_pb2.RelativeArea.DESCRIPTOR:
        how = {"metavar": "LEFT,TOP,WIDTH,HEIGHT", "more": "Four numbers in per cent."}
        return _option(field, str, (name,), convert=lambda given: _relative_area(given, name), **how)
    if field.message_type is not remove_watermark_pb2.PercentBox.DESCRIPTOR:
        return _of_keyed_values(field, name)
    boxes = "Four numbers in per cent of the width and height, such as 60,85,98,97, or as fractions: 0.6,0.85,0.98,0.97."
    how = {"metavar": "X1,Y1,X2,Y2", "more": boxes}
    if field.is_repeated:
        return _option(field, list[str], _names(field), convert=lambda given: [_box(text, name) for text in given], **how)
    return _option(field, str, _names(field), convert=lambda given: _box(given, name), **how)


def _of_keyed_values(field: FieldDescriptor, name: str) -> Parameter:
    message = field.message_type
    if message is None or not is_plain(message):
        raise _unsupported(field)
    if not field.is_repeated:
        convert_one = partial(read, message=message, option=name)
        return _option(field, str, (name,), convert=convert_one, metavar=metavar(message), more=plain(TEXTS.get(message.full_name, "")))
    more = f"{plain(TEXTS.get(message.full_name, ''))} Give several in order."
    convert = partial(_all_read, message=message, option=name)
    return _option(field, list[str], (name,), convert=convert, metavar=metavar(message), more=more)


def _all_read(given: list[str], message: Descriptor, option: str) -> list[Message]:
    return [read(text, message, option) for text in given]


def _of_bool(field: FieldDescriptor, name: str) -> Parameter:
    if field.has_presence:
        return _option(field, bool, (f"{name}/--no-{name.removeprefix('--')}",))
    return _option(field, bool, (name,), default=False)


def _unsupported(field: FieldDescriptor) -> NotImplementedError:
    return NotImplementedError(f"{field.full_name}: the command line does not support fields of this type")


def _of_scalar(field: FieldDescriptor, names: tuple[str, ...]) -> Parameter:
    if field.type not in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_STRING):
        return _of_number(field, names)
    rules = field.GetOptions().Extensions[validate_pb2.field]
    whole = field.type == FieldDescriptor.TYPE_UINT32
    # 0 stands for absence.
    allowed = [str(value) for value in getattr(rules.uint32 if whole else rules.string, "in") if value]
    if allowed:
        choices = _choices(field.name, {value: value for value in allowed})
        shown = (
            {"metavar": field.name.rpartition("_")[2].upper(), "more": f"One of {', '.join(allowed)}."}
            if len("|".join(allowed)) > _MAX_CHOICES_WIDTH
            else {}
        )
        return _option(field, choices, names, convert=lambda given: int(given.value) if whole else given.value, **shown)
    if whole:
        most = rules.uint32.lte if rules.uint32.HasField("lte") else None
        return _option(field, int, names, metavar="N", min=rules.uint32.gte, max=most)
    if field.is_repeated:
        return _option(field, list[str], names, metavar="TEXT", more="May be repeated.")
    return _option(field, str, names, default=... if rules.string.min_len else None, metavar="TEXT")


def _of_number(field: FieldDescriptor, names: tuple[str, ...]) -> Parameter:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    kinds: dict[int, tuple[type, Any]] = {
        FieldDescriptor.TYPE_DOUBLE: (float, rules.double),
        FieldDescriptor.TYPE_INT64: (int, rules.int64),
        FieldDescriptor.TYPE_INT32: (int, rules.int32),
    }
    if field.type not in kinds:
        raise _unsupported(field)
    kind, ends = kinds[field.type]
    # The server checks a limit that only an expression says.
    least, most = (getattr(ends, end) if ends.HasField(end) else None for end in ("gte", "lte"))
    return _option(field, kind, names, metavar="N", min=least, max=most)


def _of_file(field: FieldDescriptor) -> Parameter:
    option = typer.Option(*_names(field), help=_help(field), show_default=False, metavar="FILE", exists=True, dir_okay=False, readable=True)
    return Parameter(field.name, Annotated[Path | None, option], None, Path, names_file=True)


def _names_file(field: FieldDescriptor) -> options_pb2.MediaKind.ValueType:
    """The kind of file that the field names; falsy if it names none."""
    kind: options_pb2.MediaKind.ValueType = field.GetOptions().Extensions[options_pb2.auxiliary_input]
    return kind


def _choices(name: str, values: dict[str, str]) -> Any:
    return Enum(name, list(values.items()), type=str)


def _option(
    field: FieldDescriptor,
    kind: Any,
    names: tuple[str, ...],
    *,
    default: Any = None,
    convert: Callable[[Any], Any] = lambda given: given,
    more: str = "",
    **settings: Any,
) -> Parameter:
    words = f"{_help(field)} {more}".rstrip()
    option = typer.Option(*names, help=words, show_default=False, case_sensitive=False, **settings)
    taken = kind if default is not None else kind | None
    return Parameter(field.name, Annotated[taken, option], default, convert)


def enum_word(enum: EnumDescriptor, value: str) -> str:
    """`portrait` for SUBJECT_PORTRAIT."""
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return value.removeprefix(prefix).lower().replace("_", "-")


def _help(field: FieldDescriptor) -> str:
    words, default, enum = [_with_options(TEXTS.get(field.full_name, ""), field.containing_type)], "", field.enum_type
    if enum is not None:
        texts = {value.name: TEXTS.get(f"{enum.full_name}.{value.name}", "") for value in enum.values}
        words += [f"{enum_word(enum, value.name)}: {texts[value.name]}" for value in values_of(field)]
        if match := re.fullmatch(r"As (\w+)\.", texts[enum.values[0].name]):
            default = f"Default: {match[1].lower()}."
    return plain(" ".join([*words, default]).strip())


def _with_options(text: str, message: Descriptor | None) -> str:
    """A comment in which fields of the message have the names of their options."""
    fields = {} if message is None else message.fields_by_name
    return re.sub(r"`(\w+)`", lambda found: _names(fields[found[1]])[0] if found[1] in fields else found[0], text)


def _area(text: str, option: str) -> crop_pb2.PixelArea:
    try:
        left, top, width, height = (int(number) for number in text.split(","))
        return crop_pb2.PixelArea(left=left, top=top, width=width, height=height)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be four whole numbers, such as 10,20,300,200", param_hint=option) from None


def _relative_area(text: str, option: str) -> crop_pb2.RelativeArea:
    try:
        left, top, width, height = (float(number) for number in text.split(","))
        return crop_pb2.RelativeArea(left=left, top=top, width=width, height=height)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be four numbers, such as 10,20,50,33.3", param_hint=option) from None


def _box(text: str, option: str) -> remove_watermark_pb2.PercentBox:
    try:
        x1, y1, x2, y2 = (float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be four numbers, such as 60,85,98,97 or 0.6,0.85,0.98,0.97", param_hint=option) from None
    if max(x1, y1, x2, y2) <= 1:
        # A box of less than one per cent of the picture is never meant.
        x1, y1, x2, y2 = (number * 100 for number in (x1, y1, x2, y2))
    if not (0 <= x1 < x2 <= 100 and 0 <= y1 < y2 <= 100):
        problem = "needs X1 < X2 and Y1 < Y2, all from 0 to 100 per cent, or all from 0 to 1"
        raise typer.BadParameter(f"{text}: {problem}", param_hint=option)
    return remove_watermark_pb2.PercentBox(x1=x1, y1=y1, x2=x2, y2=y2)
