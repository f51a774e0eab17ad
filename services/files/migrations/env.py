"""Alembic's entry point for the files database."""

from services.files.store.tables import FilesTable
from services.platform.migrations import run_environment

run_environment(FilesTable.metadata)
