"""A column of an enumeration is `text` in the database, and a member in Python."""

from __future__ import annotations

from enum import StrEnum

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from services.platform.columns import EnumText


class Colour(StrEnum):
    RED = "red"


TABLE = Table("paint", MetaData(), Column("colour", EnumText(Colour)))


def test_its_type_in_the_database_is_text() -> None:
    assert "colour TEXT" in str(CreateTable(TABLE).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("colour", [Colour.RED, None])
def test_it_stores_the_value_and_loads_the_member(colour: Colour | None) -> None:
    with create_engine("sqlite://").begin() as connection:
        TABLE.create(connection)
        connection.execute(insert(TABLE), {"colour": colour})
        assert connection.execute(select(TABLE.c.colour)).scalar_one() is colour
        assert connection.execute(text("SELECT colour FROM paint")).scalar_one() == (colour and "red")


def test_a_value_that_it_does_not_know_is_an_error() -> None:
    with create_engine("sqlite://").begin() as connection:
        TABLE.create(connection)
        connection.execute(text("INSERT INTO paint VALUES ('blue')"))
        with pytest.raises(ValueError, match="blue"):
            connection.execute(select(TABLE.c.colour)).all()
