"""Claid's image editing API."""
