"""The rules and decisions of the service."""
