"""Accepting tasks."""
