"""What an operator sees of a process: Prometheus metrics, and whether it lives and is ready. docs/monitoring.md lists all of it."""
