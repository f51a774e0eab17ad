"""ZIP archives as streams."""
