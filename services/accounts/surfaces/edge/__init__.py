"""What the edge asks."""
