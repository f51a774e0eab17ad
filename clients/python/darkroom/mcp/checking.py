"""Checks arguments against the schema of their tool, and says what is wrong: the field, the problem, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from darkroom.failures import InvalidRequest

_LONGEST = 80
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters long",
    "maxLength": "at most {} characters long",
    "minItems": "a list of at least {}",
    "maxItems": "a list of at most {}",
}
_TYPES = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list"}


def check(schema: Mapping[str, Any], arguments: Mapping[str, Any], before: str = "") -> None:
    """Raise InvalidRequest unless the arguments fit the schema. `before` precedes the path of an argument: `operations[0].parameters.`."""
    fault = best_match(Draft202012Validator(schema).iter_errors(arguments))
    if fault is not None:
        raise _refusal(fault, before)


def refused(field: str, problem: str, allowed: tuple[str, ...] = ()) -> InvalidRequest:
    """The error about a field."""
    return InvalidRequest("FIELD_INVALID", f"{field}: {problem}.", field, allowed=allowed)


def _refusal(fault: ValidationError, before: str) -> InvalidRequest:
    where = f"{before}{_path(fault)}".removesuffix(".")
    value: Any = fault.instance
    wanted: Any = fault.validator_value
    schema: Any = fault.schema
    match fault.validator:
        case "additionalProperties":
            known = tuple(schema["properties"])
            unknown = next(name for name in value if name not in known)
            return refused(_below(where, unknown), "there is no such parameter", known)
        case "required":
            return refused(_below(where, next(name for name in wanted if name not in value)), "is required")
        case "enum":
            return refused(where, f"must be one of {', '.join(map(str, wanted))}, not {_shown(value)}", tuple(map(str, wanted)))
        case "type":
            return refused(where, f"must be {_TYPES.get(str(wanted), 'an object')}, not {_shown(value)}")
        case str(rule) if rule in _LIMITS:
            return refused(where, f"must be {_LIMITS[rule].format(wanted)}, not {_shown(value)}")
    return refused(where, fault.message)


def _path(fault: ValidationError) -> str:
    return fault.json_path.removeprefix("$").removeprefix(".")


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
