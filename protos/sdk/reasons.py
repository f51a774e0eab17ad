"""Writes `darkroom.common.v1.reasons`: the protos' enum `ErrorReason` with Python names for its values."""

from __future__ import annotations

from darkroom.common.v1 import errors_pb2

_PREFIX = "ERROR_REASON_"

_MODULE = '''"""Why a call was refused or a task failed: `darkroom.common.v1.ErrorReason` as Python code names its values. Generated."""

import enum
from functools import cache

from darkroom.common.v1 import errors_pb2


class ErrorReason(enum.StrEnum):
    """The values of the proto enum, without their prefix."""

{members}
    @property
    def number(self) -> errors_pb2.ErrorReason.ValueType:
        """The proto enum's value."""
        return errors_pb2.ErrorReason.Value("{prefix}" + self.value)

    @property
    def mapping(self) -> errors_pb2.ErrorMapping:
        """How the reason is rendered on every surface."""
        return _mapping(self)

    @classmethod
    def from_number(cls, number: int) -> "ErrorReason":
        """The reason for a proto enum value; INTERNAL for one that this version does not know."""
        value = errors_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(number)
        return cls(value.name.removeprefix("{prefix}")) if value is not None and number else cls.INTERNAL


@cache
def _mapping(reason: ErrorReason) -> errors_pb2.ErrorMapping:
    value = errors_pb2.ErrorReason.DESCRIPTOR.values_by_name["{prefix}" + reason.value]
    return value.GetOptions().Extensions[errors_pb2.error]
'''


def reasons_module() -> str:
    """The module's text."""
    names = [name.removeprefix(_PREFIX) for name, number in errors_pb2.ErrorReason.items() if number]
    return _MODULE.format(members="".join(f'    {name} = "{name}"\n' for name in names), prefix=_PREFIX)
