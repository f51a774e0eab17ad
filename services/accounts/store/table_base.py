"""The common parts of all tables of the accounts database."""

from __future__ import annotations

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class AccountsTable(SQLModel, registry=registry()):
    """Base of the tables; `AccountsTable.metadata` holds this service's tables only."""
