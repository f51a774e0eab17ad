"""Alembic's entry point for the files database."""

from services.common.migrations import run_environment
from services.files.store.tables import FilesTable

run_environment(FilesTable.metadata)
