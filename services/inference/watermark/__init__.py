"""Removing visible watermarks from pictures: where they are, how they were laid over the picture, and what replaces them."""
