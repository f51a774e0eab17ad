"""What an operator sees of a process: Prometheus metrics, liveness and readiness. docs/monitoring.md lists all of it."""
