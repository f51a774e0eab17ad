"""The tables of the tasks database.

The service reads and writes them with the statements in `store`; instances are rows as they were read. Operations and notices are stored as
serialised messages, not as JSON, so that a replica of the previous version keeps fields it does not know.
"""

from services.tasks.model.account import AccountPolicy, LaneAccount, LaneClass, LedgerEntry, LedgerKind
from services.tasks.model.base import TasksTable, loaded
from services.tasks.model.batch import Batch
from services.tasks.model.task import EventRetention, Idempotency, Task, TaskAttempt, TaskEvent
from services.tasks.model.webhook import Webhook, WebhookDelivery, WebhookSecret

__all__ = [
    "AccountPolicy",
    "Batch",
    "EventRetention",
    "Idempotency",
    "LaneAccount",
    "LaneClass",
    "LedgerEntry",
    "LedgerKind",
    "Task",
    "TaskAttempt",
    "TaskEvent",
    "TasksTable",
    "Webhook",
    "WebhookDelivery",
    "WebhookSecret",
    "loaded",
]
