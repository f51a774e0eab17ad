"""Machines whose workers are expected to come back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, Boolean, Column, Text
from sqlmodel import Field

from services.tasks.store.tables.base import TasksTable, moment


class AwayWorkerRow(TasksTable, table=True):
    """A machine in its last known state."""

    __tablename__ = "away_worker"

    name: str = Field(sa_type=Text, primary_key=True)
    lanes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    operations: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    gpu: bool = Field(sa_type=Boolean)
    seen_time: datetime = moment(nullable=False)
    until: datetime = moment(nullable=False)
