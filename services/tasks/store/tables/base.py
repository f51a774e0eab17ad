"""The common parts of the tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class TasksTable(SQLModel, registry=registry()):
    """Base of the tables; `TasksTable.metadata` holds this service's tables only."""


def moment(*, nullable: bool = True) -> Any:
    """A column that holds a moment, with its time zone."""
    return Field(None, sa_column=Column(DateTime(timezone=True), nullable=nullable))


def array(item: type[BigInteger | LargeBinary]) -> Any:
    """A column that holds an array, never NULL."""
    return Field(sa_column=Column(ARRAY(item), nullable=False))


def later_array(item: type[Text]) -> Any:
    """The same with a database default, for rows that a replica of the previous version inserts."""
    return Field(sa_column=Column(ARRAY(item), nullable=False, server_default=text("'{}'")))


def optional_array(item: type[BigInteger | LargeBinary]) -> Any:
    """A column that holds an array, or NULL."""
    return Field(None, sa_column=Column(ARRAY(item)))


def with_default(item: type[BigInteger | Boolean | Integer], default: str) -> Any:
    """A column with a database default, for rows that a replica of the previous version inserts."""
    return Field(sa_column=Column(item, nullable=False, server_default=text(default)))
