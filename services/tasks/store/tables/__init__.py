"""The tables of the tasks database: its schema, and rows for plain reads. `services.tasks.model` documents the columns; here only
what the domain does not see."""

from services.tasks.store.tables.account import AccountPolicyRow, LaneAccountRow, LaneClassRow, LedgerEntryRow
from services.tasks.store.tables.away_worker import AwayWorkerRow
from services.tasks.store.tables.base import TasksTable
from services.tasks.store.tables.batch import BatchRow
from services.tasks.store.tables.pipeline import PipelineRow
from services.tasks.store.tables.task import (
    AuditRow,
    EventOutboxRow,
    EventRetentionRow,
    IdempotencyRow,
    TaskAttemptRow,
    TaskEventRow,
    TaskRow,
)
from services.tasks.store.tables.webhook import WebhookDeliveryRow, WebhookRow, WebhookSecretRow

__all__ = [
    "AccountPolicyRow",
    "AuditRow",
    "AwayWorkerRow",
    "BatchRow",
    "EventOutboxRow",
    "EventRetentionRow",
    "IdempotencyRow",
    "LaneAccountRow",
    "LaneClassRow",
    "LedgerEntryRow",
    "PipelineRow",
    "TaskAttemptRow",
    "TaskEventRow",
    "TaskRow",
    "TasksTable",
    "WebhookDeliveryRow",
    "WebhookRow",
    "WebhookSecretRow",
]
