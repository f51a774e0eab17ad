"""Tasks that are created, watched, cancelled and collected together."""
