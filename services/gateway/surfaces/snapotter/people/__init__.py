"""People who sign in: their sessions, roles and teams, and what they have done."""
