"""Tasks: accepted, ordered, handed to workers, watched over, and told about until they end."""
