"""The networks from which people have signed in."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Those of earlier sessions are not known: people are familiar where they sign in from now on."""
    op.execute("""
CREATE TABLE familiar_network (
    person_id bigint NOT NULL,
    network text NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT familiar_network_pkey PRIMARY KEY (person_id, network),
    CONSTRAINT familiar_network_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id) ON DELETE CASCADE
)
""")
    op.execute("CREATE INDEX familiar_network_last ON familiar_network (last_at)")
