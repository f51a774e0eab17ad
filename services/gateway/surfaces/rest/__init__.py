"""Forms of Darkroom's JSON API, `/v1`."""
