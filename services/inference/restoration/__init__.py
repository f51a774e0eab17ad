"""Mending scanned photographs."""
