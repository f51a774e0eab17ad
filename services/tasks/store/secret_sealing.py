"""All webhook secrets of the tasks database, encrypted again or decrypted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import TextClause, text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database
from services.platform.log import get_logger
from services.tasks.store.base import Store
from services.tasks.store.secret_cipher import SecretCipher, SecretUnreadable

_logger = get_logger()

STORED_OTHERWISE = text("""
SELECT account_id, webhook_id, secret, previous_secret FROM webhook_secret
WHERE (account_id, webhook_id) > (:account_id, :webhook_id)
  AND NOT (starts_with(secret, :prefix) AND (previous_secret IS NULL OR starts_with(previous_secret, :prefix)))
ORDER BY account_id, webhook_id
LIMIT :limit
""")
"""Secrets of which one does not begin with `:prefix`."""

REPLACE = text("""
UPDATE webhook_secret SET secret = :replacement, previous_secret = :previous_replacement
WHERE account_id = :account_id AND webhook_id = :webhook_id
  AND secret = :secret AND previous_secret IS NOT DISTINCT FROM CAST(:previous_secret AS text)
RETURNING webhook_id
""")
"""Store the same secrets in another form, unless they have been rotated meanwhile."""

REPLACE_LOST = text(f"""
WITH replaced AS (
  UPDATE webhook_secret SET secret = :replacement, previous_secret = :previous_replacement
  WHERE account_id = :account_id AND webhook_id = :webhook_id
    AND secret = :secret AND previous_secret IS NOT DISTINCT FROM CAST(:previous_secret AS text)
  RETURNING account_id, webhook_id AS id
),{audit_sql("replaced", audit_pb2.AUDIT_ACTION_WEBHOOK_SECRET_ROTATED)}
SELECT id FROM replaced
""")  # noqa: S608 - put together from constants
"""Replace secrets by others."""

_Change = Callable[[int, int, Sequence[str | None]], Sequence[str | None] | None]
"""From the account, the webhook and its two secrets as stored to the two to be stored; None to leave them."""
_AT_ONCE = 500
_PLAIN = "whsec_"


class SecretSealing(Store):
    """Changes how secrets are stored, while they are in use."""

    def __init__(self, database: Database, cipher: SecretCipher) -> None:
        super().__init__(database)
        self._cipher = cipher

    async def seal(self) -> int:
        """Encrypt with the first key what is in plain text or encrypted with another; returns how many webhooks that concerned.

        Raises SecretUnreadable if a key is missing. A secret that has been changed by another hand is logged and left.
        """
        return await self._replace_all(self._cipher.prefix, self._readable(self._cipher.seal))

    async def unseal(self) -> int:
        """Store all secrets in plain text, as versions did that did not encrypt them; otherwise like `seal`."""
        return await self._replace_all(_PLAIN, self._readable(lambda _account_id, _webhook_id, secret: secret))

    async def replace_lost(self, new_secret: Callable[[], str]) -> int:
        """Give webhooks whose secrets cannot be read new ones, and forget the previous ones; returns how many."""
        return await self._replace_all(self._cipher.prefix, partial(self._replaced_if_lost, new_secret), REPLACE_LOST)

    def _readable(self, form: Callable[[int, int, str], str]) -> _Change:
        def reseal(account_id: int, webhook_id: int, stored: Sequence[str | None]) -> Sequence[str | None] | None:
            try:
                return [one and form(account_id, webhook_id, self._cipher.open(account_id, webhook_id, one)) for one in stored]
            except SecretUnreadable as error:
                if not error.key_known:
                    raise
                _logger.error("webhook_secret_changed", account_id=account_id, webhook_id=webhook_id, advice="rotate it twice")
                return None

        return reseal

    def _replaced_if_lost(
        self, new_secret: Callable[[], str], account_id: int, webhook_id: int, stored: Sequence[str | None]
    ) -> Sequence[str | None] | None:
        try:
            for one in filter(None, stored):
                self._cipher.open(account_id, webhook_id, one)
        except SecretUnreadable:
            return [self._cipher.seal(account_id, webhook_id, new_secret()), None]
        return None

    async def _replace_all(self, prefix: str, change: _Change, statement: TextClause = REPLACE) -> int:
        changed, account_id, webhook_id = 0, 0, -1
        while True:
            position = {"account_id": account_id, "webhook_id": webhook_id, "prefix": prefix, "limit": _AT_ONCE}
            rows = await self._run(STORED_OTHERWISE, position)
            for row in rows:
                account_id, webhook_id = row["account_id"], row["webhook_id"]
                replacement = change(account_id, webhook_id, (row["secret"], row["previous_secret"]))
                if replacement is not None:
                    values = {**row, "replacement": replacement[0], "previous_replacement": replacement[1], **actor_values()}
                    changed += len(await self._run(statement, values))
            if len(rows) < _AT_ONCE:
                return changed
