"""Options of operations in Python's words: names of enum values, tuples for small messages."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message

Made = TypeVar("Made", bound=Message)


def enum_value(enum: Any, prefix: str, name: str | None, field: str) -> Any:
    """The number of `portrait` in an enum that has SUBJECT_PORTRAIT; None for None. Raises InvalidRequest for a name that there is not."""
    if name is None:
        return None
    try:
        return enum.Value(prefix + name.upper())
    except ValueError:
        # Exceptions need messages of tasks, whose module needs those of operations.
        from darkroom.failures import InvalidRequest

        allowed = tuple(full.removeprefix(prefix).lower() for full, number in enum.items() if number)
        raise InvalidRequest("FIELD_INVALID", f"{field} is one of {', '.join(allowed)}, not {name!r}.", field, allowed=allowed) from None


def message(kind: type[Made], given: Made | tuple[Any, ...]) -> Made:
    """A message as it is, or from a tuple of its fields in order. Raises InvalidRequest for a tuple of another length."""
    if not isinstance(given, tuple):
        return given
    names = [field.name for field in kind.DESCRIPTOR.fields]
    if len(given) != len(names):
        from darkroom.failures import InvalidRequest

        raise InvalidRequest("FIELD_INVALID", f"A {kind.__name__} is ({', '.join(names)}), not {given!r}.")
    return kind(**dict(zip(names, given, strict=True)))
