"""Column types that services' tables share."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Dialect, Text, TypeDecorator

Member = TypeVar("Member", bound=StrEnum)


class EnumText(TypeDecorator[Member]):
    """A `text` column that holds values of an enumeration and loads them as its members."""

    impl = Text
    cache_ok = True

    def __init__(self, enumeration: type[Member]) -> None:
        super().__init__()
        self.enumeration = enumeration

    def process_bind_param(self, value: Member | None, dialect: Dialect) -> str | None:
        """The text of a member."""
        return value.value if value is not None else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Member | None:
        return self.enumeration(value) if value is not None else None
