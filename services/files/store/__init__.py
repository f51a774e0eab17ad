"""The SQL statements of the files service, each with what it guards against.

Every transaction that locks several rows of `file` locks them in the order of their ids, and rows of `account_storage` only after that
(`services.files.store.storage`), so that no two can wait for each other. One that inserts files and locks none may lock the latter first.
"""

from services.files.store.bundles import BundleStore
from services.files.store.files import FileStore
from services.files.store.library import LibraryStore
from services.files.store.pictures import PictureStore
from services.files.store.retention import AgeStore, RetentionStore
from services.files.store.storage import Check, Growth, StorageStore
from services.files.store.sweep import SweepStore
from services.files.store.task_files import TaskFileStore
from services.files.store.watches import WatchStore

__all__ = [
    "AgeStore",
    "BundleStore",
    "Check",
    "FileStore",
    "Growth",
    "LibraryStore",
    "PictureStore",
    "RetentionStore",
    "StorageStore",
    "SweepStore",
    "TaskFileStore",
    "WatchStore",
]
