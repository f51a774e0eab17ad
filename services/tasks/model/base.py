"""What the tables have in common."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, text
from sqlalchemy.orm import ClassManager, class_mapper, registry
from sqlmodel import Field, SQLModel


class TasksTable(SQLModel, registry=registry()):
    """Base of the tables; `TasksTable.metadata` holds this service's tables only."""


Table = TypeVar("Table", bound=TasksTable)


def loaded(table: type[Table], columns: Mapping[str, Any]) -> Table:
    """A row built as SQLAlchemy loads one: without the constructor and its checks, which take many times as long."""
    row: Table = _manager(table).new_instance()
    row.__dict__.update(columns)
    return row


@cache
def _manager(table: type[TasksTable]) -> ClassManager[Any]:
    """Looked up only once, since there are many rows."""
    return class_mapper(table).class_manager


def moment(*, nullable: bool = True) -> Any:
    """A column that holds a moment, with its time zone."""
    return Field(None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def array(item: type[BigInteger | LargeBinary]) -> Any:
    """A column that holds an array, never NULL."""
    return Field(sa_column=Column(ARRAY(item), nullable=False))


def with_default(item: type[BigInteger | Boolean | Integer], default: str) -> Any:
    """A column with a database default, for rows that a replica of the previous version inserts."""
    return Field(sa_column=Column(item, nullable=False, server_default=text(default)))
