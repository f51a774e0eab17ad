"""The SQL statements of the files service, each with what it guards against.

Every transaction that locks several rows of `file` locks them in the order of their ids, and rows of `account_storage` only after that
(`services.files.store.storage`), so that no two can wait for each other.
"""

from services.files.store.files import FileStore
from services.files.store.retention import RetentionStore
from services.files.store.storage import Check, StorageStore
from services.files.store.sweep import SweepStore
from services.files.store.task_files import TaskFileStore

__all__ = ["Check", "FileStore", "RetentionStore", "StorageStore", "SweepStore", "TaskFileStore"]
