"""The operator's view of a process: Prometheus metrics, liveness and readiness. docs/how-to/monitoring.md lists all of it."""
