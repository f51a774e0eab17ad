"""Photographs with watermarks whose truth is known, and pictures without one that tempt a detector; made in `.venv-bench`."""
