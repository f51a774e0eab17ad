"""The questions of the edge."""
