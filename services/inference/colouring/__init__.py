"""Colours for gray pictures."""
