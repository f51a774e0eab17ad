"""Photographs with watermarks and known ground truth, and unmarked pictures that tempt a detector; made in `.venv-bench`."""
