"""Darkroom's JSON API, `/v1`."""
