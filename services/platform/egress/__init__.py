"""Requests to hosts that clients name. They reach the public Internet and what the operator allows, and nothing else."""
