"""How balances are read, and changed by the operator. What tasks do to them is part of their transitions, in `store/transitions.py`."""

from sqlalchemy import text

BALANCE = text("""
SELECT
  coalesce(policy.available_millicredits, 0) AS available_millicredits,
  coalesce(policy.reserved_millicredits, 0) AS reserved_millicredits,
  coalesce(policy.unlimited, :unlimited) AS unlimited,
  coalesce(policy.multiplier_permille, :multiplier_permille) AS multiplier_permille
FROM (VALUES (CAST(:account_id AS bigint))) AS asked (account_id) LEFT JOIN account_policy AS policy USING (account_id)
""")
"""An account's balance; one row for any account."""

ENTRIES = text("""
SELECT * FROM ledger_entry
WHERE account_id = :account_id AND id < :before_id
ORDER BY id DESC
LIMIT :limit
""")
"""A page of the account's entries, newest first."""

GRANT = text("""
WITH entered AS (
  INSERT INTO ledger_entry (account_id, kind, amount_millicredits, unlimited, time, note, reference)
  VALUES (:account_id, 'GRANT', :amount_millicredits, false, :now, :note, :reference)
  ON CONFLICT (account_id, reference) WHERE reference IS NOT NULL DO NOTHING
  RETURNING *
), granted AS (
  INSERT INTO account_policy AS policy (account_id, open, available_millicredits)
  SELECT account_id, 0, amount_millicredits FROM entered
  ON CONFLICT (account_id) DO UPDATE SET available_millicredits = policy.available_millicredits + excluded.available_millicredits
)
SELECT * FROM entered
""")
"""Add to an account's balance, unless the account has been granted something under this reference: then no row."""

GRANTED = text("SELECT * FROM ledger_entry WHERE account_id = :account_id AND reference = :reference")
"""The grant that has used a reference."""

REFUND = text("""
WITH entered AS (
  INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time, note)
  SELECT account_id, task_id, 'REFUND', amount_millicredits, unlimited, :now, :note
  FROM ledger_entry
  WHERE task_id = :task_id AND kind = 'SETTLE'
  ON CONFLICT ON CONSTRAINT ledger_entry_once_a_task DO NOTHING
  RETURNING *
), refunded AS (
  UPDATE account_policy SET available_millicredits = available_millicredits + entered.amount_millicredits
  FROM entered
  WHERE account_policy.account_id = entered.account_id AND NOT entered.unlimited
)
SELECT * FROM entered
""")
"""Give back what a task has cost, once. No row: it has cost nothing, or that has been given back."""

REFUNDED = text("SELECT * FROM ledger_entry WHERE task_id = :task_id AND kind = 'REFUND'")
"""The refund that a task has had."""

SET_TERMS = text("""
INSERT INTO account_policy (account_id, open, unlimited, multiplier_permille)
VALUES (:account_id, 0, :unlimited, :multiplier_permille)
ON CONFLICT (account_id) DO UPDATE SET unlimited = excluded.unlimited, multiplier_permille = excluded.multiplier_permille
""")
"""Set an account's terms for tasks to come; NULL: those of the settings."""
