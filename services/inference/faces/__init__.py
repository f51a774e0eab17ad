"""Faces in pictures: where they are, their points, and what is done to them."""
