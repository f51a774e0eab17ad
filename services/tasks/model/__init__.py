"""The tasks database as the domain and the surfaces see it: frozen dataclasses, which the store builds from rows, and enumerations.

Operations and notices are serialised messages, not JSON, so that a replica of the previous version keeps fields it does not know.
"""

from services.tasks.model.account import AccountPolicy, LedgerEntry, LedgerKind
from services.tasks.model.away_worker import AwayWorker
from services.tasks.model.batch import Batch
from services.tasks.model.task import Task, TaskAttempt, TaskEvent
from services.tasks.model.webhook import WebhookDelivery

__all__ = ["AccountPolicy", "AwayWorker", "Batch", "LedgerEntry", "LedgerKind", "Task", "TaskAttempt", "TaskEvent", "WebhookDelivery"]
