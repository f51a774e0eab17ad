"""Batches: many files in, a ZIP of the results out."""
