"""Saved pipelines."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, Text
from sqlmodel import Field

from services.tasks.store.tables.base import TasksTable, moment


class PipelineRow(TasksTable, table=True):
    """A pipeline that somebody has saved."""

    __tablename__ = "pipeline"
    __table_args__ = (Index("pipeline_account", "account_id", "number"),)

    number: int | None = Field(None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    id: UUID = Field(unique=True)
    account_id: int = Field(sa_type=BigInteger)
    owner: str = Field(sa_type=Text)
    definition: bytes = Field(sa_type=LargeBinary)
    create_time: datetime = moment(nullable=False)
