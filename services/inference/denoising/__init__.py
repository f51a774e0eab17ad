"""Removing noise."""
