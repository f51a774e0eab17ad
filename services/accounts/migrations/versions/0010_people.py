"""People, their teams and roles, sessions and API keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger, server_default=sa.text("next_id()"), nullable=False)


def _account_id() -> sa.Column[Any]:
    return sa.Column("account_id", sa.BigInteger, nullable=False)


def _uuid(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, server_default=sa.text("CAST(gen_random_uuid() AS text)"), nullable=False)


def _created_at(name: str = "created_at") -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "team",
        _account_id(),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("account_id", "id", name="team_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="team_account_id_fkey"),
    )
    op.create_table(
        "role",
        _account_id(),
        sa.Column("name", sa.Text, nullable=False),
        _uuid("id"),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("permissions", ARRAY(sa.Text), nullable=False),
        _created_at(),
        _created_at("updated_at"),
        sa.PrimaryKeyConstraint("account_id", "name", name="role_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="role_account_id_fkey"),
    )
    op.create_index("role_by_id", "role", ["id"], unique=True)
    op.create_table(
        "person",
        _id(),
        _account_id(),
        _uuid("public_id"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False),
        _created_at(),
        sa.Column("analytics_enabled", sa.Boolean),
        sa.Column("analytics_asked_at", sa.DateTime(timezone=True)),
        sa.Column("analytics_remind_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="person_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="person_account_id_fkey"),
        sa.ForeignKeyConstraint(["account_id", "team_id"], ["team.account_id", "team.id"], name="person_team_fkey"),
    )
    op.create_index("person_by_name", "person", ["account_id", "name"], unique=True)
    op.create_index("person_by_public_id", "person", ["public_id"], unique=True)
    op.create_table(
        "session",
        _id(),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        _created_at(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("refreshed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="session_pkey"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="session_person_id_fkey", ondelete="SET NULL"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="session_digest_length"),
    )
    op.create_index("session_expiring", "session", ["expires_at"])
    op.create_table(
        "person_key",
        _id(),
        _uuid("public_id"),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("permissions", ARRAY(sa.Text)),
        _created_at(),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("refreshed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="person_key_pkey"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="person_key_person_id_fkey", ondelete="SET NULL"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="person_key_digest_length"),
        sa.CheckConstraint("cardinality(permissions) > 0", name="person_key_permissions_some"),
    )
    op.create_index("person_key_by_public_id", "person_key", ["public_id"], unique=True)
    op.create_index("person_key_expiring", "person_key", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    for table in ("session", "person_key"):
        op.create_index(f"{table}_by_digest", table, ["sha256"], unique=True)
        op.create_index(f"{table}_of_person", table, ["person_id"])
        for name in ("ended", "refreshed"):
            op.create_index(f"{table}_{name}", table, [f"{name}_at"], postgresql_where=sa.text(f"{name}_at IS NOT NULL"))


def downgrade() -> None:
    for table in ("person_key", "session", "person", "role", "team"):
        op.drop_table(table)
