"""The surfaces of accounts."""
