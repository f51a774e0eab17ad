"""What other services call."""
