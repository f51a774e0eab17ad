"""The contents of ZIP archives."""
