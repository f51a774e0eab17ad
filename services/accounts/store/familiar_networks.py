"""The networks from which people have signed in: where somebody else's guesses do not keep them out."""

from __future__ import annotations

from sqlalchemy import text

NOTE_NETWORK = """
familiar AS (
  INSERT INTO familiar_network (person_id, network) SELECT id, CAST(:network AS text) FROM owner WHERE CAST(:network AS text) <> ''
  ON CONFLICT (person_id, network) DO UPDATE SET last_at = now()
)"""
"""The part of a statement that signs in the person in its part `owner`."""

IS_FAMILIAR = text("""
SELECT 1 FROM familiar_network JOIN person ON person.id = person_id
WHERE person.account_id = :account_id AND person.name = :name AND familiar_network.network = :network
""")

SWEEP_NETWORKS = text("""
DELETE FROM familiar_network WHERE (person_id, network) IN (
  SELECT person_id, network FROM familiar_network WHERE last_at < now() - interval '90 days' LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING 1
""")
