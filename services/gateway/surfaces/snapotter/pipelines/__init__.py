"""Pipelines: several tools in one task."""
