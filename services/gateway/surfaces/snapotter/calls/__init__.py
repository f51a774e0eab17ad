"""Calls of tools, uploads and downloads."""
