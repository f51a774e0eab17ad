"""Filling what a person wants gone from a picture: by a network (`models`), or from the rest of the picture (`patches`)."""
