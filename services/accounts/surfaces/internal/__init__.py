"""The calls of other services."""
