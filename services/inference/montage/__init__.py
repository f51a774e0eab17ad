"""Several pictures in one: collages, rows, columns and grids."""
