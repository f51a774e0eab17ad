"""The fal queue."""
