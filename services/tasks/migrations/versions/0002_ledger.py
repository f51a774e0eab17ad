"""Credits: the ledger, balances, and what each task reserves and costs.

Existing tasks have reserved nothing, so they end free of charge. The defaults do the same for tasks that a replica of the previous version
creates meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TASK = (
    sa.Column("multiplier_permille", sa.Integer, nullable=False, server_default=sa.text("1000")),
    sa.Column("reserved_millicredits", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("charged_millicredits", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("unlimited", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("expected_outputs", sa.Integer, nullable=False, server_default=sa.text("0")),
)
_POLICY = (
    sa.Column("available_millicredits", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("reserved_millicredits", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("unlimited", sa.Boolean),
    sa.Column("multiplier_permille", sa.Integer),
)
_NOT_NEGATIVE = {"available": "available_millicredits", "reserved": "reserved_millicredits", "multiplier": "multiplier_permille"}


def upgrade() -> None:
    # Constant defaults: PostgreSQL adds these columns without rewriting the table.
    for column in _TASK:
        op.add_column("task", column)
    for column in _POLICY:
        op.add_column("account_policy", column)
    for name, column_name in _NOT_NEGATIVE.items():
        op.create_check_constraint(f"account_policy_{name}_not_negative", "account_policy", f"{column_name} >= 0")
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("task_id", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_millicredits", sa.BigInteger, nullable=False),
        sa.Column("unlimited", sa.Boolean, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("reference", sa.Text),
        sa.UniqueConstraint("task_id", "kind", name="ledger_entry_once_a_task"),
        sa.CheckConstraint("kind IN ('GRANT', 'RESERVE', 'SETTLE', 'RELEASE', 'REFUND')", name="ledger_entry_kind_known"),
        sa.CheckConstraint("(task_id IS NULL) = (kind = 'GRANT')", name="ledger_entry_about_a_task"),
        sa.CheckConstraint("amount_millicredits > 0", name="ledger_entry_amount_positive"),
    )
    op.create_index("ledger_entry_account", "ledger_entry", ["account_id", sa.text("id DESC")])
    op.create_index(
        "ledger_entry_once_a_reference",
        "ledger_entry",
        ["account_id", "reference"],
        unique=True,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("ledger_entry")
    for column in _POLICY:
        op.drop_column("account_policy", column.name)
    for column in _TASK:
        op.drop_column("task", column.name)
