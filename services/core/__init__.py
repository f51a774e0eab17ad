"""Several services in one process, for an installation on one machine."""
