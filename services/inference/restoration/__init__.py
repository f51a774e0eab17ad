"""Restoring scanned photographs."""
