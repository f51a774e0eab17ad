"""JSON that no proto message describes, such as a value that is a number or a text: `google.protobuf.Struct` and `Value` in Python's terms,
and checked against pydantic models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.platform.errors import DarkroomError, ErrorReason, Violation

_Model = TypeVar("_Model", bound=BaseModel)
_WHOLE_BELOW = 2.0**53
_MOST_TOLD = 20
_WORDS = {
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "none_required": "must be null",
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "needs {discriminator}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have {min_length} items or more",
    "too_long": "must have at most {max_length} items",
    "string_pattern_mismatch": "must match {pattern}",
    "value_error": "{error}",
}
"""Words for pydantic's faults, by their names."""
_LISTS = frozenset(("literal_error", "enum", "union_tag_invalid"))


def python_of(value: Struct | Value | ListValue) -> Any:  # noqa: PLR0911 - one for each kind
    """The value as Python's json has it; whole numbers are int."""
    if isinstance(value, Struct):
        return {name: python_of(each) for name, each in value.fields.items()}
    if isinstance(value, ListValue):
        return [python_of(each) for each in value.values]
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < _WHOLE_BELOW else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return python_of(value.struct_value)
        case "list_value":
            return python_of(value.list_value)
        case _:
            return None


def value_of(python: Any) -> Value:
    """A value of Python's json as a Value. Raises TypeError for anything else, and for numbers that JSON does not have."""
    match python:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=python)
        case int() | float() if math.isfinite(python):
            return Value(number_value=python)
        case str():
            return Value(string_value=python)
        case dict():
            return Value(struct_value=struct_of(python))
        case list() | tuple():
            return Value(list_value=ListValue(values=map(value_of, python)))
    raise TypeError(f"JSON has no {type(python).__name__}")


def struct_of(python: dict[str, Any]) -> Struct:
    """An object of Python's json as a Struct. Raises as `value_of`."""
    return Struct(fields={name: value_of(each) for name, each in python.items()})


def parse(model: type[_Model], value: Any, *, at: str = "") -> _Model:
    """The value as the model has it. `value` is a Struct, a Value, or what Python's json has; `at` is its path in the request.

    Raises FIELD_INVALID with every fault as a violation; the message lists the first twenty.
    """
    python = python_of(value) if isinstance(value, Struct | Value | ListValue) else value
    try:
        return model.model_validate(python)
    except ValidationError as error:
        raise violations_error(violations_of(error, python, at)) from None


def violations_error(violations: Sequence[Violation]) -> DarkroomError:
    """FIELD_INVALID for one or more violations."""
    told = [f"{each.field}: {each.problem}" if each.field else each.problem for each in violations]
    more = f" And {len(told) - _MOST_TOLD} more." if len(told) > _MOST_TOLD else ""
    message = " ".join(f"{text.rstrip('.')}." for text in told[:_MOST_TOLD]) + more
    return DarkroomError(ErrorReason.FIELD_INVALID, message, violations=violations)


def violations_of(error: ValidationError, value: Any, at: str = "") -> list[Violation]:
    """pydantic's faults as paths and plain words, one for each field. For a union, the words of all its members are combined."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in error.errors(include_url=False, include_input=False):
        kind, problem = each["type"], _problem(each)
        faults = found.setdefault(_path(each["loc"], value, at), [])
        if (problem, kind) not in faults:
            faults.append((problem, kind))
    return [Violation(path, _joined([problem for problem, _ in faults]), faults[0][1]) for path, faults in found.items()]


def _path(location: Sequence[int | str], value: Any, at: str) -> str:
    """A path such as `operations.resizing.width`. A part that is the name of a union's member is left out."""
    path, here = at, value
    for number, step in enumerate(location):
        last = number == len(location) - 1
        if isinstance(step, int):
            path += f"[{step}]"
            here = here[step] if isinstance(here, list) and step < len(here) else None
        elif isinstance(here, dict) and (step in here or (last and not _is_type_name(step))):
            path += f".{step}" if path else step
            here = here.get(step)
    return path


def _is_type_name(step: str) -> bool:
    return not step.isidentifier() or step in {"int", "float", "str", "bool", "none", "null", "list", "dict"}


def _problem(error: ErrorDetails) -> str:
    kind, words = error["type"], _WORDS.get(error["type"])
    if words is None:
        return error["msg"][0].lower() + error["msg"][1:]
    text = words.format_map(error.get("ctx", {}))
    if kind == "union_tag_not_found":
        return text.replace("'", "")
    return text.replace(" or ", ", ").replace("'", '"') if kind in _LISTS else text


def _joined(problems: Sequence[str]) -> str:
    """`must be an integer, or must be one of "auto"` for the members of a union."""
    if len(problems) == 1:
        return problems[0]
    musts = [problem.removeprefix("must be ") for problem in problems]
    if all(problem.startswith("must be ") for problem in problems):
        return f"must be {', '.join(musts[:-1])} or {musts[-1]}"
    return ", or ".join(problems)
