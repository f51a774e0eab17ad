"""Pictures by URL, `/i`."""
