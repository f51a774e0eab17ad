"""The edge's questions."""
