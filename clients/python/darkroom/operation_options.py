"""Options of operations as Python values: names for enum values, tuples for small messages."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message

Made = TypeVar("Made", bound=Message)


def enum_value(enum: Any, prefix: str, name: str | None, field: str) -> Any:
    """The enum value for a name: `portrait` gives SUBJECT_PORTRAIT. None for None. Raises InvalidRequest for an unknown name."""
    if name is None:
        return None
    try:
        return enum.Value(prefix + name.upper())
    except ValueError:
        # Imported here because the exceptions import the tasks module, which imports the operations.
        from darkroom.failures import InvalidRequest

        allowed = tuple(full.removeprefix(prefix).lower() for full, number in enum.items() if number)
        raise InvalidRequest(
            "FIELD_INVALID", f"{field} must be one of {', '.join(allowed)}, not {name!r}.", field, allowed=allowed
        ) from None


def message(kind: type[Made], given: Made | tuple[Any, ...]) -> Made:
    """The message itself, or one made from a tuple of its fields in order. Raises InvalidRequest for a tuple of the wrong length."""
    if not isinstance(given, tuple):
        return given
    names = [field.name for field in kind.DESCRIPTOR.fields]
    if len(given) != len(names):
        from darkroom.failures import InvalidRequest

        raise InvalidRequest("FIELD_INVALID", f"{kind.__name__} must be given as ({', '.join(names)}), not {given!r}.")
    return kind(**dict(zip(names, given, strict=True)))
