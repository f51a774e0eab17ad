"""Checks requests against the protovalidate rules on their messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.protobuf.message import Message

from darkroom.common.v1 import options_pb2
from darkroom.operations.v1 import options_pb2 as operation_options_pb2
from services.platform import errors
from services.platform.errors import MISSING, DarkroomError, ErrorReason

if TYPE_CHECKING:
    from protovalidate import Validator, Violation

_PATTERN = "string.pattern"
_NOT_EMPTY = ("string.min_len", "repeated.min_items")
_ALTERNATIVES = "message.oneof"
_KINDS = {"in": "choice", "defined_only": "choice", "not_in": "choice", "unique": "unique", "pattern": "pattern"}
_LENGTHS = {"min_len": ("least",), "max_len": ("most",), "len": ("least",), "min_items": ("least",), "max_items": ("most",)}
_RANGES = {
    "gte": ("range", ("least",)),
    "lte": ("range", ("most",)),
    "gte_lte": ("range", ("least", "most")),
    "gt": ("greater", ("least",)),
    "gt_lte": ("greater", ("least", "most")),
    "lt": ("less", ("most",)),
    "gte_lt": ("less", ("least", "most")),
}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# protovalidate's words, and those of an engineer.
_WORDS = tuple(
    (re.compile(theirs, re.DOTALL), ours)
    for theirs, ours in (
        (r"^(repeated )?value ", ""),
        (r"^must be in list \[(.*)\]$", r"must be one of \1"),
        (r"^must not be in list \[(.*)\]$", r"must not be one of \1"),
        (r"^must contain unique items$", "must contain each item only once"),
        (r"^must contain (?:no|not) more than (\d+) item\(s\)$", r"must have at most \1 items"),
        (r"^must contain at least 1 item\(s\)$", "must have at least 1 item"),
        (r"^must contain at least (\d+) item\(s\)$", r"must have at least \1 items"),
        (r"^must be greater than or equal to (\S+) and less than or equal to (\S+)$", r"must be from \1 to \2"),
        (r"^must be greater than or equal to (\S+)$", r"must be \1 or more"),
        (r"^must be less than or equal to (\S+)$", r"must be \1 or less"),
    )
)


@cache
def rules() -> Validator:
    """Reads the rules on messages, and keeps those of each message that it has seen, compiled.

    The library has a protobuf runtime of its own, 5 MiB and a tenth of a second, and not every process has methods to check calls of: a
    server with such methods asks for it before its first call.
    """
    from protovalidate import Validator

    return Validator()


class RequestValidator:
    """Turns the first broken rule into the platform's error.

    A rule written in CEL whose id is the name of an ErrorReason raises that reason; every other rule raises FIELD_INVALID.
    """

    def check(self, request: Message) -> None:
        """Raise `DarkroomError` if the request breaks a rule."""
        if not request.DESCRIPTOR.fields:
            return
        violations = rules().collect_violations(request, fail_fast=True)
        if violations:
            raise _worded(violations[0], request)

    def faults(self, request: Message) -> list[DarkroomError]:
        """The error that `check` would raise for each broken rule, if it were the only one."""
        return [_worded(violation, request) for violation in rules().collect_violations(request)]


def _worded(violation: Violation, request: Message) -> DarkroomError:
    return _unset(violation, request) or _alternatives(violation, request) or _error(violation, request)


def _unset(violation: Violation, request: Message) -> DarkroomError | None:
    """The error for a oneof without a set field, listing its fields except diagnostic operations; None for other violations."""
    path, message = violation.proto.field, request.DESCRIPTOR
    names = [element.field_name for element in path.elements] if path is not None else []
    for name in names[:-1]:
        inner = message.fields_by_name[name].message_type
        if inner is None:
            return None
        message = inner
    oneof = message.oneofs_by_name.get(names[-1]) if names else None
    if oneof is None:
        return None
    kinds = [(field.name, field.message_type) for field in oneof.fields]
    allowed = [name for name, kind in kinds if kind is None or not kind.GetOptions().Extensions[operation_options_pb2.operation].diagnostic]
    field = _path(violation).removesuffix(oneof.name).removesuffix(".")
    text = f"must have exactly one of {', '.join(allowed)}"
    return _refusal(ErrorReason.FIELD_INVALID, field, text, allowed, MISSING)


def _alternatives(violation: Violation, request: Message) -> DarkroomError | None:
    """The error for fields of which exactly one has to be set; None if the violation is another one."""
    if violation.proto.rule_id != _ALTERNATIVES:
        return None
    message = _message_of(violation, request)
    # The first of them is the one that clients know longest.
    first, *others = message.GetOptions().Extensions[validate_pb2.message].oneof[0].fields
    above = f"{path}." if (path := _path(violation)) else ""
    told = (violation.proto.message or "").startswith("one of")
    problem = f"is required, unless {' or '.join(others)} is given" if told else f"cannot be given together with {' or '.join(others)}"
    return _refusal(ErrorReason.FIELD_INVALID, f"{above}{first}", f"{problem}.", (), MISSING if told else "")


def _message_of(violation: Violation, request: Message) -> Any:
    """The type of the message that a rule about a whole message is broken in."""
    message: Any = request.DESCRIPTOR
    path = violation.proto.field
    for element in path.elements if path is not None else ():
        message = message.fields_by_name[element.field_name].message_type or message
    return message


def _error(violation: Violation, request: Message) -> DarkroomError:
    proto = violation.proto
    reason = ErrorReason.__members__.get(proto.rule_id or "", ErrorReason.FIELD_INVALID)
    field = _path(violation)
    allowed: tuple[str, ...] = ()
    if (proto.rule_id or "").endswith(".in") and isinstance(violation.rule_value, (list, tuple)):
        allowed = tuple(str(value) for value in violation.rule_value)
    message = proto.message or "is not valid"
    broken = _rule(proto.rule_id or "", message, _is_missing(violation))
    for theirs, ours in _WORDS:
        message = theirs.sub(ours, message)
    if proto.rule_id == _PATTERN:
        message = f"must {_must(violation, request) or 'have another form'}"
    return _refusal(reason, field, message, allowed, MISSING if _is_missing(violation) else "", broken)


def _is_missing(violation: Violation) -> bool:
    """Whether a rule wants a field that is not there, or empty, which is the same in proto3."""
    rule, value = violation.proto.rule_id or "", violation.field_value
    return rule == "required" or (rule in _NOT_EMPTY and not value)


def _rule(rule_id: str, message: str, is_missing: bool) -> dict[str, str]:
    """The broken rule for programs: its kind and its limits; empty for a rule of another kind."""
    if is_missing:
        return {"rule": "required"}
    kind, _, rule = rule_id.partition(".")
    if rule in _LENGTHS:
        kind = "items" if kind == "repeated" else "length"
        return {"rule": kind} | dict(zip(_LENGTHS[rule], _NUMBER.findall(message), strict=False))
    if rule in _RANGES:
        kind, limits = _RANGES[rule]
        return {"rule": kind} | dict(zip(limits, _NUMBER.findall(message), strict=False))
    return {"rule": _KINDS[rule]} if rule in _KINDS else {}


def _refusal(
    reason: ErrorReason, field: str, problem: str, allowed: Sequence[str], kind: str, rule: Mapping[str, str] = MappingProxyType({})
) -> DarkroomError:
    if not field:
        return DarkroomError(reason, problem, allowed=allowed)
    broken = errors.Violation(field, problem, kind) if kind else errors.Violation(field, problem)
    told = dict(rule) or ({"rule": "required"} if kind == MISSING else {})
    return DarkroomError(reason, f"{field}: {problem}", allowed=allowed, violations=[broken], metadata=told)


def _must(violation: Violation, request: Message) -> str:
    """The field's option `must`; empty if it has none."""
    path, message = violation.proto.field, request.DESCRIPTOR
    names = [element.field_name or "" for element in path.elements] if path is not None else []
    for name in names[:-1]:
        inner = message.fields_by_name[name].message_type
        if inner is None:
            return ""
        message = inner
    return str(message.fields_by_name[names[-1]].GetOptions().Extensions[options_pb2.must]) if names else ""


def _path(violation: Violation) -> str:
    """The field's path as a client would write it: `files[0].name`."""
    path = ""
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        path += f".{element.field_name}" if path else (element.field_name or "")
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    return path
