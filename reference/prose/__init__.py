"""Checks that documents, comments, messages and help texts are plain English. `python -m reference.prose --help` lists its options."""
