"""Bundles of models: which are installed, and installing and removing them while the platform runs."""
