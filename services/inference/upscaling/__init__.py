"""Super-resolution, tile by tile."""
