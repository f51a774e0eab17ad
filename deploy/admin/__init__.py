"""`darkroom-admin`: making an installation, checking it, migrating its databases, and administering it."""
