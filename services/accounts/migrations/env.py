"""Alembic's entry point for the accounts database."""

from services.accounts.store.tables import AccountsTable
from services.platform.migrations import run_environment

run_environment(AccountsTable.metadata)
