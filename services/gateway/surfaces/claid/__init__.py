"""Uploads of Claid's API."""
