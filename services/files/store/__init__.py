"""The statements of the files service, each with what it guards against.

Every transaction that locks several rows of `file` locks them in the order of their ids, so that no two can wait for each other.
"""

from services.files.store.files import FileStore, Found
from services.files.store.retention import AccountLives, RetentionStore
from services.files.store.sweep import SweepStore
from services.files.store.tasks import Ended, TaskFileStore

__all__ = ["AccountLives", "Ended", "FileStore", "Found", "RetentionStore", "SweepStore", "TaskFileStore"]
