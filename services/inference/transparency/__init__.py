"""Transparency that was painted, or lost, made real."""
