"""Metrics of tasks: counters that follow the transitions, and gauges read from the database. docs/how-to/monitoring.md explains them."""
