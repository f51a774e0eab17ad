"""`darkroom-admin`: making an installation, checking it, migrating its databases, and administering it."""

# First, since it has nats-py loaded without aiohttp: a quarter of what a command here takes to start.
import services  # noqa: F401
