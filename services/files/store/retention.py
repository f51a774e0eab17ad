"""How long files of an account are kept, where the operator has said so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.common.db import transaction
from services.files.store.rows import Store, run


def own_life(column: str) -> str:
    """SQL for the life of a row of `file`: what its account has been given, else `:life`. `column` is one of `account_retention`."""
    own = f"SELECT {column} FROM account_retention AS own WHERE own.account_id = file.account_id"  # noqa: S608 - names of our own columns
    return f"coalesce(({own}), CAST(:life AS interval))"


OUTPUT_LIFE = own_life("output_life")
TEMPORARY_LIFE = own_life("temporary_life")


@dataclass(frozen=True, slots=True)
class AccountLives:
    """An account's own terms; None: those of the settings."""

    temporary: timedelta | None = None
    output: timedelta | None = None


class RetentionStore(Store):
    """The operator's side of `account_retention`."""

    async def lives(self, account_id: int) -> AccountLives:
        """What the account has been given."""
        async with transaction(self._engine) as connection:
            found = await run(
                connection,
                "SELECT temporary_life, output_life FROM account_retention WHERE account_id = :account_id",
                account_id=account_id,
            )
            row = found.one_or_none()
        return AccountLives(row.temporary_life, row.output_life) if row is not None else AccountLives()

    async def set_lives(self, account_id: int, lives: AccountLives) -> None:
        """Give an account terms, for files that become READY or are shown from now on."""
        async with transaction(self._engine) as connection:
            await run(
                connection,
                """
                INSERT INTO account_retention (account_id, temporary_life, output_life) VALUES (:account_id, :temporary, :output)
                ON CONFLICT (account_id) DO UPDATE SET temporary_life = excluded.temporary_life, output_life = excluded.output_life
                """,
                account_id=account_id,
                temporary=lives.temporary,
                output=lives.output,
            )
